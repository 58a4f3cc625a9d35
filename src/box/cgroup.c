/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/cgroup.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/cgroup_limits.h"
#include "box/cgroup_tree.h"
#include "box/limits.h"
#include "box/scope.h"
#include "box/storage.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Where the processes go that were in a delegated cgroup before: one that hands controllers down
 * must be empty itself. */
#define CALLER_LEAF "rbox-caller"

enum {
    RELEASE_TIMEOUT_MS = 2000,
    EVACUATE_ROUNDS = 20, /* for processes that fork while they are being moved */
    NAME_MAX_BYTES = 64,  /* of a controller */
};

/* A cgroup being made. */
struct making {
    const struct spec *s;
    pid_t pid; /* the supervisor's */
    struct limits limits;
    struct strv controllers; /* to be had where possible: those of the limits, and for figures */
    struct cgroup c;
    struct err why; /* without a cgroup: why there is none */
};

static void making_done(struct making *m)
{
    limits_done(&m->limits);
    strv_done(&m->controllers);
    cgroup_done(&m->c);
}

/* Does the run rather fail than go without a cgroup? */
static int is_required(const struct spec *s)
{
    return limits_asked(s) || str_eq(s->box.cgroups, "enabled") || str_eq(s->box.cgroups, "split");
}

int cgroup_wanted(const struct spec *s)
{
    return is_required(s) ||
           ((s->box.detach || s->box.report != NULL) && !str_eq(s->box.cgroups, "disabled"));
}

/* ---- the folder of a container: a scope of systemd's */

static int make_scope(struct making *m, struct err *e)
{
    struct cgroup *c = &m->c;
    const char *slice = m->s->box.cgroup_parent;
    const char *name = m->s->box.name != NULL ? m->s->box.name : m->s->box.id;
    autofree char *description = xasprintf("rbox container %s", name);

    if (slice == NULL) {
        slice = scope_slice();
    }
    if (!str_ends(slice, ".slice")) {
        return err_new(e, EINVAL, "--cgroup-parent '%s' is not the name of a slice (web.slice)",
                       slice);
    }
    c->unit = m->s->box.cgroup_name != NULL ? xstrdup(m->s->box.cgroup_name)
                                            : xasprintf("rbox-%s.scope", m->s->box.id);
    if (scope_start(&(struct scope_request){c->unit, description, slice, m->pid}, e) < 0) {
        return -e->errnum;
    }
    c->way = CGROUP_SYSTEMD;
    if (cgroup_tree_of(m->pid, &c->path, e) < 0) {
        return -e->errnum;
    }
    if (!str_ends(c->path, c->unit)) {
        return err_new(e, EIO, "systemd left the process in '%s'", c->path);
    }
    return cgroup_tree_open_path(c->path, &c->top_fd, e);
}

/* ---- the folder of a container: below a cgroup that is the caller's own */

/* Move all processes of @dir_fd into a leaf of its own. */
static int evacuate(int dir_fd, struct err *e)
{
    autofree pid_t *pids = NULL;
    size_t count = 0;

    if (mkdirat(dir_fd, CALLER_LEAF, 0755) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot make cgroup '%s'", CALLER_LEAF);
    }
    if (cgroup_tree_pids(dir_fd, &pids, &count, e) < 0) {
        return -e->errnum;
    }
    for (size_t i = 0; i < count; i++) {
        int r = cgroup_tree_move(dir_fd, CALLER_LEAF, pids[i]);

        if (r < 0 && r != -ESRCH) {
            return err_set(e, -r, "cannot move process %d out of the caller's cgroup",
                           (int)pids[i]);
        }
    }
    return 0;
}

/* Let @controllers reach the folders below @dir_fd, as far as they reach it: which are missing
 * shows later. */
static int hand_down(int dir_fd, const struct strv *controllers, struct err *e)
{
    for (size_t i = 0; i < controllers->len; i++) {
        const char *name = controllers->v[i];
        int r = 0;

        if (!cgroup_tree_has(dir_fd, "cgroup.controllers", name) ||
            cgroup_tree_has(dir_fd, "cgroup.subtree_control", name)) {
            continue;
        }
        r = cgroup_tree_enable(dir_fd, name);
        for (int n = 0; r == -EBUSY && n < EVACUATE_ROUNDS; n++) {
            if (evacuate(dir_fd, e) < 0) {
                return -e->errnum;
            }
            r = cgroup_tree_enable(dir_fd, name);
        }
        if (r < 0) {
            return err_set(e, -r, "cannot hand down the cgroup controller '%s'", name);
        }
    }
    return 0;
}

/* The cgroup below which ours is made: the caller's own, or --cgroup-parent. */
static int open_parent(const struct spec *s, char **ret_path, int *ret_fd, struct err *e)
{
    autofree char *path = xstrdup_null(s->box.cgroup_parent);
    autoclose int fd = -1;
    char *leaf = NULL;

    if (path == NULL && cgroup_tree_of(0, &path, e) < 0) {
        return -e->errnum;
    }
    leaf = strrchr(path, '/');
    if (leaf != NULL && str_eq(leaf + 1, CALLER_LEAF)) { /* an earlier run has moved us there */
        *leaf = '\0';
    }
    if (cgroup_tree_open_path(path, &fd, e) < 0) {
        return -e->errnum;
    }
    if (faccessat(fd, ".", W_OK, AT_EACCESS) < 0 ||
        faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) < 0) {
        return err_new(e, ENOENT, "cgroup '%s' is not delegated to the caller", path);
    }
    *ret_path = steal_ptr(&path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int make_folder(struct making *m, struct err *e)
{
    autofree char *parent = NULL;
    autofree char *name = m->s->box.cgroup_name != NULL ? xstrdup(m->s->box.cgroup_name)
                                                        : xasprintf("rbox-%s", m->s->box.id);
    autoclose int parent_fd = -1;

    if (open_parent(m->s, &parent, &parent_fd, e) < 0 ||
        hand_down(parent_fd, &m->controllers, e) < 0 ||
        dir_make(parent_fd, name, 0755, &m->c.top_fd, e) < 0) {
        return -e->errnum;
    }
    m->c.way = CGROUP_FS;
    m->c.path = xasprintf("%s/%s", str_eq(parent, "/") ? "" : parent, name);
    return 0;
}

/* ---- both */

/* The first way that is there; none is no error yet (m->why), since a limit may do without. The
 * cgroupfs way moves the caller's processes about, so only who needs a cgroup goes it. */
static int make_top(struct making *m, struct err *e)
{
    const char *manager = m->s->box.cgroup_manager;
    int r = -ENOENT;

    if (str_eq(m->s->box.cgroups, "disabled")) {
        (void)err_new(&m->why, ENOENT, "--cgroups=disabled forbids it a cgroup");
        return 0;
    }
    if (!str_eq(manager, "cgroupfs") && !str_eq(m->s->box.cgroups, "split")) {
        r = make_scope(m, e);
        m->why = *e;
    }
    if (r == -ENOENT && !str_eq(manager, "systemd") && is_required(m->s)) {
        r = make_folder(m, e);
        m->why = m->why.errnum != 0 ? m->why : *e;
    }
    if (r == -ENOENT || (r < 0 && !is_required(m->s))) {
        debug("no cgroup: %s", m->why.msg);
        r = 0;
    }
    return r;
}

/* The leaves, with the supervisor in the first. */
static int make_leaves(struct making *m, struct err *e)
{
    struct cgroup *c = &m->c;
    int r = 0;

    if (mkdirat(c->top_fd, "supervisor", 0755) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot make a folder in cgroup '%s'", c->path);
    }
    if (dir_make(c->top_fd, "box", 0755, &c->box_fd, e) < 0) {
        return err_wrap(e, "cgroup '%s'", c->path);
    }
    if (str_eq(m->s->box.storage_driver, STORAGE_FUSE) &&
        dir_make(c->top_fd, "server", 0755, &c->server_fd, e) < 0) {
        return err_wrap(e, "cgroup '%s'", c->path);
    }
    if ((r = cgroup_tree_move(c->top_fd, "supervisor", m->pid)) < 0) {
        return err_set(e, -r, "cannot move the supervisor into cgroup '%s'", c->path);
    }
    c->join_fd = openat(c->box_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (c->join_fd < 0) {
        return err_set(e, errno, "cannot open cgroup '%s'", c->path);
    }
    return hand_down(c->top_fd, &m->controllers, e);
}

/* ---- the whole */

/* Controllers without a limit still give `stats` and --report their figures. */
static void choose_controllers(struct making *m)
{
    strv_split(&m->controllers, "memory,pids,cpu,io", ',');
    for (size_t i = 0; i < m->limits.count; i++) {
        char name[NAME_MAX_BYTES];

        limits_controller(&m->limits.rows[i], name, sizeof(name));
        if (name[0] != '\0' && !strv_has(&m->controllers, name)) {
            strv_push(&m->controllers, name);
        }
    }
}

static int make(struct making *m, struct err *e)
{
    int r = limits_plan(m->s, &m->limits, e);

    if (r < 0) {
        return r;
    }
    choose_controllers(m);
    if ((r = make_top(m, e)) < 0) {
        return err_wrap(e, "cannot make the container's cgroup");
    }
    if (m->c.way != CGROUP_NONE && (r = make_leaves(m, e)) < 0) {
        return r;
    }
    if (m->c.way == CGROUP_NONE && !limits_asked(m->s) && is_required(m->s)) {
        *e = m->why;
        return err_wrap(e, "cannot make the container's cgroup");
    }
    return cgroup_limits_set(&m->c, m->s, m->pid, &m->limits, &m->why, e);
}

/* Remove the folder @name below @dir_fd and those that the container made in it. */
static void remove_folders(int dir_fd, const char *name)
{
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            remove_folders(fd, entry->d_name);
        }
    }
    (void)unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void cgroup_remove(const struct cgroup *c)
{
    autoclose int parent_fd = -1;

    if (c->way == CGROUP_FS) { /* systemd removes a scope when the last process is gone */
        parent_fd = openat(c->top_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)cgroup_kill(c->top_fd);
        (void)cgroup_tree_await(c->top_fd, "populated 0", RELEASE_TIMEOUT_MS);
        remove_folders(parent_fd, strrchr(c->path, '/') + 1);
    }
}

/* Move @pid out of TOP and remove that. */
static void release(const struct cgroup *c, pid_t pid)
{
    if (c->way == CGROUP_FS && cgroup_tree_move(c->top_fd, "../" CALLER_LEAF, pid) < 0) {
        (void)cgroup_tree_move(c->top_fd, "..", pid);
    }
    cgroup_remove(c);
}

void cgroup_release(struct cgroup *c)
{
    release(c, 0);
    cgroup_done(c);
}

void cgroup_sweep(int run_fd)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    struct err ignored = {0};

    if (cgroup_load(run_fd, &c, &ignored) == 0) {
        cgroup_remove(&c);
    }
}

int cgroup_prepare(const struct spec *s, pid_t supervisor_pid, struct cgroup *ret, struct err *e)
{
    __attribute__((cleanup(making_done))) struct making m = {
        .s = s, .pid = supervisor_pid, .c = CGROUP_INIT};
    int r = cgroup_wanted(s) ? make(&m, e) : 0;

    if (r < 0) {
        release(&m.c, supervisor_pid);
        return r;
    }
    *ret = m.c;
    m.c = CGROUP_INIT;
    return 0;
}
