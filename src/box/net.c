/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/net.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/egress.h"
#include "box/net_program.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LIST_PATIENCE_S = 2,
    LIST_BYTES_MAX = 1 << 20
};

const struct net_backend *net_backend(const struct spec *s)
{
    return s->box.network.backend == SPEC_NET_SLIRP4NETNS ? &NET_SLIRP4NETNS
           : s->box.network.backend == SPEC_NET_PASTA     ? &NET_PASTA
           : s->box.network.backend == SPEC_NET_USER      ? &NET_USER
                                                          : NULL;
}

const char *net_option(const struct spec *s, const char *key)
{
    return spec_env_get(&s->box.network.options, key);
}

/* An allowlist is held by rules of the namespace, which these could change or go around. */
static int check_allow_net(const struct spec *s, struct err *e)
{
    const uint64_t ways_around = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW;
    const struct strv *entries = &s->box.network.allow_net;

    for (size_t i = 0; i < entries->len; i++) {
        struct egress_rules checked = {0};
        int r = egress_parse(entries->v[i], &checked, e);

        egress_rules_done(&checked);
        if (r < 0) {
            return r;
        }
    }
    if (net_backend(s) == NULL) {
        return err_new(e, EINVAL, "--allow-net needs a network of the container's own");
    }
    if (s->box.privileged || (s->process.capabilities.bounding & ways_around) != 0) {
        return err_new(e, EINVAL, "--allow-net cannot hold a container with NET_ADMIN or NET_RAW");
    }
    return 0;
}

/* The file is the caller's; "-" is standard error. */
static int open_log(const struct spec *s, int *ret_fd, struct err *e)
{
    const char *path = s->box.network.net_log;

    if (net_backend(s) == NULL) {
        return err_new(e, EINVAL, "--net-log needs a network of the container's own");
    }
    *ret_fd = strcmp(path, "-") == 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                     : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return *ret_fd < 0 ? err_set(e, errno, "cannot write --net-log '%s'", path) : 0;
}

int net_open(struct spec *s, struct network_seat *seat, struct net *ret, struct err *e)
{
    const struct net_backend *b = net_backend(s);
    const struct spec_network *n = &s->box.network;
    int r = 0;

    *ret = NET_INIT;
    ret->backend = b;
    ret->spec = s;
    ret->seat = seat;
    if (n->allow_net_set) {
        r = check_allow_net(s, e);
    }
    if (r == 0 && n->net_log != NULL) {
        r = open_log(s, &ret->log_fd, e);
    }
    if (r == 0 && b != NULL) {
        r = b->check(s, e);
    }
    if (r == 0 && b != NULL && (b->serves_ports == NULL || !b->serves_ports(s))) {
        r = ports_open(s, &ret->ports, e);
    }
    return r;
}

void net_done(struct net *n)
{
    for (size_t i = 0; i < NET_HELPER_COUNT; i++) {
        close_fd(&n->helpers[i].pidfd);
        close_fd(&n->helpers[i].ready_fd);
    }
    close_fd(&n->exit_fd);
    close_fd(&n->err_fd);
    close_fd(&n->netns_fd);
    close_fd(&n->log_fd);
    close_fd(&n->list_fd);
    close_fd(&n->ports_fd);
    ports_done(&n->ports);
}

int net_start_ports(struct net *n, struct err *e)
{
    const struct net_info info = n->backend->info(n->spec);
    struct port_place place = {.inside = {.address = info.address, .gateway = info.gateway},
                               .netns_fd = n->netns_fd,
                               .run_fd = n->run_fd};
    int r = 0;

    if (n->ports_fd < 0) {
        n->ports_fd = memfd_create("rbox ports", MFD_CLOEXEC);
    }
    if (n->ports_fd < 0) {
        return err_set(e, errno, "cannot record published ports");
    }
    place.record_fd = n->ports_fd;
    /* Nobody else has it inside. */
    (void)inet_pton(AF_INET6, NET_SLIRP6_GATEWAY, &place.inside.gateway6);
    r = ports_start(&n->ports, &place, &n->helpers[NET_HELPER_PORTS], e);
    ports_done(&n->ports);
    return r;
}

int net_start(int netns_fd, int run_fd, struct net *n, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < NET_HELPER_COUNT; i++) {
        n->born_ms[i] = clock_monotonic_ms();
    }
    if (n->backend == &NET_USER) {
        n->born_ms[NET_HELPER_BACKEND] = 0; /* the keeper was there before */
    }
    if (n->backend == NULL) {
        return 0;
    }
    n->run_fd = run_fd;
    n->netns_fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 0);
    if (n->netns_fd < 0) {
        return err_set(e, errno, "cannot keep the container's network namespace");
    }
    r = n->backend->start(n->netns_fd, n, e);
    return r == 0 && n->ports.count > 0 ? net_start_ports(n, e) : r;
}

int net_start_resolver(struct net *n, struct err *e)
{
    const struct net_info info = n->backend->info(n->spec);
    const struct timeval patience = {.tv_sec = LIST_PATIENCE_S};
    struct egress_start o = {.spec = n->spec,
                             .gateway = info.gateway,
                             .dns = info.dns,
                             .netns_fd = n->netns_fd,
                             .log_fd = n->log_fd,
                             .list_fd = -1};
    autoclose int its_fd = -1;
    int pair[2] = {-1, -1};

    if (n->log_fd >= 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
            return err_set(e, errno, "cannot create a socket pair");
        }
        close_fd(&n->list_fd);
        n->list_fd = pair[0];
        its_fd = pair[1];
        (void)setsockopt(n->list_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        o.list_fd = its_fd;
    }
    return egress_start(&o, &n->helpers[NET_HELPER_RESOLVER], e);
}

char *net_end_log(struct net *n)
{
    autofree char *list = NULL;
    autofree char *line = NULL;
    struct err ignored = {0};

    if (n->list_fd < 0) {
        return NULL;
    }
    (void)shutdown(n->list_fd, SHUT_WR);
    if (fd_read_all(n->list_fd, LIST_BYTES_MAX, &list, NULL, &ignored) < 0) {
        return xstrdup("--net-log: the list did not come in time");
    }
    line = xasprintf("--allow-net %s\n", *list != '\0' ? list : "\"\"");
    (void)fd_write_all(n->log_fd, line, strlen(line));
    return xasprintf("all that left was: --allow-net %s", *list != '\0' ? list : "\"\"");
}

int net_must_wait(const struct net *n)
{
    return n->backend != NULL;
}

int net_wait_ready(struct net *n, struct err *e)
{
    int r = n->backend != NULL ? n->backend->ready(n, NET_READY_TIMEOUT_MS, e) : 0;

    /* Only now: a namespace that is shut takes no default route. */
    if (r == 0 && (n->spec->box.network.allow_net_set || n->log_fd >= 0)) {
        r = net_start_resolver(n, e);
    }
    for (size_t i = NET_HELPER_BACKEND + 1; r == 0 && i < NET_HELPER_COUNT; i++) {
        r = n->helpers[i].pidfd >= 0 ? net_fork_wait(&n->helpers[i], e) : 0;
    }
    return r;
}

void net_stop(struct net *n)
{
    for (size_t i = NET_HELPER_BACKEND + 1; i < NET_HELPER_COUNT; i++) {
        proc_kill_reap(&n->helpers[i].pidfd); /* to its end: then published ports are free */
    }
    if (n->backend != NULL && n->helpers[NET_HELPER_BACKEND].pidfd >= 0) {
        n->backend->stop(n);
    }
    net_done(n);
}

/* ---- inside */

int net_loopback_up(struct err *e)
{
    autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = {.ifr_name = "lo"};

    if (fd < 0) {
        return err_set(e, errno, "cannot open a socket");
    }
    ifr.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0) {
        return err_set(e, errno, "cannot bring the loopback interface up");
    }
    return 0;
}

/* tcp_rmem: slirp4netns stalls with the kernel's larger default buffers (slirp4netns#128). */
static const struct {
    const char *path;
    const char *value;
} SYSCTLS[] = {
    {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
    {"/proc/sys/net/ipv4/tcp_rmem", "4096 87380 6291456"},
    /* The host's setting comes along, and would drop answers that our routing rules (port.h,
     * egress.h) make look as if they came the wrong way. */
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
    {"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
    /* Nobody else is on the link: IPv6 need not wait for two seconds to find that out. */
    {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
    {"/proc/sys/net/ipv6/conf/default/router_solicitation_delay", "0"},
};

void net_settings(void)
{
    for (size_t i = 0; i < sizeof(SYSCTLS) / sizeof(SYSCTLS[0]); i++) {
        (void)file_put(AT_FDCWD, SYSCTLS[i].path, SYSCTLS[i].value);
    }
}

/* ping without a capability: for all groups of the map, if the host counts them in the same order,
 * as the range is the host's; else for the first. The kernel takes mapped groups only. */
static void allow_ping(const struct spec *s)
{
    const struct spec_idmap *m = &s->linux_.gid_mappings;
    autofree char *range = NULL;
    uint32_t last = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct spec_idmap_row *row = &m->rows[i];

        if (i > 0 && (row->container_id <= last || row->host_id < m->rows[i - 1].host_id)) {
            last = 0;
            break;
        }
        last = row->container_id + row->size - 1;
    }
    range = xasprintf("0 %u", last);
    (void)file_put(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", range);
}

int net_device(const struct spec *s, struct err *e)
{
    const struct net_backend *b = net_backend(s);

    if (s->linux_.namespaces[SPEC_NS_NETWORK].mode != SPEC_NS_PRIVATE) {
        return 0;
    }
    net_settings(); /* a device takes the defaults of when it is made */
    return b != NULL && b->has_tap ? net_program_tap(e) : 0;
}

int net_inside(const struct spec *s, struct err *e)
{
    int r = 0;

    if (s->linux_.namespaces[SPEC_NS_NETWORK].mode != SPEC_NS_PRIVATE) {
        return 0;
    }
    r = net_loopback_up(e);
    allow_ping(s);
    return r;
}
