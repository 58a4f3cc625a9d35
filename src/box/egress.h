/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --allow-net: what a container may reach, and nothing else.
 *
 * Held by routing rules in the container's network namespace, where it has no CAP_NET_ADMIN: a
 * prohibiting rule for everything, and before it rules for what is allowed. Names become addresses
 * only through a resolver of ours on the container's loopback: it asks the host's resolver about
 * allowed names alone, and opens what that answered for as long as the answer lives, or as a
 * connection to it does. */
#ifndef RBOX_BOX_EGRESS_H
#define RBOX_BOX_EGRESS_H

#include "base/err.h"
#include "base/mem.h"
#include "box/net_fork.h"
#include "spec/spec.h"
#include "sys/netlink.h"

#include <netinet/in.h>
#include <stdint.h>

/* Where the container's resolv.conf points with an allowlist. */
#define EGRESS_NAMESERVER "127.0.0.153"

/* One entry of the list: "[tcp:|udp:]HOST[:PORT[-PORT]]"; HOST a name, "*.DOMAIN" (names below it),
 * an address, or NETWORK/PREFIX; IPv6 in brackets. No port means all, no protocol tcp. */
struct egress_rule {
    char *name; /* NULL: an address */
    int below;  /* name stands for what is below it */
    int family;
    struct netlink_prefix prefix;
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t port;    /* 0: all */
    uint16_t port_last;
};

struct egress_rules {
    struct egress_rule *v;
    size_t count;
};

/* Read entries separated by commas. Errors: -EINVAL naming the entry. Pure; appends to @ret. */
int egress_parse(const char *text, struct egress_rules *ret, struct err *e);
void egress_rules_done(struct egress_rules *r);

/* Does @rule speak of @name (lower case, no last dot)? */
int egress_matches(const struct egress_rule *rule, const char *name);

/* May an address be opened because an allowed name has it? Not the container's or host's loopback,
 * links, groups, nor the own network of slirp4netns with the host in it: a name's owner must not
 * open what only the user can (DNS rebinding). */
int egress_may_open(int family, const uint8_t *address, struct in_addr gateway);

struct egress_start {
    const struct spec *spec;
    struct in_addr gateway;
    struct in_addr dns; /* the host's resolver, as seen inside */
    int netns_fd;       /* borrowed */
    int log_fd;         /* of --net-log, or -1; borrowed */
    int list_fd;        /* with it: at end of file here, the list is written back; borrowed */
};

/* Fork the resolver, which sets the rules up first; with --net-log alone there are none. @ret is
 * the caller's. Supervisor. */
int egress_start(const struct egress_start *o, struct net_helper *ret, struct err *e);

#endif
