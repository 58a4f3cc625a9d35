/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/net_fork.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Nothing of the supervisor's stays open: least of all the container's lock. It keeps its ids, so
 * PDEATHSIG holds. */
static _Noreturn void helper_main(const struct net_fork *f, int ready_fd)
{
    int *keep = xcalloc(f->keep_count + 2, sizeof(*keep));
    struct err e = {0};
    int r = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, f->name);
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < f->keep_count; i++) {
        keep[i] = f->keep_fds[i];
    }
    keep[f->keep_count] = f->netns_fd;
    keep[f->keep_count + 1] = ready_fd;
    fd_close_except(keep, f->keep_count + 2);
    free(keep);
    r = setns(f->netns_fd, CLONE_NEWNET) < 0
            ? err_set(&e, errno, "cannot join the container's network")
            : 0;
    (void)close(f->netns_fd);
    if (r == 0) {
        r = f->run(f->arg, ready_fd, &e);
    }
    (void)!write(ready_fd, &e, sizeof(e));
    _exit(EXITCODE_RBOX);
}

int net_fork(const struct net_fork *f, struct net_helper *ret, struct err *e)
{
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    int r = fd_pipe(&read_fd, &write_fd, e);
    pid_t pid = r < 0 ? r : ns_clone(0, /* cgroup_fd= */ -1, &ret->pidfd, e);

    if (pid == 0) {
        helper_main(f, write_fd);
    }
    if (pid < 0) {
        return (int)pid;
    }
    ret->ready_fd = steal_fd(&read_fd);
    return 0;
}

int net_fork_wait(struct net_helper *h, struct err *e)
{
    struct err failure = {0};
    ssize_t n = read(h->ready_fd, &failure, sizeof(failure));

    close_fd(&h->ready_fd);
    if (n == (ssize_t)sizeof(failure)) {
        *e = failure;
        return -e->errnum;
    }
    return n == 0 ? 0 : err_new(e, EIO, "cannot hear from a network helper");
}
