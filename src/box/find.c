/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/find.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/state.h"
#include "spec/spec_json.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static const char UNREADABLE_NAMES[] = "cannot read the names of containers";

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

int found_list_has(const struct found_list *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->rows[i].id, id) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Open folder @id below @dir_fd. *ret_fd is -1 where there is none; that it can't be opened, for
 * lack of descriptors say, is something else: a container that is not seen may be taken for one
 * whose volumes and layers nobody needs. */
static int open_folder(int dir_fd, const char *id, int *ret_fd, struct err *e)
{
    *ret_fd = openat(dir_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? 0
               : err_set(e, errno, "cannot open a folder of container '%s'", id);
}

/* The run folder of @id, if its supervisor holds the lock; else -1. Asked with a shared lock: two
 * who ask at once do not take each other for the supervisor. */
static int open_running(const struct store *store, const char *id, int *ret_fd, struct err *e)
{
    int r = open_folder(store->run_fd, id, ret_fd, e);

    if (*ret_fd >= 0 && flock(*ret_fd, LOCK_SH | LOCK_NB) == 0) {
        close_fd(ret_fd);
    }
    return r;
}

/* The container @id with the name @name: returns 1; 0 when it is just going. */
static int fill(const struct store *store, const char *id, const char *name, struct found *ret,
                struct err *e)
{
    autoclose int dir_fd = -1;
    int r = open_folder(store->containers_fd, id, &dir_fd, e);

    if (dir_fd < 0) {
        return r;
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
    return *ret_fd < 0 && errno != ENOENT ? err_set(e, errno, UNREADABLE_NAMES) : 0;
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

/* *ret is the caller's. NULL: it has none, yet or any more. */
static int name_of(const struct store *store, int names_fd, const char *id, char **ret,
                   struct err *e)
{
    autofree char *configured = configured_name(store, id);
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int more = 0;

    if (configured != NULL && leads_to(names_fd, configured, id)) {
        *ret = steal_ptr(&configured);
        return 0;
    }
    d = names_fd >= 0 ? dir_open(names_fd, ".") : NULL;
    more = d != NULL || names_fd < 0 ? 0 : -errno;
    while (*ret == NULL && d != NULL && (more = dir_next(d, &entry)) > 0) {
        *ret = leads_to(names_fd, entry->d_name, id) ? xstrdup(entry->d_name) : NULL;
    }
    return more < 0 ? err_set(e, -more, UNREADABLE_NAMES) : 0;
}

/* The run folder of @id, or -1. Of two names that lead to one container, in the midst of a rename,
 * the second has it opened again. */
static int take_live(const struct store *store, struct state_live_list *live, const char *id,
                     int *ret_fd, struct err *e)
{
    struct state_live *l = state_find_live(live, id);

    if (l != NULL && l->fd < 0) {
        return open_running(store, id, ret_fd, e);
    }
    *ret_fd = l != NULL ? steal_fd(&l->fd) : -1;
    return 0;
}

/* The container that the name @name leads to, if there is one. */
static int add_named(const struct store *store, int names_fd, const char *name,
                     struct state_live_list *live, struct found_list *l, struct err *e)
{
    char id[ID_MAX_BYTES];
    struct found f;
    int r = name[0] != '.' && read_link(names_fd, name, id) ? fill(store, id, name, &f, e) : 0;

    if (r <= 0) {
        return r;
    }
    r = take_live(store, live, id, &f.run_fd, e);
    add(l, &f);
    return r;
}

int find_all(const struct store *store, struct found_list *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    autolive struct state_live_list live = {0};
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int more = 0;
    int r = state_list_live(store, &live, e);

    d = r < 0 ? NULL : dir_open(store->dir_fd, "names");
    more = d != NULL || r < 0 || errno == ENOENT ? 0 : -errno;
    while (r == 0 && d != NULL && (more = dir_next(d, &entry)) > 0) {
        r = add_named(store, dirfd(d), entry->d_name, &live, &l, e);
    }
    if (r < 0 || more < 0) {
        return r < 0 ? r : err_set(e, -more, UNREADABLE_NAMES);
    }
    hand_out(&l, ret);
    return 0;
}

/* Container @live, if it has a name. */
static int add_running(const struct store *store, int names_fd, struct state_live *live,
                       struct found_list *l, struct err *e)
{
    autofree char *name = NULL;
    struct found f;
    int r = name_of(store, names_fd, live->id, &name, e);

    r = r < 0 || name == NULL ? r : fill(store, live->id, name, &f, e);
    if (r > 0) {
        f.run_fd = steal_fd(&live->fd);
        add(l, &f);
    }
    return r < 0 ? r : 0;
}

/* From the run folders: the store may hold many more that do not run. */
int find_all_running(const struct store *store, struct found_list *ret, struct err *e)
{
    autofound_list struct found_list l = {0};
    autolive struct state_live_list live = {0};
    autoclose int names_fd = -1;
    int r = state_list_live(store, &live, e);

    r = r < 0 ? r : open_names(store, &names_fd, e);
    for (size_t i = 0; r == 0 && i < live.count; i++) {
        r = add_running(store, names_fd, &live.v[i], &l, e);
    }
    if (r == 0) {
        hand_out(&l, ret);
    }
    return r;
}

/* The only id that is or begins with @word; -ENOENT, -ENOTUNIQ, or what kept us from looking. */
static int find_id(const struct store *store, const char *word, char ret_id[ID_MAX_BYTES])
{
    autoclosedir DIR *d = dir_open(store->containers_fd, ".");
    const struct dirent *entry = NULL;
    int more = d != NULL ? 0 : -errno;
    int r = -ENOENT;

    while (d != NULL && (more = dir_next(d, &entry)) > 0) {
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
    return more < 0 ? more : r;
}

static int missing(const char *word, struct err *e)
{
    (void)err_new(e, ENOENT, "no container '%s'", word);
    return err_hint(e, "rbox ps --all");
}

/* The container whose id is or begins with @word: returns 1, or 0 where there is none. */
static int find_by_id(const struct store *store, int names_fd, const char *word,
                      char ret_id[ID_MAX_BYTES], struct found *ret, struct err *e)
{
    autofree char *name = NULL;
    int r = find_id(store, word, ret_id);

    if (r == -ENOENT) {
        return 0;
    }
    if (r == -ENOTUNIQ) {
        return err_new(e, ENOTUNIQ, "'%s' is the beginning of several containers' ids", word);
    }
    r = r < 0 ? err_set(e, -r, "cannot read the store's containers")
              : name_of(store, names_fd, ret_id, &name, e);
    return r < 0 || name == NULL ? r : fill(store, ret_id, name, ret, e);
}

/* A name comes before the beginning of an id. Neither reads what the other containers are. */
int find_container(const struct store *store, const char *word, struct found *ret, struct err *e)
{
    autoclose int names_fd = -1;
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
    r = read_link(names_fd, word, id) ? fill(store, id, word, &f, e) : 0;
    r = r != 0 ? r : find_by_id(store, names_fd, word, id, &f, e);
    if (r <= 0) {
        return r < 0 ? r : missing(word, e);
    }
    r = open_running(store, id, &f.run_fd, e);
    if (r < 0) {
        found_done(&f);
        return r;
    }
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
