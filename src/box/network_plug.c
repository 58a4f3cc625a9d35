/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges, and the pairs that plug containers in; declared in network_keeper.h.
 *
 * Who may go where is held by routing rules of the keeper's namespace. On one bridge everybody sees
 * everybody, without being routed. What is routed:
 *
 *     1000  made here                      → anywhere
 *     1001  from slirp4netns, to a network with a way out
 *     2000  to any network                 ✗  (so none leads into another)
 *     3000  from a network with a way out, with one of its addresses → slirp4netns
 *     4000  everything else                ✗
 *
 * The same for IPv6, where besides nobody gets to slirp4netns' own addresses. No address is
 * translated: slirp4netns takes any source, and finds the way back because the kernel answers for
 * the containers on its tap device (proxy_arp), or the keeper (network_neighbours.c). */
#include "base/cleanup.h"
#include "base/log.h"
#include "box/net_program.h"
#include "box/network_keeper.h"
#include "sys/fd.h"
#include "sys/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PRIORITY_OWN = 1000,
    PRIORITY_ANSWERS = 1001,
    PRIORITY_APART = 2000,
    PRIORITY_OUT = 3000,
    PRIORITY_NOTHING = 4000,
    METRIC_FIRST = 100, /* of a container's default routes */
};

static struct netlink_prefix prefix_of(const struct network_subnet *s)
{
    struct netlink_prefix p = {.length = (uint8_t)s->prefix};

    memcpy(p.address, s->address, sizeof(p.address));
    return p;
}

/* A rule that is there already is as good as new. */
static int add_rule(const struct keeper *k, const struct netlink_rule *rule, struct err *e)
{
    int r = netlink_rule_add(k->route_fd, rule);

    return r < 0 && r != -EEXIST ? err_set(e, -r, "cannot set a routing rule of the networks") : 0;
}

/* slirp4netns sets up IPv4 only. */
static int forward6(int fd, unsigned int tap, struct err *e)
{
    struct network_subnet s = {0};
    struct in6_addr address;
    struct in6_addr gateway;
    int r = network_subnet_parse(NET_SLIRP6, &s, e);

    (void)inet_pton(AF_INET6, NET_SLIRP6_ADDRESS, &address);
    (void)inet_pton(AF_INET6, NET_SLIRP6_GATEWAY, &gateway);
    r = r < 0 ? r : netlink_address_add(fd, tap, AF_INET6, &address, s.prefix);
    r = r < 0 && r != -EEXIST ? r
                              : netlink_default_route(fd, tap, AF_INET6, &gateway, METRIC_FIRST);
    r = r < 0 && r != -EEXIST ? r
                              : file_put(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", "1");
    return r < 0 ? err_set(e, -r, "cannot forward IPv6 of containers") : 0;
}

static int forward(void *arg, struct err *e)
{
    const unsigned int tap = if_nametoindex(NET_TAP);
    autoclose int fd = -1;
    int r = netlink_open(&fd, e);

    (void)arg;
    if (r < 0) {
        return r;
    }
    r = file_put(AT_FDCWD, "/proc/sys/net/ipv4/conf/" NET_TAP "/proxy_arp", "1");
    r = r < 0 ? r : netlink_proxy_delay(fd, tap, 0);
    r = r < 0 ? r : file_put(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1");
    if (r < 0) {
        return err_set(e, -r, "cannot forward what containers send");
    }
    return keeper_has_ip6() ? forward6(fd, tap, e) : 0;
}

int plug_open_way_out(struct keeper *k, struct err *e)
{
    struct netlink_rule own = {.priority = PRIORITY_OWN, .from_link = "lo", .table = RT_TABLE_MAIN};
    struct netlink_rule nothing = {.priority = PRIORITY_NOTHING};
    /* slirp4netns itself, who would be the host's loopback, is nobody's business. */
    struct netlink_rule slirp6 = {.family = AF_INET6, .priority = PRIORITY_APART};
    const int families[] = {AF_INET, AF_INET6};
    const size_t count = keeper_has_ip6() ? 2 : 1;
    struct network_subnet s = {0};
    int r = network_subnet_parse(NET_SLIRP6, &s, e);

    slirp6.to = prefix_of(&s);
    for (size_t i = 0; r == 0 && i < count; i++) {
        own.family = nothing.family = families[i];
        r = add_rule(k, &own, e);
        r = r < 0 ? r : add_rule(k, &nothing, e);
    }
    r = r < 0 || count == 1 ? r : add_rule(k, &slirp6, e);
    return r < 0 ? r : keeper_inside(k->own_netns_fd, forward, NULL, e);
}

/* ---- networks */

struct network_rules {
    struct netlink_rule v[6];
    size_t count;
};

static void add_rules_of(const struct network *n, const struct network_subnet *s,
                         struct network_rules *ret)
{
    const struct netlink_rule rules[] = {
        {.family = s->family, .priority = PRIORITY_APART, .to = prefix_of(s)},
        {.family = s->family,
         .priority = PRIORITY_ANSWERS,
         .from_link = NET_TAP,
         .to = prefix_of(s),
         .table = RT_TABLE_MAIN},
        {.family = s->family,
         .priority = PRIORITY_OUT,
         .from_link = n->bridge,
         .from = prefix_of(s),
         .table = RT_TABLE_MAIN}};
    const size_t count = s->family == 0 ? 0 : n->config.is_internal ? 1 : 3;

    for (size_t i = 0; i < count; i++) {
        ret->v[ret->count++] = rules[i];
    }
}

static struct network_rules rules_of(const struct network *n)
{
    struct network_rules r = {.count = 0};

    add_rules_of(n, &n->config.subnet, &r);
    add_rules_of(n, &n->config.subnet6, &r);
    return r;
}

static uint32_t mtu_of(const struct network *n)
{
    return n->config.mtu > 0 ? (uint32_t)n->config.mtu : NET_MTU;
}

static int add_gateway(const struct keeper *k, unsigned int link, const struct network_subnet *s)
{
    return s->family == 0
               ? 0
               : netlink_address_add(k->route_fd, link, s->family, s->gateway, s->prefix);
}

void network_down(struct keeper *k, struct network *n)
{
    const struct network_rules rules = rules_of(n);

    if (n->config.has_dns) {
        names_drop_network(k, n);
    }
    for (size_t i = 0; i < rules.count; i++) {
        (void)netlink_rule_delete(k->route_fd, &rules.v[i]);
    }
    (void)netlink_link_delete(k->route_fd, n->bridge);
    n->is_up = 0;
}

static int network_up(struct keeper *k, struct network *n, struct err *e)
{
    const struct network_rules rules = rules_of(n);
    int r = netlink_bridge_add(k->route_fd, n->bridge, n->number, mtu_of(n));

    r = r < 0 ? r : add_gateway(k, n->number, &n->config.subnet);
    r = r < 0 ? r : add_gateway(k, n->number, &n->config.subnet6);
    if (r < 0) {
        r = err_set(e, -r, "cannot make the bridge of network '%s'", n->config.name);
    }
    for (size_t i = 0; r == 0 && i < rules.count; i++) {
        r = add_rule(k, &rules.v[i], e);
    }
    if (r == 0 && n->config.has_dns) {
        r = names_add_network(k, n, e);
    }
    n->is_up = 1;
    if (r < 0) {
        network_down(k, n);
    }
    return r;
}

/* ---- containers */

/* In the container's namespace. */
static int configure(void *arg, struct err *e)
{
    const struct plug *p = arg;
    const struct network_config *c = &p->network->config;
    unsigned int link = if_nametoindex(p->join.used_interface);
    autoclose int fd = -1;
    int r = netlink_open(&fd, e);

    if (r < 0) {
        return r;
    }
    r = netlink_link_up(fd, link);
    r = r < 0 ? r : netlink_address_add(fd, link, AF_INET, p->address, c->subnet.prefix);
    if (r == 0 && c->subnet6.family != 0) {
        r = netlink_address_add(fd, link, AF_INET6, p->address6, c->subnet6.prefix);
    }
    if (r == 0 && !c->is_internal) {
        r = netlink_default_route(fd, link, AF_INET, c->subnet.gateway, p->metric);
    }
    if (r == 0 && !c->is_internal && c->subnet6.family != 0) {
        r = netlink_default_route(fd, link, AF_INET6, c->subnet6.gateway, p->metric);
    }
    return r < 0 ? err_set(e, -r, "cannot set the address '%s'", p->join.address) : 0;
}

static int remove_old(void *arg, struct err *e)
{
    const struct plug *p = arg;
    autoclose int fd = -1;
    int r = netlink_open(&fd, e);

    if (r == 0) {
        (void)netlink_link_delete(fd, p->join.used_interface);
    }
    return r;
}

/* Is an interface of @p's name in the way that a dead keeper put there? The kernel takes its time
 * to take them down. All others are live ones of ours, or the container's own. */
static int is_dead(const struct member *m, const struct plug *p)
{
    for (const struct plug *other = m->plugs; other != NULL; other = other->next) {
        if (other != p && other->pair[0] != '\0' &&
            str_eq(other->join.used_interface, p->join.used_interface)) {
            return 0;
        }
    }
    return m->has_come_back;
}

/* "eth0" for the first, and so on; one that went leaves its number free. */
static char *choose_interface(const struct member *m)
{
    for (unsigned int i = 0;; i++) {
        autofree char *name = xasprintf("eth%u", i);
        int is_taken = 0;

        for (const struct plug *p = m->plugs; p != NULL; p = p->next) {
            is_taken =
                is_taken || str_eq(p->join.used_interface, name) || str_eq(p->join.interface, name);
        }
        if (!is_taken) {
            return steal_ptr(&name);
        }
    }
}

/* Behind all routes that stand: those of networks that were left free theirs. */
static uint32_t metric_of(const struct member *m, const struct plug *p)
{
    uint32_t metric = METRIC_FIRST;

    for (const struct plug *other = m->plugs; other != NULL; other = other->next) {
        if (other != p && other->pair[0] != '\0' && other->metric >= metric) {
            metric = other->metric + 1;
        }
    }
    return metric;
}

int plug_in(struct keeper *k, const struct member *m, struct plug *p, struct err *e)
{
    struct netlink_pair pair = {.name = p->pair,
                                .mtu = mtu_of(p->network),
                                .peer_mac = p->mac,
                                .peer_netns_fd = m->netns_fd};
    int r = p->network->is_up ? 0 : network_up(k, p->network, e);

    if (r < 0) {
        return r;
    }
    if (p->join.used_interface == NULL) {
        p->join.used_interface =
            p->join.interface != NULL ? xstrdup(p->join.interface) : choose_interface(m);
    }
    p->metric = metric_of(m, p);
    (void)snprintf(p->pair, sizeof(p->pair), "v%u", k->next_number++);
    pair.bridge = p->network->number;
    pair.peer_name = p->join.used_interface;
    r = netlink_pair_add(k->route_fd, &pair);
    if (r == -EEXIST && is_dead(m, p)) {
        r = keeper_inside(m->netns_fd, remove_old, p, e);
        r = r < 0 ? r : netlink_pair_add(k->route_fd, &pair);
    }
    if (r < 0) {
        p->pair[0] = '\0';
        return err_set(e, -r, "cannot plug container '%s' into network '%s'", m->name,
                       p->network->config.name);
    }
    r = keeper_inside(m->netns_fd, configure, p, e);
    if (r == 0) {
        r = names_add_plug(k, m, p, e);
    }
    if (r < 0) {
        plug_out(k, m, p);
        return r;
    }
    debug("networks: %s is in %s", m->name, p->network->config.name);
    return 0;
}

void plug_out(struct keeper *k, const struct member *m, struct plug *p)
{
    if (p->pair[0] != '\0') {
        names_drop_plug(k, m, p);
        (void)netlink_link_delete(k->route_fd, p->pair);
        p->pair[0] = '\0';
    }
}
