/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/find.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

enum {
    ID_MAX_BYTES = 80
};

void found_done(struct found *f)
{
    free(f->id);
    free(f->name);
    close_fd(&f->dir_fd);
    close_fd(&f->run_fd);
    *f = (struct found){.dir_fd = -1, .run_fd = -1};
}

void found_list_done(struct found_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        found_done(&l->rows[i]);
    }
    free(l->rows);
    *l = (struct found_list){0};
}

/* The run folder of @id, if its supervisor holds the lock. Asked with a shared lock: two who ask at
 * once do not take each other for the supervisor. */
static int open_running(const struct store *store, const char *id)
{
    autoclose int fd = openat(store->run_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0) {
        return -1;
    }
    return steal_fd(&fd);
}

/* Fill @ret from the link @name; 0 when it leads nowhere: the container is just going. */
static int read_name(const struct store *store, int names_fd, const char *name, struct found *ret)
{
    char id[ID_MAX_BYTES];
    ssize_t n = readlinkat(names_fd, name, id, sizeof(id) - 1);
    autoclose int dir_fd = -1;

    if (n <= 0) {
        return 0;
    }
    id[n] = '\0';
    dir_fd = openat(store->containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir_fd < 0) {
        return 0;
    }
    *ret = (struct found){.id = xstrdup(id),
                          .name = xstrdup(name),
                          .dir_fd = steal_fd(&dir_fd),
                          .run_fd = open_running(store, id)};
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

int find_all(const struct store *store, struct found_list *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int fd = -1;

    state_sweep(store);
    fd = openat(store->dir_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT) {
        return err_set(e, errno, "cannot read the names of containers");
    }
    d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        struct found f;

        if (entry->d_name[0] != '.' && read_name(store, fd, entry->d_name, &f)) {
            l.rows = xrealloc(l.rows, l.count + 1, sizeof(*l.rows));
            l.rows[l.count++] = f;
        }
    }
    if (l.count > 0) {
        qsort(l.rows, l.count, sizeof(*l.rows), by_name);
    }
    *ret = l;
    l = (struct found_list){0};
    return 0;
}

/* Which of @l does @word mean? -1: none, -2: several. */
static long choose(const struct found_list *l, const char *word)
{
    long chosen = -1;

    for (size_t i = 0; i < l->count; i++) {
        if (str_eq(l->rows[i].name, word) || str_eq(l->rows[i].id, word)) {
            return (long)i;
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        if (str_after(l->rows[i].id, word) != NULL) {
            chosen = chosen == -1 ? (long)i : -2;
        }
    }
    return chosen;
}

int find_container(const struct store *store, const char *word, struct found *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    long i = -1;

    if (find_all(store, &l, e) < 0) {
        return -e->errnum;
    }
    i = *word != '\0' ? choose(&l, word) : -1;
    if (i == -2) {
        return err_new(e, ENOTUNIQ, "'%s' is the beginning of several containers' ids", word);
    }
    if (i < 0) {
        (void)err_new(e, ENOENT, "no container '%s'", word);
        return err_hint(e, "rbox ps --all");
    }
    *ret = l.rows[i];
    l.rows[i] = (struct found){.dir_fd = -1, .run_fd = -1};
    return 0;
}

int find_running(const struct store *store, const char *word, struct found *ret, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};

    if (find_container(store, word, &f, e) < 0) {
        return -e->errnum;
    }
    if (f.run_fd < 0) {
        (void)err_new(e, ESRCH, "container '%s' is not running", word);
        return err_hint(e, "rbox start %s", word);
    }
    *ret = f;
    f = (struct found){.dir_fd = -1, .run_fd = -1};
    return 0;
}
