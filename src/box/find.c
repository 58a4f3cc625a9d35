/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/find.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/state.h"
#include "spec/spec_json.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

enum {
    ID_MAX_BYTES = 80,
    CONFIG_BYTES_MAX = 16 << 20
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

/* The container @id with the name @name; 0 when it is just going. */
static int fill(const struct store *store, const char *id, const char *name, struct found *ret)
{
    autoclose int dir_fd =
        openat(store->containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir_fd < 0) {
        return 0;
    }
    *ret = (struct found){
        .id = xstrdup(id), .name = xstrdup(name), .dir_fd = steal_fd(&dir_fd), .run_fd = -1};
    return 1;
}

/* Where the link @name leads; 0: nowhere. */
static int read_link(int names_fd, const char *name, char ret_id[ID_MAX_BYTES])
{
    ssize_t n = readlinkat(names_fd, name, ret_id, ID_MAX_BYTES - 1);

    ret_id[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static void add(struct found_list *l, const struct found *f)
{
    l->rows = xrealloc(l->rows, l->count + 1, sizeof(*l->rows));
    l->rows[l->count++] = *f;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

/* Sorted, from the list @l of one who gathered it. */
static void hand_out(struct found_list *l, struct found_list *ret)
{
    if (l->count > 0) {
        qsort(l->rows, l->count, sizeof(*l->rows), by_name);
    }
    *ret = *l;
    *l = (struct found_list){0};
}

static int open_names(const struct store *store, int *ret_fd, struct err *e)
{
    *ret_fd = openat(store->dir_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 && errno != ENOENT ? err_set(e, errno, "cannot read the names of containers")
                                          : 0;
}

/* Is @name a name of @id? */
static int leads_to(int names_fd, const char *name, const char *id)
{
    char holder[ID_MAX_BYTES];

    return read_link(names_fd, name, holder) && strcmp(holder, id) == 0;
}

/* Its name as config.json has it: that is quick, and right but for the moment of a rename. */
static char *configured_name(const struct store *store, const char *id)
{
    static const char *const PATHS[] = {"rbox.name", NULL};
    autofree char *path = xasprintf("%s/config.json", id);
    autofree char *text = NULL;
    json_auto_t *o = NULL;
    struct err ignored = {0};
    size_t len = 0;

    if (file_read(store->containers_fd, path, CONFIG_BYTES_MAX, &text, &len, &ignored) < 0 ||
        json_parse_some(text, len, path, PATHS, &o, &ignored) < 0) {
        return NULL;
    }
    return xstrdup_null(json_string_value(json_object_get(json_object_get(o, "rbox"), "name")));
}

/* NULL: it has none, yet or any more. The caller owns it. */
static char *name_of(const struct store *store, int names_fd, const char *id)
{
    autofree char *configured = configured_name(store, id);
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int fd = -1;

    if (configured != NULL && leads_to(names_fd, configured, id)) {
        return steal_ptr(&configured);
    }
    fd = openat(names_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (leads_to(names_fd, entry->d_name, id)) {
            return xstrdup(entry->d_name);
        }
    }
    return NULL;
}

/* Which containers of the store have a run folder. */
static void list_run_folders(const struct store *store, struct strv *ret)
{
    int fd = openat(store->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            strv_push(ret, entry->d_name);
        }
    }
    strv_sort(ret);
}

int find_all(const struct store *store, struct found_list *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    autostrv struct strv runs = {0};
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int fd = -1;

    state_sweep(store);
    list_run_folders(store, &runs);
    if (open_names(store, &fd, e) < 0) {
        return -e->errnum;
    }
    d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char id[ID_MAX_BYTES];
        struct found f;

        if (entry->d_name[0] != '.' && read_link(fd, entry->d_name, id) &&
            fill(store, id, entry->d_name, &f)) {
            f.run_fd = strv_has_sorted(&runs, id) ? open_running(store, id) : -1;
            add(&l, &f);
        }
    }
    hand_out(&l, ret);
    return 0;
}

/* From the run folders: the store may hold many more that do not run. */
int find_all_running(const struct store *store, struct found_list *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    autostrv struct strv runs = {0};
    autoclose int names_fd = -1;

    state_sweep(store);
    list_run_folders(store, &runs);
    if (open_names(store, &names_fd, e) < 0) {
        return -e->errnum;
    }
    for (size_t i = 0; i < runs.len; i++) {
        autoclose int run_fd = open_running(store, runs.v[i]);
        autofree char *name = run_fd >= 0 ? name_of(store, names_fd, runs.v[i]) : NULL;
        struct found f;

        if (name != NULL && fill(store, runs.v[i], name, &f)) {
            f.run_fd = steal_fd(&run_fd);
            add(&l, &f);
        }
    }
    hand_out(&l, ret);
    return 0;
}

/* The only id that is or begins with @word; -ENOENT, -ENOTUNIQ. */
static int find_id(const struct store *store, const char *word, char ret_id[ID_MAX_BYTES])
{
    int fd = openat(store->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    int r = -ENOENT;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.' || str_after(entry->d_name, word) == NULL ||
            strlen(entry->d_name) >= ID_MAX_BYTES) {
            continue;
        }
        if (r == 0) {
            return -ENOTUNIQ;
        }
        (void)strcpy(ret_id, entry->d_name);
        r = 0;
    }
    return r;
}

static int missing(const char *word, struct err *e)
{
    (void)err_new(e, ENOENT, "no container '%s'", word);
    return err_hint(e, "rbox ps --all");
}

/* A name comes before the beginning of an id. Neither reads what the other containers are. */
int find_container(const struct store *store, const char *word, struct found *ret, struct err *e)
{
    autoclose int names_fd = -1;
    autofree char *name = NULL;
    char id[ID_MAX_BYTES] = "";
    struct found f;
    int r = 0;

    state_sweep(store);
    if (open_names(store, &names_fd, e) < 0) {
        return -e->errnum;
    }
    if (*word == '\0' || *word == '.' || strchr(word, '/') != NULL) {
        return missing(word, e);
    }
    if (!read_link(names_fd, word, id) || !fill(store, id, word, &f)) {
        r = find_id(store, word, id);
        if (r == -ENOTUNIQ) {
            return err_new(e, ENOTUNIQ, "'%s' is the beginning of several containers' ids", word);
        }
        name = r == 0 ? name_of(store, names_fd, id) : NULL;
        if (name == NULL || !fill(store, id, name, &f)) {
            return missing(word, e);
        }
    }
    f.run_fd = open_running(store, id);
    *ret = f;
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
