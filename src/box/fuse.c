/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/fuse.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/exec.h"
#include "box/process.h"
#include "box/rootfs.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    ITS_END_MS = 100,       /* its descriptor is closed a little before it has ended */
    STOP_TIMEOUT_MS = 10000 /* for what is still in the page cache */
};

int fuse_mount(int target_fd, int *ret_fuse_fd, struct err *e)
{
    autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    autofree char *options = NULL;
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot open '/dev/fuse'");
    }
    options =
        xasprintf("fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", fd,
                  (unsigned int)geteuid(), (unsigned int)getegid());
    r = mount_fs("fuse.fuse-overlayfs", "overlay", target_fd, 0, options, e);
    if (r == 0) {
        *ret_fuse_fd = steal_fd(&fd);
    }
    return r;
}

/* ---- the server */

/* What it gets to see. */
struct view {
    const char *name;
    const char *path; /* NULL: not needed */
    int attrs;
    int fd; /* opened as the caller, who alone may enter the store */
};

enum {
    VIEW_COUNT = 3
};

static int open_views(struct view v[VIEW_COUNT], struct err *e)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        v[i].fd = v[i].path != NULL ? open(v[i].path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (v[i].path != NULL && v[i].fd < 0) {
            return err_set(e, errno, "cannot open '%s' for fuse-overlayfs", v[i].path);
        }
    }
    return 0;
}

static int bind_views(const struct view v[VIEW_COUNT], struct err *e)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        autoclose int to_fd = -1;
        int r = 0;

        if (v[i].fd < 0) {
            continue;
        }
        if (mkdir(v[i].name, 0755) < 0) {
            return err_set(e, errno, "cannot create '%s' for fuse-overlayfs", v[i].name);
        }
        to_fd = open(v[i].name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = mount_bind(v[i].fd, to_fd, v[i].attrs, v[i].name, e);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* A mount namespace with the folders under short names that root of the user namespace can reach,
 * whoever owns the store. This process becomes that root, and its current folder the top of them.
 */
static int enter_view(const struct spec *s, struct err *e)
{
    autofree char *fs = xasprintf("containers/%s/fs", s->box.id);
    struct view v[VIEW_COUNT] = {
        {"layers", s->box.rootfs != NULL ? NULL : "layers", MOUNT_RDONLY, -1},
        {"rootfs", s->box.rootfs, MOUNT_RDONLY, -1},
        {"fs", fs, 0, -1}};
    autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int tmp_fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = open_views(v, e);

    r = r < 0 ? r : process_become_root(s, e);
    r = r < 0 ? r : mount_propagation(root_fd, MS_SLAVE, MOUNT_RECURSIVE, e);
    r = r < 0 ? r : mount_fs("tmpfs", NULL, tmp_fd, MOUNT_NODEV, "mode=755", e);
    if (r == 0 && chdir("/tmp") < 0) {
        r = err_set(e, errno, "cannot enter '/tmp'");
    }
    r = r < 0 ? r : bind_views(v, e);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        close_fd(&v[i].fd);
    }
    return r;
}

/* Where the file system says no to the question, so does fuse-overlayfs, and then the kernel to
 * whoever is neither owner nor of the group. */
static int has_acls(const char *path)
{
    return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0 || errno != ENOTSUP;
}

static int execute(const struct spec *s, int fuse_fd, int err_fd, struct err *e)
{
    autofree char *path = NULL;
    autofree char *lower = s->box.rootfs != NULL ? xstrdup("rootfs") : rootfs_lower(s, "layers/");
    autofree char *options =
        xasprintf("lowerdir=%s,upperdir=fs/upper,workdir=fs/work%s%s", lower,
                  s->box.remove ? ",volatile" : "", has_acls("fs/upper") ? "" : ",noacl");
    autostrv struct strv argv = {0};
    autostrv struct strv envp = {0};
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int r = proc_find("fuse-overlayfs", &path, e);

    if (r < 0) {
        return r;
    }
    process_drop_stdio(null_fd);
    (void)dup2(err_fd, STDERR_FILENO);
    process_close_descriptors(0, fuse_fd);
    (void)fcntl(fuse_fd, F_SETFD, 0);
    strv_push(&argv, path);
    strv_push(&argv, "-f"); /* in the foreground */
    strv_push(&argv, "-o");
    strv_push(&argv, options);
    strv_pushf(&argv, "/dev/fd/%d", fuse_fd);
    strv_push(&envp, "PATH=/usr/bin:/bin");
    return exec_command(argv.v, envp.v, e);
}

static _Noreturn void server_main(const struct spec *s, int fuse_fd, int err_fd)
{
    struct err e = {0};
    int r = enter_view(s, &e);

    if (r == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of ids clears it */
        r = proc_raise_ambient(&e);
    }
    if (r == 0) {
        (void)execute(s, fuse_fd, err_fd, &e);
    }
    (void)dprintf(err_fd, "%s\n", e.msg);
    _exit(EXITCODE_RBOX);
}

int fuse_serve(const struct spec *s, int fuse_fd, struct fuse_server *ret, struct err *e)
{
    autoclose int err_fd = -1;
    int r = fd_pipe(&ret->err_fd, &err_fd, e);
    pid_t pid = r < 0 ? r : ns_clone(CLONE_NEWNS, -1, &ret->pidfd, e);

    if (pid == 0) {
        server_main(s, fuse_fd, err_fd);
    }
    ret->pid = pid;
    return pid < 0 ? (int)pid : 0;
}

int fuse_explain(struct fuse_server *f, struct err *e)
{
    autofree char *words = NULL;
    struct err ignored = {0};
    int status = 0;

    /* Any other error came first, and the server ended with the container's last mount. */
    if (e->errnum != ENOTCONN || f->pidfd < 0 ||
        proc_wait(f->pidfd, ITS_END_MS, &status, &ignored) < 0) {
        return -e->errnum;
    }
    close_fd(&f->pidfd); /* reaped */
    words = proc_last_words(f->err_fd);
    return err_wrap(e, "fuse-overlayfs ended%s%s", *words != '\0' ? ": " : "", words);
}

void fuse_stop(struct fuse_server *f)
{
    struct err ignored = {0};
    int status = 0;

    if (f->pidfd >= 0 && proc_wait(f->pidfd, STOP_TIMEOUT_MS, &status, &ignored) == 0) {
        close_fd(&f->pidfd);
    }
    proc_kill_reap(&f->pidfd);
    close_fd(&f->err_fd);
}
