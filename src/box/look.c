/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/look.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/control.h"
#include "box/fuse.h"
#include "box/process.h"
#include "box/rootfs.h"
#include "box/storage.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ITS_END_MS = 5000,
    SERVER_END_MS = 10000
};

/* ---- a process that goes where the root is, and sends it back */

struct visit {
    const struct store *store;
    const struct found *found;
    const struct spec *spec;
    enum look_view view;
    int pidfd; /* of the container's first process, if it runs */
    int socket_fd;
    int (*find)(struct visit *v, int *ret_fd, struct err *e); /* the root, or a file of it */
    const char *path;                                         /* that file */
    int server_pidfd; /* of what serves the root that was found; -1: nothing has to */
};

static _Noreturn void visitor_main(struct visit *v)
{
    struct err e = {0};
    int found[2] = {-1, -1};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (v->find(v, &found[0], &e) < 0) {
        (void)fd_send(v->socket_fd, &e, sizeof(e), NULL, 0);
    } else {
        found[1] = v->server_pidfd;
        (void)fd_send(v->socket_fd, "r", 1, found, found[1] < 0 ? 1 : 2);
    }
    _exit(0);
}

static int receive_root(int socket_fd, int ret_fds[2], struct err *e)
{
    struct err said = {0};
    size_t count = 0;
    ssize_t n = fd_recv(socket_fd, &said, sizeof(said), ret_fds, 2, &count);

    if (n == (ssize_t)sizeof(said)) {
        *e = said;
        return -said.errnum;
    }
    return count >= 1 ? 0 : err_new(e, EIO, "the container's root did not come");
}

/* @flags: its new namespaces; a user namespace gets the container's maps. What is found goes to @l.
 */
static int send_visitor(struct visit *v, uint64_t flags, struct look *l, struct err *e)
{
    int found[2] = {-1, -1};
    autoclose int here_fd = -1;
    autokill int pidfd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    int r = sync_pair(pair, e);

    if (r < 0) {
        return r;
    }
    here_fd = pair[0];
    v->socket_fd = pair[1];
    pid = v->store != NULL ? ns_clone_in(v->store->dir_fd, flags, &pidfd, e)
                           : ns_clone(flags, -1, &pidfd, e);
    if (pid == 0) {
        close_fd(&here_fd);
        visitor_main(v);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        return (int)pid;
    }
    if ((flags & CLONE_NEWUSER) != 0) {
        r = userns_map(pid, &v->spec->linux_.uid_mappings, &v->spec->linux_.gid_mappings, e);
        if (r == 0) {
            (void)fd_send(here_fd, "g", 1, NULL, 0);
        }
    }
    r = r < 0 ? r : receive_root(here_fd, found, e);
    l->root_fd = found[0];
    if (found[1] >= 0) {
        l->pidfd = found[1];
        l->serves = 1;
    }
    return r;
}

/* ---- a running container: in its own namespaces */

static int find_running_root(struct visit *v, int *ret_root_fd, struct err *e)
{
    autoclose int root_fd = -1;
    int r = ns_join(v->pidfd, CLONE_NEWUSER | CLONE_NEWNS, e);

    r = r < 0 ? r : process_become_root(v->spec, e);
    root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && root_fd < 0) {
        r = err_set(e, errno, "cannot open the container's root");
    }
    if (r == 0 && v->view == LOOK_ROOT) {
        return mount_clone(root_fd, 0, ret_root_fd, e); /* without what is mounted in it */
    }
    *ret_root_fd = steal_fd(&root_fd);
    return r;
}

static int find_running_file(struct visit *v, int *ret_fd, struct err *e)
{
    autoclose int root_fd = -1;
    int r = find_running_root(v, &root_fd, e);

    return r < 0 ? r : path_open_file_in_root(root_fd, v->path, ret_fd, e);
}

/* ---- one that does not run: mounted in namespaces that end at once; the descriptor keeps what it
 * is of */

/* As the caller: who is root in there may not come into the store. */
static int open_sources(const struct visit *v, struct rootfs_dirs *ret, int *ret_rootfs_fd,
                        struct err *e)
{
    const char *rootfs = v->spec->box.rootfs;

    if (rootfs_open_dirs(v->spec, ret, e) < 0) {
        return -e->errnum;
    }
    *ret_rootfs_fd = rootfs != NULL ? open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    return rootfs != NULL && *ret_rootfs_fd < 0
               ? err_set(e, errno, "cannot use root folder '%s'", rootfs)
               : 0;
}

static int await_maps(const struct visit *v, struct err *e)
{
    size_t count = 0;
    char go = 0;

    return fd_recv(v->socket_fd, &go, 1, NULL, 0, &count) == 1
               ? 0
               : err_new(e, EPIPE, "rbox ended meanwhile");
}

/* Receives the descriptor that is to be served, and lives as long as its server. */
static _Noreturn void server_main(const struct spec *s, int socket_fd)
{
    struct fuse_server server = {.pidfd = -1, .err_fd = -1};
    struct sync_msg msg;
    struct err e = {0};
    int fuse_fd = -1;
    int status = 0;

    process_close_descriptors(0, socket_fd); /* the lock of the container among them */
    if (sync_recv(socket_fd, &msg, &fuse_fd, 1) == 0 && fuse_fd >= 0 &&
        fuse_serve(s, fuse_fd, &server, &e) == 0) {
        close_fd(&fuse_fd);
        (void)close(socket_fd);
        (void)proc_wait(server.pidfd, PROC_FOREVER, &status, &e);
    }
    _exit(0);
}

/* Before this process becomes root and leaves the store: what will serve the root, if its driver
 * wants that; it is told by *ret_sync_fd. In a mount namespace of its own, where the root is not
 * yet mounted over the folders that it serves. */
static int start_server(struct visit *v, int *ret_sync_fd, struct err *e)
{
    int pair[2] = {-1, -1};
    pid_t pid = 0;
    int r = 0;

    *ret_sync_fd = -1;
    if (v->view == LOOK_IMAGE || !str_eq(v->spec->box.storage_driver, STORAGE_FUSE)) {
        return 0;
    }
    r = sync_pair(pair, e);
    pid = r < 0 ? r : ns_clone(CLONE_NEWNS, -1, &v->server_pidfd, e);
    if (pid == 0) {
        server_main(v->spec, pair[1]);
    }
    close_fd(&pair[1]);
    *ret_sync_fd = pair[0];
    return pid < 0 ? (int)pid : 0;
}

static int find_stopped_root(struct visit *v, int *ret_root_fd, struct err *e)
{
    autoclose int top_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct rootfs_dirs dirs;
    int rootfs_fd = -1;
    int r = open_sources(v, &dirs, &rootfs_fd, e);

    r = r < 0 ? r : await_maps(v, e);
    r = r < 0 ? r : start_server(v, &dirs.sync_fd, e);
    r = r < 0 ? r : process_become_root(v->spec, e);
    r = r < 0 ? r : mount_propagation(top_fd, MS_SLAVE, MOUNT_RECURSIVE, e);
    if (r < 0) {
        return r;
    }
    return v->view == LOOK_IMAGE ? rootfs_mount_image(v->spec, &dirs, ret_root_fd, e)
                                 : rootfs_mount(v->spec, &dirs, rootfs_fd, ret_root_fd, e);
}

/* ---- the image where the kernel's overlay does not show it: a copy, for as long as it is needed
 */

struct copying {
    const struct spec *spec;
    int layers_fd;
    int to_fd;
};

static int copy_image(void *arg, struct err *e)
{
    const struct copying *c = arg;

    if (fchdir(c->layers_fd) < 0) {
        return err_set(e, errno, "cannot enter the layers' folder");
    }
    return rootfs_copy_layers(c->spec, c->to_fd, e);
}

static int look_at_copy(struct look *l, struct err *e)
{
    autoclose int layers_fd =
        openat(l->store->dir_fd, "layers", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct copying c = {.spec = l->spec, .layers_fd = layers_fd};
    int r = store_lock(l->store, STORE_SHARED, &l->temp_lock_fd, e);

    r = r < 0 ? r : store_temp(l->store, "image", &l->temp, &l->root_fd, e);

    c.to_fd = l->root_fd;
    return r < 0 ? r
                 : userns_run(&l->spec->linux_.uid_mappings, &l->spec->linux_.gid_mappings,
                              copy_image, &c, e);
}

/* ---- */

static int look_at_running(const struct found *f, enum look_view view, struct look *l,
                           struct err *e)
{
    struct visit v = {
        .spec = l->spec, .view = view, .pidfd = -1, .find = find_running_root, .server_pidfd = -1};
    int r = control_open(f, &l->pidfd, e);

    v.pidfd = l->pidfd;
    return r < 0 ? r : send_visitor(&v, 0, l, e);
}

static int look_at_stopped(const struct found *f, enum look_view view, struct look *l,
                           struct err *e)
{
    struct visit v = {.store = l->store,
                      .found = f,
                      .spec = l->spec,
                      .view = view,
                      .pidfd = -1,
                      .find = find_stopped_root,
                      .server_pidfd = -1};

    return send_visitor(&v, CLONE_NEWUSER | CLONE_NEWNS, l, e);
}

static int look_at_image(const struct found *f, struct look *l, struct err *e)
{
    if (l->spec->box.rootfs != NULL) {
        return err_new(e, ENOTSUP, "container '%s' was not made of an image", f->name);
    }
    return str_eq(l->spec->box.storage_driver, STORAGE_OVERLAY)
               ? look_at_stopped(f, LOOK_IMAGE, l, e)
               : look_at_copy(l, e);
}

/* Hold the files of @f, which does not run: nobody starts or removes it meanwhile (state_open()
 * waits). Waits a while for others who look at them. */
static int lock_files(const struct found *f, int *ret_fd, struct err *e)
{
    enum {
        TRIES = 1000,
        PAUSE_MS = 10
    };
    autoclose int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return err_set(e, errno, "cannot open container '%s'", f->name);
    }
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == TRIES) {
            return err_new(e, EBUSY, "container '%s' was just started, or is in use", f->name);
        }
        clock_sleep_ms(PAUSE_MS);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* It does not run, or was just ending when it was found. */
static int look_after_end(const struct found *f, enum look_view view, struct look *l, struct err *e)
{
    int r = 0;

    err_clear(e);
    if (l->pidfd > 0) {
        close_fd(&l->pidfd);
    }
    l->pidfd = 0;
    r = f->run_fd >= 0 ? control_wait(f, ITS_END_MS, e) : 0;
    r = r < 0 ? r : lock_files(f, &l->lock_fd, e);
    return r < 0 ? r : look_at_stopped(f, view, l, e);
}

int look_open(const struct store *store, const struct found *f, const struct spec *s,
              enum look_view view, struct look *ret, struct err *e)
{
    struct look l = {.store = store, .spec = s, .root_fd = -1, .lock_fd = -1};
    int r = 0;

    if (view == LOOK_IMAGE) {
        r = look_at_image(f, &l, e);
    } else {
        r = f->run_fd >= 0 ? look_at_running(f, view, &l, e) : -ESRCH;
        if (r == -ESRCH) {
            r = look_after_end(f, view, &l, e);
        }
    }
    if (r < 0) {
        look_done(&l);
        return r;
    }
    *ret = l;
    return 0;
}

int look_open_file(const struct found *f, const struct spec *s, const char *path, int *ret_fd,
                   struct err *e)
{
    autoclose int pidfd = -1;
    struct visit v = {.spec = s, .find = find_running_file, .path = path, .server_pidfd = -1};
    struct look l = {.root_fd = -1};
    int r = control_open(f, &pidfd, e);

    v.pidfd = pidfd;
    r = r < 0 ? r : send_visitor(&v, 0, &l, e);
    *ret_fd = l.root_fd;
    return r;
}

void look_done(struct look *l)
{
    close_fd(&l->root_fd);
    if (l->serves) { /* until all is written */
        struct pollfd its_end = {.fd = l->pidfd, .events = POLLIN};

        (void)poll(&its_end, 1, SERVER_END_MS);
    }
    if (l->pidfd > 0) {
        close_fd(&l->pidfd);
    }
    if (l->temp != NULL) {
        store_temp_remove(l->store, l->temp, &l->spec->linux_.uid_mappings,
                          &l->spec->linux_.gid_mappings);
    }
    free(l->temp);
    l->temp = NULL;
    if (l->temp_lock_fd > 0) {
        close_fd(&l->temp_lock_fd);
    }
    close_fd(&l->lock_fd);
}
