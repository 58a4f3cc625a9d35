/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clone by a process in between; declared in ns.h. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the process in between reports of its child. */
struct born {
    pid_t pid;      /* or -errno, with … */
    struct err err; /* … and that of the step after */
};

/* Returns in the new process only. */
static void clone_between(ns_step *enter, ns_step *settle, void *arg, uint64_t flags, int socket_fd)
{
    struct born b = {0};
    int pidfd = -1;
    int r = enter(arg, 0, &b.err);

    b.pid = r < 0 ? r : ns_clone(flags | CLONE_PARENT, -1, &pidfd, &b.err);
    if (b.pid == 0) {
        (void)close(socket_fd);
        return;
    }
    if (b.pid > 0 && settle != NULL) {
        (void)settle(arg, b.pid, &b.err);
    }
    (void)fd_send(socket_fd, &b, sizeof(b), &pidfd, b.pid > 0);
    _exit(EXITCODE_OK);
}

static pid_t await_born(int socket_fd, int *ret_pidfd, struct err *e)
{
    autokill int pidfd = -1;
    struct born b = {0};

    if (fd_recv(socket_fd, &b, sizeof(b), &pidfd, 1, NULL) != (ssize_t)sizeof(b)) {
        return err_new(e, ECHILD, "a process that joins namespaces ended");
    }
    if (b.err.errnum != 0) {
        *e = b.err;
        return -e->errnum;
    }
    *ret_pidfd = steal_fd(&pidfd);
    return b.pid;
}

pid_t ns_clone_between(ns_step *enter, ns_step *settle, void *arg, uint64_t flags, int *ret_pidfd,
                       struct err *e)
{
    autokill int between = -1;
    autoclose int here_fd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return err_set(e, errno, "cannot create a socket pair");
    }
    here_fd = pair[0];
    pid = ns_clone(0, -1, &between, e);
    if (pid == 0) {
        close_fd(&here_fd);
        clone_between(enter, settle, arg, flags, pair[1]);
        return 0;
    }
    (void)close(pair[1]);
    return pid < 0 ? pid : await_born(here_fd, ret_pidfd, e);
}
