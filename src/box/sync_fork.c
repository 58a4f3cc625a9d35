/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from sync.c, which rbox-init has, too. */
#include "base/cleanup.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/ns.h"

pid_t sync_fork(uint64_t flags, int *ret_fd, int *ret_pidfd, struct err *e)
{
    autoclose int here_fd = -1;
    autoclose int there_fd = -1;
    int pair[2] = {-1, -1};
    int r = sync_pair(pair, e);
    pid_t pid = -1;

    if (r < 0) {
        return r;
    }
    here_fd = pair[0];
    there_fd = pair[1];
    pid = ns_clone(flags, -1, ret_pidfd, e);
    if (pid >= 0) {
        *ret_fd = steal_fd(pid == 0 ? &there_fd : &here_fd);
    }
    return pid;
}
