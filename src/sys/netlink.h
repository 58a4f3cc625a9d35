/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routing by rtnetlink(7): the few requests that rbox makes in a container's network namespace.
 *
 * A netlink socket belongs to the namespace it was opened in, whatever its holder joins later.
 * Needs CAP_NET_ADMIN over that namespace. */
#ifndef RBOX_SYS_NETLINK_H
#define RBOX_SYS_NETLINK_H

#include "base/err.h"

#include <stdint.h>

/* On success the caller owns *ret_fd. */
int netlink_open(int *ret_fd, struct err *e);

/* An address and how many of its bits count; length 0 means any. */
struct netlink_prefix {
    uint8_t address[16]; /* network order; IPv4 uses the first 4 bytes */
    uint8_t length;
};

/* A policy rule (ip-rule(8)). Zeroed fields match everything. */
struct netlink_rule {
    int family; /* AF_INET or AF_INET6 */
    uint32_t priority;
    struct netlink_prefix from;
    struct netlink_prefix to;
    uint8_t protocol;      /* IPPROTO_…, with port */
    uint16_t port;         /* of the destination, from … */
    uint16_t port_last;    /* … to */
    uint32_t mark;         /* SO_MARK of the socket */
    const char *from_link; /* name of the interface it came in by; "lo": made here */
    uint32_t table;        /* to look up; 0: the destination is prohibited (EACCES) */
};

/* Both return 0 or -errno (-EEXIST, -ENOENT). */
int netlink_rule_add(int fd, const struct netlink_rule *rule);
int netlink_rule_delete(int fd, const struct netlink_rule *rule);

/* Put into @table of @family: everything is delivered here, through interface @link. Returns 0 or
 * -errno. */
int netlink_local_route(int fd, int family, uint32_t table, unsigned int link);

/* Does a packet of @protocol (IPPROTO_…) to @port of @address find a way? Returns 0, or the
 * -errno that connect(2) gives (-EACCES: prohibited, -ENETUNREACH). Needs no capability. */
int netlink_find_route(int fd, int family, const uint8_t *address, uint8_t protocol, uint16_t port);

/* ---- interfaces; each returns 0 or -errno */

/* Make bridge @name with the index @index, and set it up. */
int netlink_bridge_add(int fd, const char *name, unsigned int index, uint32_t mtu);

/* A pair of interfaces: one here, up and behind bridge @bridge, its peer, which is not up yet (the
 * kernel can't before the pair stands), in another namespace. Needs CAP_NET_ADMIN over both. */
struct netlink_pair {
    const char *name;
    unsigned int bridge; /* index */
    uint32_t mtu;
    const char *peer_name;
    const uint8_t *peer_mac; /* 6 bytes */
    int peer_netns_fd;
};
int netlink_pair_add(int fd, const struct netlink_pair *pair);

int netlink_link_up(int fd, unsigned int link);
int netlink_link_delete(int fd, const char *name);

/* Give interface @link an address. */
int netlink_address_add(int fd, unsigned int link, int family, const void *address,
                        unsigned int length);

/* Answer for others behind interface @link (proxy_arp) after up to @delay_ms; the kernel's own
 * value is 0.8 s. Its file below /proc/sys/net/ipv4/neigh is not to be had everywhere: Linux 5.10
 * shows it to no user namespace. */
int netlink_proxy_delay(int fd, unsigned int link, uint64_t delay_ms);

/* A default route through @gateway behind interface @link, which is taken to be there whatever the
 * rules say (egress.h shuts namespaces by rules); the least @metric counts. */
int netlink_default_route(int fd, unsigned int link, int family, const void *gateway,
                          uint32_t metric);

#endif
