/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How containers end, and what is done about those that nobody put away; declared in state.h. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/anonymous.h"
#include "box/cgroup.h"
#include "box/events.h"
#include "box/needed.h"
#include "box/state.h"
#include "spec/spec_json.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void remove_run_folder(const struct store *store, const char *id)
{
    struct err ignored = {0};

    (void)dir_remove_tree(store->run_fd, id, &ignored);
}

static int write_exit_file(int dir_fd, const struct state_exit *x, struct err *e)
{
    json_auto_t *o =
        json_pack("{s:i, s:b, s:I, s:I, s:i, s:s, s:o}", "status", x->status, "oom_killed",
                  x->oom_killed, "started_ns", (json_int_t)x->started_ns, "finished_ns",
                  (json_int_t)x->finished_ns, "restarts", x->restarts, "reason", x->reason, "error",
                  json_str(x->error != NULL ? x->error : ""));
    autofree char *text = json_text(o);

    return file_write(dir_fd, "exit.json", text, strlen(text), FILE_PRIVATE, e);
}

void state_tell_end(const struct store *store, const struct spec *s, const struct state_exit *x)
{
    events_add_container(store, s, "died",
                         json_pack("{s:o, s:s}", "containerExitCode", json_sprintf("%d", x->status),
                                   "reason", x->reason));
}

int state_write_exit(const struct state *st, const struct state_exit *x, struct err *e)
{
    int r = write_exit_file(st->dir_fd, x, e);

    remove_run_folder(st->store, st->id);
    return r;
}

/* Read the config of a dead container; 0 when there is none that makes sense: it was half-made. */
static int read_config(const struct store *store, const char *id, struct spec *ret)
{
    autofree char *path = xasprintf("%s/config.json", id);
    struct err ignored = {0};

    return spec_json_load(store->containers_fd, path, /* listed_only= */ 0, ret, &ignored) == 0;
}

/* Take the name @name, or NULL, away from container @id; 0 when it is not its name. */
static int drop_name(const struct store *store, const char *name, const char *id)
{
    autofree char *path = xasprintf("names/%s", name != NULL ? name : "");
    char holder[STATE_ID_BYTES];

    return name != NULL && state_name_holder(store, name, holder) && strcmp(holder, id) == 0 &&
           unlinkat(store->dir_fd, path, 0) == 0;
}

void state_release(const struct state *st)
{
    remove_run_folder(st->store, st->id);
}

/* The name it had when it was started; else the one it was given since. */
static void drop_any_name(const struct state *st)
{
    struct spec s = {0};

    if (!drop_name(st->store, st->name, st->id) && read_config(st->store, st->id, &s)) {
        (void)drop_name(st->store, s.box.name, st->id);
        spec_done(&s);
    }
}

int state_remove(const struct state *st, const struct spec *s, int with_volumes, struct err *e)
{
    autoclose int lock_fd = -1;
    int r = with_volumes ? anonymous_remove(st->store, s, &lock_fd, e) : 0;

    if (r < 0) {
        return r;
    }
    drop_any_name(st);
    r = store_remove_tree(st->store, &s->linux_.uid_mappings, &s->linux_.gid_mappings,
                          st->store->containers_fd, st->id, e);
    /* Last: as long as it stands, a sweep finds what could not be removed. */
    if (r == 0) {
        events_add_container(st->store, s, "remove", NULL);
        remove_run_folder(st->store, st->id);
    }
    return r;
}

/* ---- sweeping */

static void sweep_container(const struct store *store, const char *id)
{
    autoclose int lock_fd = -1;
    struct spec s = {0};
    struct err e = {0};
    int known = read_config(store, id, &s);

    debug("sweeping container %s", id);
    if (known && (!s.box.remove || needed_by_any(store, id))) {
        autoclose int dir_fd = openat(store->containers_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct state_exit x = {
            .status = 137, .error = xstrdup("its supervisor died"), .reason = STATE_SUPERVISOR};

        if (dir_fd >= 0 && faccessat(dir_fd, "exit.json", F_OK, 0) < 0) {
            (void)write_exit_file(dir_fd, &x, &e);
            state_tell_end(store, &s, &x);
        }
        free(x.error);
    } else {
        (void)drop_name(store, s.box.name, id);
        if (known) {
            (void)anonymous_remove(store, &s, &lock_fd, &e);
            events_add_container(store, &s, "remove", NULL);
        }
        (void)store_remove_tree(store, &s.linux_.uid_mappings, &s.linux_.gid_mappings,
                                store->containers_fd, id, &e);
        if (!known) {
            anonymous_sweep(store, id);
        }
    }
    if (e.errnum != 0) {
        debug("cannot sweep %s: %s", id, e.msg);
    }
    spec_done(&s);
}

enum {
    DOTTED_AGE_S = 10
}; /* a folder still dotted after this long was never locked: its maker died */

static void add_live(struct state_live_list *live, const char *id, int *fd)
{
    live->v = xrealloc(live->v, live->count + 1, sizeof(*live->v));
    live->v[live->count++] = (struct state_live){.id = xstrdup(id), .fd = steal_fd(fd)};
}

/* The run folder @entry: of one that lives it is added to @live, of one that died it goes. Asked
 * with a shared lock: of two who ask at once neither takes the other for the supervisor. */
static int look_at(const struct store *store, int boot_fd, const char *entry,
                   struct state_live_list *live, struct err *e)
{
    autoclose int fd = openat(boot_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct err ignored = {0};
    struct stat st;

    if (fd < 0) {
        return live == NULL || errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : err_set(e, errno, "cannot open a folder of container '%s'", entry);
    }
    if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
        if (live != NULL && entry[0] != '.') {
            add_live(live, entry, &fd);
        }
        return 0;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || /* somebody else is at it */
        (entry[0] == '.' && (fstat(fd, &st) < 0 || st.st_ctime + DOTTED_AGE_S > time(NULL)))) {
        return 0;
    }
    cgroup_sweep(fd);
    sweep_container(store, entry[0] == '.' ? entry + 1 : entry);
    (void)dir_remove_tree(boot_fd, entry, &ignored);
    return 0;
}

/* Takes @boot_fd over. */
static int look_at_boot(const struct store *store, int boot_fd, struct state_live_list *live,
                        struct err *e)
{
    autoclosedir DIR *d = fdopendir(boot_fd);
    const struct dirent *entry = NULL;
    int more = d != NULL ? 0 : -errno;
    int r = 0;

    if (d == NULL) {
        (void)close(boot_fd);
    }
    while (r == 0 && d != NULL && (more = dir_next(d, &entry)) > 0) {
        r = look_at(store, dirfd(d), entry->d_name, live, e);
    }
    return r < 0 || more >= 0 || live == NULL
               ? r
               : err_set(e, -more, "cannot read which containers run");
}

static int look(const struct store *store, struct state_live_list *live, struct err *e)
{
    autoclosedir DIR *runs = dir_open(store->dir_fd, "run");
    const struct dirent *entry = NULL;
    struct stat mine;
    int more = runs != NULL && fstat(store->run_fd, &mine) == 0 ? 0 : -errno;
    int r = 0;

    while (r == 0 && more >= 0 && (more = dir_next(runs, &entry)) > 0) {
        struct stat st;
        int boot_fd = -1;

        if (entry->d_name[0] == '.') {
            continue;
        }
        boot_fd =
            openat(dirfd(runs), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (boot_fd < 0 || fstat(boot_fd, &st) < 0 ||
            (st.st_ino != mine.st_ino && store_is_boot_elsewhere(store, entry->d_name))) {
            close_fd(&boot_fd);
            continue;
        }
        r = look_at_boot(store, boot_fd, st.st_ino == mine.st_ino ? live : NULL, e);
        if (st.st_ino != mine.st_ino) {
            store_drop_boot(store, entry->d_name); /* an earlier one; goes once it is empty */
        }
    }
    return r < 0 || more >= 0 || live == NULL
               ? r
               : err_set(e, -more, "cannot read which containers run");
}

void state_sweep(const struct store *store)
{
    struct err ignored = {0};

    (void)look(store, NULL, &ignored);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct state_live *)a)->id, ((const struct state_live *)b)->id);
}

int state_list_live(const struct store *store, struct state_live_list *ret, struct err *e)
{
    autolive struct state_live_list live = {0};

    fd_raise_limit(); /* each has one, and the containers' own limit is set for each */
    if (look(store, &live, e) < 0) {
        return -e->errnum;
    }
    if (live.count > 0) {
        qsort(live.v, live.count, sizeof(*live.v), by_id);
    }
    *ret = live;
    live = (struct state_live_list){0};
    return 0;
}

struct state_live *state_find_live(const struct state_live_list *l, const char *id)
{
    struct state_live key = {.id = (char *)(uintptr_t)id};

    return l->count > 0 ? bsearch(&key, l->v, l->count, sizeof(*l->v), by_id) : NULL;
}

void state_live_done(struct state_live_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->v[i].id);
        close_fd(&l->v[i].fd);
    }
    free(l->v);
    *l = (struct state_live_list){0};
}
