/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the backends that are programs (slirp4netns, pasta) have in common: a process beside the
 * supervisor that takes up the tap device of the container's network namespace.
 *
 * The device is made by the container's first process and stays when its program dies, with
 * addresses and routes: one that is started in its place need set up nothing, and an allowlist's
 * rules, which let nobody set routes up, are no hindrance. */
#ifndef RBOX_BOX_NET_PROGRAM_H
#define RBOX_BOX_NET_PROGRAM_H

#include "base/err.h"
#include "base/mem.h"
#include "box/net.h"

#define NET_TAP "tap0"

/* What slirp4netns is by itself, user networks have behind them, and pasta is told to be; see
 * net_usual(). */
#define NET_USUAL_CIDR "10.0.2.0/24"

/* libslirp's IPv6: its network, itself in it, and who is on the tap device. */
#define NET_SLIRP6         "fd00::/64"
#define NET_SLIRP6_GATEWAY "fd00::2"
#define NET_SLIRP6_ADDRESS "fd00::100"
enum {
    NET_MTU = 65520 /* slirp4netns' best */
};

/* Addresses in NET_USUAL_CIDR. */
struct net_info net_usual(void);

/* Where its own descriptors stand in the argument vector. */
struct net_program {
    struct strv argv; /* argv[0] is its name, found here */
    int netns_fd;
    int ready_fd;         /* it writes here when it works … */
    int alive_fd;         /* … and may watch this: end of file when the supervisor goes */
    int other_fd;         /* of its own, or -1 */
    int has_standard_fds; /* netns_fd becomes its standard input, ready_fd its output */
};

/* Prerequisites: the program @name, for whose lack the backend has the hint, and /dev/net/tun.
 * Launcher. */
int net_program_find(const char *name, struct err *e);
int net_program_check_tun(struct err *e);

/* The pipes; ready_fd and alive_fd are for the argument vector. */
int net_program_open(int netns_fd, struct net_program *p, struct net *n, struct err *e);
int net_program_start(struct net_program *p, struct net *n, struct err *e);
void net_program_done(struct net_program *p);
#define autonet_program __attribute__((cleanup(net_program_done)))

/* As a backend's functions (net.h). */
int net_program_ready(struct net *n, int timeout_ms, struct err *e);
void net_program_stop(struct net *n);

/* Make the tap device in the current network namespace. Child, while the host's /dev is seen. */
int net_program_tap(struct err *e);

#endif
