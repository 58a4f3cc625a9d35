/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/state.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/anonymous.h"
#include "box/cgroup.h"
#include "box/events.h"
#include "box/needed.h"
#include "box/undo.h"
#include "spec/spec_json.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Marks in the run folder. */
static const char STOPPING[] = "stopping";
static const char KILLED[] = "killed";

/* ---- making */

static char *name_path(const char *name)
{
    return xasprintf("names/%s", name);
}

static void undo_container(void *arg)
{
    const struct state *st = arg;
    struct err ignored = {0};

    (void)dir_remove_tree(st->store->containers_fd, st->id, &ignored);
}

static void undo_name(void *arg)
{
    const struct state *st = arg;
    autofree char *path = name_path(st->name);

    (void)unlinkat(st->store->dir_fd, path, 0);
}

static int make_folders(struct state *st, struct err *e)
{
    autoclose int fs_fd = -1; /* upper, work and the place where the root is mounted */
    int r = dir_make(st->store->containers_fd, st->id, 0711, &st->dir_fd, e);

    if (r < 0) {
        return err_wrap(e, "cannot make container %s", st->id);
    }
    r = dir_make(st->dir_fd, "fs", 0777, &fs_fd, e);
    /* Root of the container makes upper and work in it, whatever id of the host that is. Others
     * can't come here: the store's top is 0700. */
    if (r == 0 && fchmod(fs_fd, 0777) < 0) {
        return err_set(e, errno, "cannot prepare container %s", st->id);
    }
    return r;
}

/* Does the link @path name a container that is still there? Its id goes to @id. */
static int name_holder(const struct store *store, const char *path, char id[80])
{
    ssize_t n = readlinkat(store->dir_fd, path, id, 79);

    id[n > 0 ? n : 0] = '\0';
    return n > 0 && faccessat(store->containers_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int take_name(const struct state *st, struct err *e)
{
    autofree char *path = name_path(st->name);
    char holder[80];

    if (mkdirat(st->store->dir_fd, "names", 0711) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot create folder 'names'");
    }
    for (int tries = 0; symlinkat(st->id, st->store->dir_fd, path) < 0; tries++) {
        if (errno != EEXIST) {
            return err_set(e, errno, "cannot take the name '%s'", st->name);
        }
        if (name_holder(st->store, path, holder) || tries > 0) {
            (void)err_new(e, EEXIST, "the name '%s' is in use by container %.12s", st->name,
                          holder);
            return err_hint(e, "rbox rm %s, another --name, or --replace", st->name);
        }
        (void)unlinkat(st->store->dir_fd, path, 0); /* left by a container that is gone */
    }
    return 0;
}

/* Rename the dotted folder to its name, if none has that yet: an empty folder would be replaced.
 * Where a file system can't do both at once they are two steps. */
static int show_run_folder(const struct state *st, const char *dotted)
{
    int run_fd = st->store->run_fd;

    if (renameat2(run_fd, dotted, run_fd, st->id, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    if (faccessat(run_fd, st->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return -EEXIST;
    }
    return renameat(run_fd, dotted, run_fd, st->id) < 0 ? -errno : 0;
}

/* The run folder appears under its name only when its lock is held. */
static int make_run_folder(struct state *st, struct err *e)
{
    autofree char *dotted = xasprintf(".%s", st->id);
    int run_fd = st->store->run_fd;
    int r = mkdirat(run_fd, dotted, 0700) < 0 ? -errno : 0;

    if (r == -EEXIST) {
        return err_new(e, EBUSY, "container '%s' is being started", st->name);
    }
    if (r == 0) {
        st->lock_fd = openat(run_fd, dotted, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = st->lock_fd < 0 || flock(st->lock_fd, LOCK_EX) < 0 ? -errno
                                                               : show_run_folder(st, dotted);
    }
    if (r == 0) {
        return 0;
    }
    (void)unlinkat(run_fd, dotted, AT_REMOVEDIR);
    return r == -EEXIST ? err_new(e, EBUSY, "container '%s' runs already", st->name)
                        : err_set(e, -r, "cannot lock container %s", st->id);
}

/* Wait for those who look at the files of a container that does not run (look.h). */
static int lock_files(const struct state *st, struct err *e)
{
    return flock(st->dir_fd, LOCK_EX) < 0 ? err_set(e, errno, "cannot lock container %s", st->id)
                                          : 0;
}

int state_create(const struct store *store, const struct spec *s, struct state *ret, struct err *e)
{
    struct state st = {.store = store, .dir_fd = -1, .lock_fd = -1};
    struct undo undo = {0};
    int r = 0;

    st.id = xstrdup(s->box.id);
    st.name = xstrdup(s->box.name);
    undo_push(&undo, undo_container, &st);
    r = make_folders(&st, e);
    if (r == 0) {
        r = take_name(&st, e);
    }
    if (r == 0) {
        undo_push(&undo, undo_name, &st);
        r = lock_files(&st, e);
    }
    r = r < 0 ? r : make_run_folder(&st, e);
    if (r < 0) {
        undo_run(&undo);
        state_done(&st);
        return r;
    }
    events_add_container(store, s, "create", NULL);
    *ret = st;
    return 0;
}

int state_open(const struct store *store, const struct spec *s, struct state *ret, struct err *e)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct state st = {.store = store, .dir_fd = -1, .lock_fd = -1};
    int r = 0;

    st.id = xstrdup(s->box.id);
    st.name = xstrdup(s->box.name);
    st.dir_fd = openat(store->containers_fd, st.id, FLAGS);
    r = st.dir_fd < 0 ? err_set(e, errno, "cannot open container '%s'", st.name)
                      : make_run_folder(&st, e);
    if (r == -EBUSY) { /* perhaps left by a supervisor that died */
        err_clear(e);
        close_fd(&st.lock_fd);
        state_sweep(store);
        r = make_run_folder(&st, e);
    }
    if (r == 0 && lock_files(&st, e) < 0) {
        state_release(&st);
        r = -e->errnum;
    }
    if (r < 0) {
        state_done(&st);
        return r;
    }
    *ret = st;
    return 0;
}

/* ---- writing */

int state_write_config(const struct state *st, const struct spec *s, struct err *e)
{
    autofree char *text = spec_json_write(s);

    return file_write(st->dir_fd, "config.json", text, strlen(text), FILE_PRIVATE, e);
}

static int write_json(int dir_fd, const char *name, json_t *v, struct err *e)
{
    autofree char *text = json_text(v);

    json_decref(v);
    return file_write(dir_fd, name, text, strlen(text), FILE_PRIVATE, e);
}

int state_write_running(const struct state *st, const struct state_running *running, struct err *e)
{
    int r = write_json(st->lock_fd, "state.json",
                       json_pack("{s:I, s:I, s:i}", "pid", (json_int_t)running->pid, "started_ns",
                                 (json_int_t)running->started_ns, "restarts", running->restarts),
                       e);

    (void)unlinkat(st->dir_fd, "exit.json", 0);
    return r;
}

static int mark(int run_fd, const char *name, struct err *e)
{
    int r = file_write(run_fd, name, "", 0, FILE_PRIVATE, e);

    if (r == -ENOENT) { /* the folder went with the container's end */
        err_clear(e);
        r = 0;
    }
    return r;
}

int state_mark_stopping(int run_fd, struct err *e)
{
    return mark(run_fd, STOPPING, e);
}

int state_mark_killed(int run_fd, struct err *e)
{
    return mark(run_fd, KILLED, e);
}

int state_rename(const struct state *st, struct spec *s, const char *name, struct err *e)
{
    struct state renamed = *st;
    int r = 0;

    free(s->box.name);
    s->box.name = xstrdup(name);
    renamed.name = s->box.name;
    r = take_name(&renamed, e);
    if (r < 0) {
        return r;
    }
    r = state_write_config(st, s, e);
    undo_name((void *)(uintptr_t)(r < 0 ? &renamed : st));
    return r;
}

int state_is_stopping(const struct state *st)
{
    return faccessat(st->lock_fd, STOPPING, F_OK, 0) == 0;
}

int state_is_killed(const struct state *st)
{
    return faccessat(st->lock_fd, KILLED, F_OK, 0) == 0;
}

static void remove_run_folder(const struct store *store, const char *id)
{
    struct err ignored = {0};

    (void)dir_remove_tree(store->run_fd, id, &ignored);
}

static int write_exit_file(int dir_fd, const struct state_exit *x, struct err *e)
{
    return write_json(dir_fd, "exit.json",
                      json_pack("{s:i, s:b, s:I, s:I, s:i, s:s, s:o}", "status", x->status,
                                "oom_killed", x->oom_killed, "started_ns",
                                (json_int_t)x->started_ns, "finished_ns",
                                (json_int_t)x->finished_ns, "restarts", x->restarts, "reason",
                                x->reason, "error", json_str(x->error != NULL ? x->error : "")),
                      e);
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

static void drop_name_of(const struct store *store, const struct spec *s, const char *id)
{
    autofree char *path = s->box.name != NULL ? name_path(s->box.name) : xstrdup("");
    char holder[80];

    if (*path != '\0' && name_holder(store, path, holder) && strcmp(holder, id) == 0) {
        (void)unlinkat(store->dir_fd, path, 0);
    }
}

void state_release(const struct state *st)
{
    remove_run_folder(st->store, st->id);
}

/* The name it had when it was started; else the one it was given since. */
static void drop_name(const struct state *st)
{
    autofree char *path = name_path(st->name);
    char holder[80];
    struct spec s = {0};

    if (name_holder(st->store, path, holder) && strcmp(holder, st->id) == 0) {
        (void)unlinkat(st->store->dir_fd, path, 0);
    } else if (read_config(st->store, st->id, &s)) {
        drop_name_of(st->store, &s, st->id);
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
    drop_name(st);
    r = store_remove_tree(st->store, &s->linux_.uid_mappings, &s->linux_.gid_mappings,
                          st->store->containers_fd, st->id, e);
    /* Last: as long as it stands, a sweep finds what could not be removed. */
    if (r == 0) {
        events_add_container(st->store, s, "remove", NULL);
        remove_run_folder(st->store, st->id);
    }
    return r;
}

void state_done(struct state *st)
{
    close_fd(&st->dir_fd);
    close_fd(&st->lock_fd);
    free(st->id);
    free(st->name);
    st->id = NULL;
    st->name = NULL;
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
        drop_name_of(store, &s, id);
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

static void sweep_entry(const struct store *store, int boot_fd, const char *entry)
{
    autoclose int fd = openat(boot_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *id = entry[0] == '.' ? entry + 1 : entry;
    struct err ignored = {0};
    struct stat st;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return;
    }
    if (entry[0] == '.' && (fstat(fd, &st) < 0 || st.st_ctime + DOTTED_AGE_S > time(NULL))) {
        return;
    }
    cgroup_sweep(fd);
    sweep_container(store, id);
    (void)dir_remove_tree(boot_fd, entry, &ignored);
}

static void sweep_boot(const struct store *store, int boot_fd)
{
    autoclosedir DIR *d = fdopendir(boot_fd);
    const struct dirent *entry = NULL;

    if (d == NULL) {
        (void)close(boot_fd);
        return;
    }
    while (dir_next(d, &entry) > 0) {
        sweep_entry(store, dirfd(d), entry->d_name);
    }
}

void state_sweep(const struct store *store)
{
    autoclosedir DIR *runs = NULL;
    struct dirent *entry = NULL;
    struct stat mine;
    int fd = openat(store->dir_fd, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(store->run_fd, &mine) < 0) {
        close_fd(&fd);
        return;
    }
    runs = fdopendir(fd);
    while (runs != NULL && (entry = readdir(runs)) != NULL) {
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
        sweep_boot(store, boot_fd);
        if (st.st_ino != mine.st_ino) {
            store_drop_boot(store, entry->d_name); /* an earlier one; goes once it is empty */
        }
    }
}
