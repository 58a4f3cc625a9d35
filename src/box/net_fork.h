/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of the network that are forks of the supervisor: they join the container's network
 * namespace, set things up there, and then say that they are ready. */
#ifndef RBOX_BOX_NET_FORK_H
#define RBOX_BOX_NET_FORK_H

#include "base/err.h"

#include <stddef.h>

/* A running helper. */
struct net_helper {
    int pidfd;    /* -1: there is none */
    int ready_fd; /* it tells here that it works */
};

struct net_fork {
    const char *name; /* as ps(1) shows it, at most 15 bytes */
    /* Works in the namespace, with only @keep_fds, @ready_fd and standard descriptors open. Closes
     * @ready_fd when it is set up, and never returns; or returns -errno with @e before. */
    int (*run)(void *arg, int ready_fd, struct err *e);
    void *arg;
    int netns_fd;
    const int *keep_fds;
    size_t keep_count;
};

/* The descriptors in @ret are the caller's; the helper dies with it, at the latest. Supervisor. */
int net_fork(const struct net_fork *f, struct net_helper *ret, struct err *e);

/* Wait until @h is set up. Errors: the helper's. */
int net_fork_wait(struct net_helper *h, struct err *e);

/* Bring the loopback interface of the current network namespace up. The container's first process
 * and a helper may both come first. */
int net_loopback_up(struct err *e);

/* The sysctls that a network namespace of rbox's has; for the current one. Best effort: old kernels
 * lack some, and a covered /proc has none. */
void net_settings(void);

#endif
