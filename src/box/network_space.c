/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper's network namespace, which it is not in itself: slirp4netns, its child, must be in the
 * host's, and nobody who has left that comes back. What has to be done inside is done by a fork.
 * Declared in network_keeper.h. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "box/net_program.h"
#include "box/network_keeper.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/netlink.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/* -1 as @netns_fd: in a new one. */
static _Noreturn void inside_main(int netns_fd, keeper_job *job, void *arg, int error_fd)
{
    struct err e = {0};

    if (netns_fd >= 0 && setns(netns_fd, CLONE_NEWNET) < 0) {
        (void)err_set(&e, errno, "cannot join a network namespace");
    } else {
        (void)job(arg, &e);
    }
    (void)fd_write_all(error_fd, &e, sizeof(e));
    _exit(EXITCODE_OK);
}

int keeper_inside(int netns_fd, keeper_job *job, void *arg, struct err *e)
{
    autokill int pidfd = -1;
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    struct err failure = {0};
    pid_t pid = -1;
    int r = fd_pipe(&read_fd, &write_fd, e);

    if (r < 0) {
        return r;
    }
    pid = ns_clone(netns_fd < 0 ? CLONE_NEWNET : 0, -1, &pidfd, e);
    if (pid == 0) {
        inside_main(netns_fd, job, arg, write_fd);
    }
    close_fd(&write_fd);
    if (pid < 0) {
        return (int)pid;
    }
    if (read(read_fd, &failure, sizeof(failure)) != (ssize_t)sizeof(failure)) {
        return err_new(e, ECHILD, "cannot set up a network namespace");
    }
    *e = failure;
    return -e->errnum;
}

int keeper_has_ip6(void)
{
    return faccessat(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", F_OK, 0) == 0;
}

enum {
    SPACE_FDS = 3 /* namespace, netlink, and where there is IPv6 neighbours */
};

static int prepare(void *arg, struct err *e)
{
    static const struct {
        const char *path;
        const char *value;
    } SYSCTLS[] = {
        {"/proc/sys/net/ipv4/conf/all/send_redirects", "0"},
        {"/proc/sys/net/ipv4/conf/default/send_redirects", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
    };
    const int *socket_fd = arg;
    int fds[SPACE_FDS] = {-1, -1, -1};
    struct err why = {0};
    int r = net_loopback_up(e);

    net_settings(); /* the resolver's port needs no capability, for one */
    for (size_t i = 0; i < sizeof(SYSCTLS) / sizeof(SYSCTLS[0]); i++) {
        (void)file_put(AT_FDCWD, SYSCTLS[i].path, SYSCTLS[i].value);
    }
    r = r < 0 ? r : net_program_tap(e); /* it takes the defaults of now */
    r = r < 0 ? r : netlink_open(&fds[1], e);
    if (r < 0) {
        return r;
    }
    if (keeper_has_ip6() && neighbours_open(&fds[2], &why) < 0) {
        debug("networks: no IPv6 to the outside: %s", why.msg);
    }
    fds[0] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    r = fds[0] < 0 ? -errno : fd_send(*socket_fd, "n", 1, fds, fds[2] >= 0 ? 3 : 2);
    return r < 0 ? err_set(e, -r, "cannot hand the networks' namespace over") : 0;
}

int keeper_make_space(struct keeper *k, struct err *e)
{
    int pair[2] = {-1, -1};
    int fds[SPACE_FDS] = {-1, -1, -1};
    char byte = 0;
    int r = sync_pair(pair, e);

    if (r < 0) {
        return r;
    }
    r = keeper_inside(-1, prepare, &pair[1], e);
    if (r == 0 && fd_recv(pair[0], &byte, 1, fds, SPACE_FDS, NULL) != 1) {
        r = err_new(e, EPROTO, "cannot take the networks' namespace over");
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
    k->own_netns_fd = fds[0];
    k->route_fd = fds[1];
    k->neighbours_fd = fds[2];
    return r;
}
