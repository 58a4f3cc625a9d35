/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the resolver process of egress.h: what is open at the moment. */
#ifndef RBOX_BOX_EGRESS_OPEN_H
#define RBOX_BOX_EGRESS_OPEN_H

#include "box/egress.h"

enum {
    EGRESS_FOREVER = -1,
    EGRESS_MARK = 0x72626f78, /* of the resolver's own sockets, which no container can set */
};

struct opening {
    struct netlink_rule rule;
    int64_t until_ms; /* EGRESS_FOREVER: as long as the container lives */
};

struct openings {
    int route_fd;
    int diag_fd; /* tells which connections there are; -1: unknown */
    struct opening *v;
    size_t count;
};

/* Open the two netlink sockets and forbid everything but @rules' addresses and marked sockets. In
 * the container's network namespace. */
int openings_init(struct openings *o, const struct egress_rules *rules, struct err *e);

/* Open @address for what @rule says, until @until_ms; or prolong that. Best effort: what can't be
 * opened stays shut. */
void openings_add(struct openings *o, const struct egress_rule *rule, int family,
                  const uint8_t *address, int64_t until_ms);

/* Shut what is over at @now_ms and has no connection any more. */
void openings_expire(struct openings *o, int64_t now_ms);

#endif
