/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subnets of user networks and the addresses in them: arithmetic on bytes in network order, IPv4
 * in the first 4 of 16. Pure, but for those _on_host(). */
#ifndef RBOX_BOX_NETWORK_SUBNET_H
#define RBOX_BOX_NETWORK_SUBNET_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct network_subnet {
    int family; /* AF_INET, AF_INET6; 0: there is none */
    unsigned int prefix;
    uint8_t address[16];
    uint8_t gateway[16];
    uint8_t first[16]; /* what containers get without asking: from … */
    uint8_t last[16];  /* … to */
    int has_range;     /* these were asked for */
};

/* Read "10.89.0.0/24" into @ret, with its first address as gateway. Errors: -EINVAL, also for one
 * too small for a gateway and a container. */
int network_subnet_parse(const char *text, struct network_subnet *ret, struct err *e);

/* Give it another gateway, or a range "10.89.0.128/25" or "10.89.0.10-10.89.0.20". Errors: -EINVAL
 * not in the subnet. */
int network_subnet_gateway(struct network_subnet *s, const char *text, struct err *e);
int network_subnet_range(struct network_subnet *s, const char *text, struct err *e);

int network_subnet_overlaps(const struct network_subnet *a, const struct network_subnet *b);

/* Is @address one that a container can have: in the subnet, not its ends, not the gateway? */
int network_subnet_has(const struct network_subnet *s, const uint8_t address[16]);

/* The address after *@address in the range, round and round; begin with zeros. */
void network_subnet_next(const struct network_subnet *s, uint8_t address[16]);

/* How many addresses the range has, or a big number. */
uint64_t network_subnet_size(const struct network_subnet *s);

/* "10.89.0.0/24"; "10.89.0.1" of @family. The caller owns them. */
char *network_subnet_text(const struct network_subnet *s);
char *network_address_text(int family, const uint8_t address[16]);

/* The first address of @family, not a link's own, that @interface of the host has, or NULL. The
 * caller owns it. */
char *network_address_on_host(int family, const char *interface);

/* The name of an interface of the host whose network overlaps @s, or NULL. The caller owns it. */
char *network_subnet_on_host(const struct network_subnet *s);

#endif
