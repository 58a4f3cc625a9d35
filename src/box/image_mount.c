/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image_mount.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/process.h"
#include "box/rootfs.h"
#include "box/storage.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct first {
    const struct image_mount_job *job;
    const char *cwd; /* where the command starts */
    int socket_fd;
};

/* ---- inside, as PID 1 */

/* What the kernel's overlay can't show is copied into memory: that goes by itself, too. */
static int mount_one(const struct image_mount *m, int top_fd, struct err *e)
{
    autoclose int dir_fd = -1;
    int r = 0;

    if (faccessat(top_fd, m->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    r = dir_make(top_fd, m->name, 0755, &dir_fd, e);
    if (r < 0 || m->spec.box.layers.len == 0) {
        return r;
    }
    return str_eq(m->spec.box.storage_driver, STORAGE_OVERLAY)
               ? rootfs_mount_layers(&m->spec, dir_fd, e)
               : rootfs_copy_layers(&m->spec, dir_fd, e);
}

static int mount_all(const struct first *f, int layers_fd, struct err *e)
{
    autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int place_fd = open(f->job->place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int top_fd = -1;
    int r = mount_propagation(root_fd, MS_SLAVE, MOUNT_RECURSIVE, e);

    if (r == 0 && place_fd < 0) {
        r = err_set(e, errno, "cannot open '%s', where images are mounted", f->job->place);
    }
    r = r < 0 ? r : mount_new("tmpfs", "mode=755", MOUNT_NODEV | MOUNT_NOSUID, &top_fd, e);
    r = r < 0 ? r : mount_attach(top_fd, place_fd, f->job->place, e);
    if (r == 0 && fchdir(layers_fd) < 0) {
        r = err_set(e, errno, "cannot enter the layers' folder");
    }
    for (size_t i = 0; r == 0 && i < f->job->count; i++) {
        r = mount_one(&f->job->images[i], top_fd, e);
    }
    return r < 0 ? r : mount_set_attrs(top_fd, MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID, e);
}

/* Who is root in here may enter neither the store nor, with root's own maps, the caller's current
 * folder: both are reached as the caller. */
static int prepare(const struct first *f, int *ret_layers_fd, struct err *e)
{
    autoclose int layers_fd = open("layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    mode_t mask = umask(0);
    size_t count = 0;
    char go = 0;
    int r = layers_fd < 0 ? err_set(e, errno, "cannot open the layers' folder") : 0;

    if (r == 0 && chdir(f->cwd) < 0) {
        r = err_set(e, errno, "cannot enter '%s'", f->cwd);
    }
    if (r == 0 && fd_recv(f->socket_fd, &go, 1, NULL, 0, &count) != 1) {
        r = err_new(e, EPIPE, "rbox ended meanwhile");
    }
    r = r < 0 ? r : process_become_root(&f->job->images[0].spec, e);
    /* Becoming root cleared what was set before; if rbox has gone by now, sending fails. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!setgroups(0, NULL); /* denied with one id; then there is none to drop */
    (void)umask(mask);
    if (r == 0) {
        *ret_layers_fd = steal_fd(&layers_fd);
    }
    return r;
}

/* By a process of its own: its current folder becomes the layers', and ours has no way back. */
static int mount_by_child(const struct first *f, int layers_fd, struct err *e)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (mount_all(f, layers_fd, e) < 0) {
            (void)fd_send(f->socket_fd, e, sizeof(*e), NULL, 0);
            _exit(EXITCODE_RBOX);
        }
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        return err_set(e, errno, "cannot start a process that mounts");
    }
    if (status != 0) {
        _exit(EXITCODE_RBOX); /* it has said why */
    }
    return 0;
}

static void set_variable(const struct first *f)
{
    autobuf struct buf text = {0};

    for (size_t i = 0; i < f->job->count; i++) {
        buf_printf(&text, "%s%s/%s", i > 0 ? " " : "", f->job->place, f->job->images[i].name);
    }
    (void)setenv("RBOX_MOUNT", text.data, 1);
}

static _Noreturn void become_command(const struct first *f)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGQUIT, SIG_DFL);
    set_variable(f);
    proc_become(f->job->argv);
}

/* Keys of the terminal are the command's to answer. */
static _Noreturn void first_main(const struct first *f)
{
    struct err e = {0};
    int layers_fd = -1;
    pid_t pid = -1;
    pid_t ended = -1;
    int status = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    if (prepare(f, &layers_fd, &e) < 0 || mount_by_child(f, layers_fd, &e) < 0) {
        (void)fd_send(f->socket_fd, &e, sizeof(e), NULL, 0);
        _exit(EXITCODE_RBOX);
    }
    if (fd_send(f->socket_fd, "r", 1, NULL, 0) < 0) {
        _exit(EXITCODE_RBOX);
    }
    pid = fork();
    if (pid == 0) {
        become_command(f);
    }
    do {
        ended = waitpid(-1, &status, 0);
    } while (ended > 0 && ended != pid);
    _exit(ended != pid ? EXITCODE_RBOX
                       : (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
}

/* ---- outside */

static int await_ready(int socket_fd, struct err *e)
{
    struct err said = {0};
    size_t count = 0;
    ssize_t n = fd_recv(socket_fd, &said, sizeof(said), NULL, 0, &count);

    if (n == (ssize_t)sizeof(said)) {
        *e = said;
        return -said.errnum;
    }
    return n == 1 ? 0 : err_new(e, EIO, "the process that mounts the image ended");
}

int image_mount_run(const struct store *store, const struct image_mount_job *job, int *ret_status,
                    struct err *e)
{
    const struct spec_linux *l = &job->images[0].spec.linux_;
    autofree char *cwd = getcwd(NULL, 0);
    autoclose int here_fd = -1;
    autoclose int there_fd = -1;
    autokill int pidfd = -1;
    struct first f = {.job = job, .cwd = cwd};
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    int r = 0;

    if (cwd == NULL) {
        return err_set(e, errno, "cannot find the current folder");
    }
    r = sync_pair(pair, e);
    if (r < 0) {
        return r;
    }
    here_fd = pair[0];
    there_fd = pair[1];
    f.socket_fd = there_fd;
    pid = ns_clone_in(store->dir_fd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, &pidfd, e);
    if (pid == 0) {
        close_fd(&here_fd);
        first_main(&f);
    }
    close_fd(&there_fd);
    r = pid < 0 ? (int)pid : userns_map(pid, &l->uid_mappings, &l->gid_mappings, e);
    if (r == 0) {
        (void)fd_send(here_fd, "g", 1, NULL, 0);
        r = await_ready(here_fd, e);
    }
    if (r == 0) {
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGQUIT, SIG_IGN);
        r = proc_wait(pidfd, PROC_FOREVER, ret_status, e);
        close_fd(&pidfd);
    }
    return r;
}
