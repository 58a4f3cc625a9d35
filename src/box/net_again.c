/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper in the place of one that died; declared in net.h. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/net.h"
#include "sys/proc.h"

#include <errno.h>

enum {
    READY_MS = 2000, /* meanwhile nobody watches the container */
    LIVED_MS = 1000  /* one that died sooner would so again, and again */
};

struct texts {
    const char *who;
    const char *gone; /* what that means */
    const char *back;
};

/* Connections among containers stand: both ends have their addresses back. */
static const struct texts KEEPER = {"the keeper of the networks", "the container is cut off",
                                    "connections to the outside broke"};
static const struct texts TEXTS[NET_HELPER_COUNT] = {
    [NET_HELPER_BACKEND] = {"the network helper", "the container is cut off",
                            "connections to the outside broke"},
    [NET_HELPER_PORTS] = {"the port forwarder", "published ports are closed",
                          "connections through published ports broke"},
    [NET_HELPER_RESOLVER] = {"the resolver of --allow-net and --net-log",
                             "no name is found any more",
                             "names must be looked up again, and the list so far is lost"},
};

static int start_again(enum net_helper_role role, struct net *n, struct err *e)
{
    int r = 0;

    switch (role) {
    case NET_HELPER_BACKEND:
        close_fd(&n->exit_fd);
        close_fd(&n->err_fd);
        n->is_again = 1;
        r = n->backend->start(n->netns_fd, n, e);
        return r < 0 ? r : n->backend->ready(n, READY_MS, e);
    case NET_HELPER_PORTS:
        r = ports_reopen(n->ports_fd, &n->ports, e);
        r = r < 0 ? r : net_start_ports(n, e);
        break;
    case NET_HELPER_RESOLVER:
        r = net_start_resolver(n, e);
        break;
    case NET_HELPER_COUNT:
        return -EINVAL;
    }
    return r < 0 ? r : net_fork_wait(&n->helpers[role], e);
}

char *net_helper_died(enum net_helper_role role, int again, struct net *n)
{
    const int64_t now_ms = clock_monotonic_ms();
    const int is_young = now_ms - n->born_ms[role] < LIVED_MS;
    const struct texts *t =
        role == NET_HELPER_BACKEND && n->backend == &NET_USER ? &KEEPER : &TEXTS[role];
    autofree char *gone = xasprintf("%s died: %s", t->who, t->gone);
    struct err e = {0};

    proc_kill_reap(&n->helpers[role].pidfd);
    close_fd(&n->helpers[role].ready_fd);
    if (!again) {
        return steal_ptr(&gone);
    }
    if (is_young) {
        return xasprintf("%s; it had just been started, and is not once more", gone);
    }
    n->born_ms[role] = now_ms;
    if (start_again(role, n, &e) < 0) {
        proc_kill_reap(&n->helpers[role].pidfd);
        return xasprintf("%s; it could not be started again: %s", gone, e.msg);
    }
    return xasprintf("%s died and was started again: %s", t->who, t->back);
}
