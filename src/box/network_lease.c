/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of containers; declared in network_keeper.h. */
#include "base/cleanup.h"
#include "box/network_keeper.h"
#include "spec/spec_join.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One of the two families of a plug. */
struct side {
    const struct network_subnet *subnet;
    size_t address_offset; /* in struct plug */
    const char *asked;
    uint8_t *last; /* given in this network */
};

static uint8_t *address_of(const struct plug *p, size_t offset)
{
    return (uint8_t *)(uintptr_t)p + offset;
}

static const struct member *holder(const struct keeper *k, const struct plug *p,
                                   const struct side *s, const uint8_t address[16])
{
    for (const struct member *m = k->members; m != NULL; m = m->next) {
        for (const struct plug *other = m->plugs; other != NULL; other = other->next) {
            if (other != p && other->network == p->network &&
                memcmp(address_of(other, s->address_offset), address, 16) == 0) {
                return m;
            }
        }
    }
    return NULL;
}

static int take_asked(const struct keeper *k, const struct plug *p, const struct side *s,
                      uint8_t ret[16], struct err *e)
{
    autofree char *subnet = network_subnet_text(s->subnet);
    const struct member *other = NULL;

    memset(ret, 0, 16);
    if (inet_pton(s->subnet->family, s->asked, ret) != 1 || !network_subnet_has(s->subnet, ret)) {
        return err_new(e, EINVAL, "address '%s' is not one for containers of network '%s' (%s)",
                       s->asked, p->network->config.name, subnet);
    }
    other = holder(k, p, s, ret);
    if (other != NULL) {
        return err_new(e, EADDRINUSE, "address '%s' of network '%s' is container '%s'", s->asked,
                       p->network->config.name, other->name);
    }
    return 0;
}

/* The next free one after the last that was given, so that an address is not somebody else's right
 * away. */
static int take_next(const struct keeper *k, const struct plug *p, const struct side *s,
                     uint8_t ret[16], struct err *e)
{
    const uint64_t size = network_subnet_size(s->subnet);

    memcpy(ret, s->last, 16);
    for (uint64_t i = 0; i < size; i++) {
        network_subnet_next(s->subnet, ret);
        if (network_subnet_has(s->subnet, ret) && holder(k, p, s, ret) == NULL) {
            memcpy(s->last, ret, 16);
            return 0;
        }
    }
    return err_new(e, ENOSPC, "network '%s' has no address left", p->network->config.name);
}

static int choose_side(const struct keeper *k, struct plug *p, const struct side *s, struct err *e)
{
    uint8_t *address = address_of(p, s->address_offset);

    return s->asked != NULL ? take_asked(k, p, s, address, e) : take_next(k, p, s, address, e);
}

static void choose_mac(struct plug *p)
{
    if (p->join.mac != NULL) {
        (void)sscanf(p->join.mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &p->mac[0], &p->mac[1],
                     &p->mac[2], &p->mac[3], &p->mac[4], &p->mac[5]);
    } else {
        /* A locally administered one that goes with the address: neighbours' tables stay right. */
        memcpy(p->mac, (const uint8_t[2]){0x02, 0x72}, 2);
        memcpy(p->mac + 2, p->address, 4);
    }
    p->join.used_mac = xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2],
                                 p->mac[3], p->mac[4], p->mac[5]);
}

int lease_choose(const struct keeper *k, struct plug *p, struct err *e)
{
    struct network *n = p->network;
    const struct network_subnet *s6 = &n->config.subnet6;
    struct spec_join *j = &p->join;
    int r = choose_side(
        k, p, &(struct side){&n->config.subnet, offsetof(struct plug, address), j->ip, n->lease},
        e);

    if (r == 0 && s6->family == 0 && j->ip6 != NULL) {
        r = err_new(e, EINVAL, "network '%s' has no IPv6", n->config.name);
    }
    if (r == 0 && s6->family != 0) {
        r = choose_side(k, p,
                        &(struct side){s6, offsetof(struct plug, address6), j->ip6, n->lease6}, e);
    }
    if (r < 0) {
        return r;
    }
    spec_join_forget(j);
    choose_mac(p);
    j->address = network_address_text(AF_INET, p->address);
    j->prefix = n->config.subnet.prefix;
    j->gateway = network_address_text(AF_INET, n->config.subnet.gateway);
    if (s6->family != 0) {
        j->address6 = network_address_text(AF_INET6, p->address6);
        j->prefix6 = s6->prefix;
        j->gateway6 = network_address_text(AF_INET6, s6->gateway);
    }
    j->has_dns = n->config.has_dns;
    j->is_internal = n->config.is_internal;
    return 0;
}
