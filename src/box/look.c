/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/look.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/control.h"
#include "box/process.h"
#include "box/rootfs.h"
#include "box/storage.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ITS_END_MS = 5000
};

/* ---- a process that goes where the root is, and sends it back */

struct visit {
    const struct store *store;
    const struct found *found;
    const struct spec *spec;
    enum look_view view;
    int pidfd; /* of the container's first process, if it runs */
    int socket_fd;
    int (*find)(const struct visit *v, int *ret_root_fd, struct err *e);
};

static _Noreturn void visitor_main(const struct visit *v)
{
    struct err e = {0};
    int root_fd = -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (v->find(v, &root_fd, &e) < 0) {
        (void)fd_send(v->socket_fd, &e, sizeof(e), NULL, 0);
    } else {
        (void)fd_send(v->socket_fd, "r", 1, &root_fd, 1);
    }
    _exit(0);
}

static int receive_root(int socket_fd, int *ret_fd, struct err *e)
{
    struct err said = {0};
    size_t count = 0;
    ssize_t n = fd_recv(socket_fd, &said, sizeof(said), ret_fd, 1, &count);

    if (n == (ssize_t)sizeof(said)) {
        *e = said;
        return -said.errnum;
    }
    return count == 1 ? 0 : err_new(e, EIO, "the container's root did not come");
}

/* @flags: its new namespaces; a user namespace gets the container's maps. */
static int send_visitor(struct visit *v, uint64_t flags, int *ret_fd, struct err *e)
{
    autoclose int here_fd = -1;
    autokill int pidfd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    int r = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return err_set(e, errno, "cannot create a socket pair");
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
    return r < 0 ? r : receive_root(here_fd, ret_fd, e);
}

/* ---- a running container: in its own namespaces */

static int find_running_root(const struct visit *v, int *ret_root_fd, struct err *e)
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
    ret->sync_fd = -1; /* nobody serves it */
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

static int find_stopped_root(const struct visit *v, int *ret_root_fd, struct err *e)
{
    autoclose int top_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct rootfs_dirs dirs;
    int rootfs_fd = -1;
    int r = open_sources(v, &dirs, &rootfs_fd, e);

    r = r < 0 ? r : await_maps(v, e);
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
    struct visit v = {.spec = l->spec, .view = view, .pidfd = -1, .find = find_running_root};
    int r = control_open(f, &l->pidfd, e);

    v.pidfd = l->pidfd;
    return r < 0 ? r : send_visitor(&v, 0, &l->root_fd, e);
}

static int look_at_stopped(const struct found *f, enum look_view view, struct look *l,
                           struct err *e)
{
    struct visit v = {.store = l->store,
                      .found = f,
                      .spec = l->spec,
                      .view = view,
                      .pidfd = -1,
                      .find = find_stopped_root};

    if (view != LOOK_IMAGE && str_eq(l->spec->box.storage_driver, STORAGE_FUSE)) {
        (void)err_new(e, ENOTSUP, "container '%s' is kept by fuse-overlayfs and does not run",
                      f->name);
        return err_hint(e, "rbox start %s", f->name);
    }
    return send_visitor(&v, CLONE_NEWUSER | CLONE_NEWNS, &l->root_fd, e);
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

void look_done(struct look *l)
{
    close_fd(&l->root_fd);
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
