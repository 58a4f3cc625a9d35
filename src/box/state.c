/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/state.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "box/undo.h"
#include "spec/spec_json.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

int state_name_holder(const struct store *store, const char *name, char id[STATE_ID_BYTES])
{
    autofree char *path = name_path(name);
    ssize_t n = readlinkat(store->dir_fd, path, id, STATE_ID_BYTES - 1);

    id[n > 0 ? n : 0] = '\0';
    return n > 0 && faccessat(store->containers_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int take_name(const struct state *st, struct err *e)
{
    autofree char *path = name_path(st->name);
    char holder[STATE_ID_BYTES];

    if (mkdirat(st->store->dir_fd, "names", 0711) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot create folder 'names'");
    }
    for (int tries = 0; symlinkat(st->id, st->store->dir_fd, path) < 0; tries++) {
        if (errno != EEXIST) {
            return err_set(e, errno, "cannot take the name '%s'", st->name);
        }
        if (state_name_holder(st->store, st->name, holder) || tries > 0) {
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

static const char RUNNING[] = "state";
static const char RUNNING_NEW[] = "state.new";

int state_write_running(const struct state *st, const struct state_running *running, struct err *e)
{
    autofree char *text = xasprintf("%" PRId64 " %" PRId64 " %d %d", running->pid,
                                    running->started_ns, running->restarts, running->has_cgroup);
    int dir_fd = st->lock_fd;
    int r = 0;

    (void)unlinkat(dir_fd, RUNNING_NEW, 0); /* of one that was stopped in between */
    if (symlinkat(text, dir_fd, RUNNING_NEW) < 0 ||
        renameat(dir_fd, RUNNING_NEW, dir_fd, RUNNING) < 0) {
        r = err_set(e, errno, "cannot write the state of container '%s'", st->name);
    }
    (void)unlinkat(st->dir_fd, "exit.json", 0);
    return r;
}

int state_read_running(int run_fd, struct state_running *ret, struct err *e)
{
    char text[128];
    ssize_t n = readlinkat(run_fd, RUNNING, text, sizeof(text) - 1);
    char *p = text;

    if (n < 0) {
        return err_set(e, errno, "cannot read a container's state");
    }
    text[n] = '\0';
    ret->pid = strtoll(p, &p, 10);
    ret->started_ns = strtoll(p, &p, 10);
    ret->restarts = (int)strtol(p, &p, 10);
    ret->has_cgroup = (int)strtol(p, &p, 10);
    return ret->pid > 0 ? 0 : err_new(e, EINVAL, "a container's state is damaged: '%s'", text);
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

void state_done(struct state *st)
{
    close_fd(&st->dir_fd);
    close_fd(&st->lock_fd);
    free(st->id);
    free(st->name);
    st->id = NULL;
    st->name = NULL;
}
