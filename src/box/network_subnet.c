/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network_subnet.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

static size_t bytes_of(int family)
{
    return family == AF_INET6 ? 16 : 4;
}

/* ---- arithmetic */

/* The network's own address, and the last one: all other bits 0 or 1. */
static void subnet_ends(const struct network_subnet *s, uint8_t first[16], uint8_t last[16])
{
    memset(first, 0, 16);
    memset(last, 0, 16);
    for (size_t bit = 0; bit < bytes_of(s->family) * 8; bit++) {
        const uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        if (bit < s->prefix) {
            first[bit / 8] |= s->address[bit / 8] & mask;
        } else {
            last[bit / 8] |= mask;
        }
    }
    for (size_t i = 0; i < 16; i++) {
        last[i] |= first[i];
    }
}

/* One up (or down), in network order. */
static void step(int family, uint8_t address[16], int up)
{
    for (size_t i = bytes_of(family); i-- > 0;) {
        address[i] = (uint8_t)(address[i] + (up ? 1 : -1));
        if (address[i] != (up ? 0 : 0xff)) {
            return;
        }
    }
}

static int is_within(const uint8_t address[16], const uint8_t first[16], const uint8_t last[16])
{
    return memcmp(address, first, 16) >= 0 && memcmp(address, last, 16) <= 0;
}

int network_subnet_overlaps(const struct network_subnet *a, const struct network_subnet *b)
{
    uint8_t ends[4][16];

    if (a->family == 0 || a->family != b->family) {
        return 0;
    }
    subnet_ends(a, ends[0], ends[1]);
    subnet_ends(b, ends[2], ends[3]);
    return memcmp(ends[0], ends[3], 16) <= 0 && memcmp(ends[2], ends[1], 16) <= 0;
}

int network_subnet_has(const struct network_subnet *s, const uint8_t address[16])
{
    uint8_t first[16];
    uint8_t last[16];

    subnet_ends(s, first, last);
    return is_within(address, first, last) && memcmp(address, first, 16) != 0 &&
           memcmp(address, s->gateway, 16) != 0 &&
           (s->family == AF_INET6 || memcmp(address, last, 16) != 0);
}

void network_subnet_next(const struct network_subnet *s, uint8_t address[16])
{
    if (!is_within(address, s->first, s->last) || memcmp(address, s->last, 16) == 0) {
        memcpy(address, s->first, 16);
    } else {
        step(s->family, address, 1);
    }
}

uint64_t network_subnet_size(const struct network_subnet *s)
{
    const size_t bytes = bytes_of(s->family);
    uint64_t size = 0;

    for (size_t i = 0; i < bytes; i++) {
        if (size > UINT32_MAX) {
            return size;
        }
        size = size * 256 + s->last[i] - s->first[i];
    }
    return size + 1;
}

/* ---- text */

char *network_address_text(int family, const uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(family, address, text, sizeof(text));
    return xstrdup(text);
}

char *network_subnet_text(const struct network_subnet *s)
{
    autofree char *address = network_address_text(s->family, s->address);

    return xasprintf("%s/%u", address, s->prefix);
}

/* "ADDRESS/PREFIX" and nothing more; bits behind the prefix are cleared. */
static int read_prefix(const char *text, struct network_subnet *ret)
{
    autofree char *address = xstrndup(text, strcspn(text, "/"));
    const char *slash = strchr(text, '/');
    struct network_subnet s = {.family = AF_INET};
    struct err ignored = {0};
    uint8_t first[16];
    uint8_t last[16];
    int64_t prefix = 0;

    if (inet_pton(AF_INET, address, s.address) != 1) {
        s.family = AF_INET6;
        if (inet_pton(AF_INET6, address, s.address) != 1) {
            return -EINVAL;
        }
    }
    if (slash == NULL ||
        parse_int64(slash + 1, 1, (int64_t)bytes_of(s.family) * 8, &prefix, &ignored) < 0) {
        return -EINVAL;
    }
    s.prefix = (unsigned int)prefix;
    subnet_ends(&s, first, last);
    memcpy(s.address, first, sizeof(s.address));
    *ret = s;
    return 0;
}

/* A subnet's ends without what no container can have. */
static void whole_range(struct network_subnet *s)
{
    subnet_ends(s, s->first, s->last);
    step(s->family, s->first, 1);
    if (s->family == AF_INET) {
        step(s->family, s->last, 0);
    }
}

static int is_usable(const struct network_subnet *s)
{
    const uint8_t top = s->address[0];

    return s->family == AF_INET ? top != 0 && top != 127 && top < 224
                                : top < 0xfe && !IN6_IS_ADDR_V4MAPPED((const void *)s->address) &&
                                      (top | s->address[1]) != 0;
}

int network_subnet_parse(const char *text, struct network_subnet *ret, struct err *e)
{
    struct network_subnet s = {0};

    if (read_prefix(text, &s) < 0) {
        (void)err_new(e, EINVAL, "'%s' is not a network", text);
        return err_hint(e, "ADDRESS/PREFIX, such as 10.90.0.0/24");
    }
    if (!is_usable(&s) || s.prefix > bytes_of(s.family) * 8 - 2) {
        return err_new(e, EINVAL, "'%s' cannot be a network of containers", text);
    }
    whole_range(&s);
    memcpy(s.gateway, s.first, sizeof(s.gateway));
    *ret = s;
    return 0;
}

int network_subnet_gateway(struct network_subnet *s, const char *text, struct err *e)
{
    uint8_t address[16] = {0};

    memset(s->gateway, 0, sizeof(s->gateway));
    if (inet_pton(s->family, text, address) != 1 || !network_subnet_has(s, address)) {
        autofree char *subnet = network_subnet_text(s);

        return err_new(e, EINVAL, "the gateway '%s' is not in %s", text, subnet);
    }
    memcpy(s->gateway, address, sizeof(s->gateway));
    return 0;
}

int network_subnet_range(struct network_subnet *s, const char *text, struct err *e)
{
    const char *dash = strchr(text, '-');
    struct network_subnet range = {0};
    struct network_subnet whole = *s;
    int is_good = 0;

    if (dash != NULL) {
        autofree char *first = xstrndup(text, (size_t)(dash - text));

        is_good = inet_pton(s->family, first, range.first) == 1 &&
                  inet_pton(s->family, dash + 1, range.last) == 1 &&
                  memcmp(range.first, range.last, 16) <= 0;
    } else if (read_prefix(text, &range) == 0 && range.family == s->family) {
        subnet_ends(&range, range.first, range.last);
        is_good = 1;
    }
    subnet_ends(s, whole.first, whole.last);
    if (!is_good || !is_within(range.first, whole.first, whole.last) ||
        !is_within(range.last, whole.first, whole.last)) {
        autofree char *subnet = network_subnet_text(s);

        return err_new(e, EINVAL, "the range '%s' is not in %s", text, subnet);
    }
    memcpy(s->first, range.first, sizeof(s->first));
    memcpy(s->last, range.last, sizeof(s->last));
    s->has_range = 1;
    return 0;
}

/* ---- the host */

static unsigned int mask_length(const struct sockaddr *mask)
{
    const uint8_t *p =
        mask->sa_family == AF_INET6
            ? ((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr.s6_addr
            : (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
    unsigned int length = 0;

    for (size_t i = 0; i < bytes_of(mask->sa_family); i++) {
        length += (unsigned int)__builtin_popcount(p[i]);
    }
    return length;
}

static const uint8_t *address_in(const struct sockaddr *a)
{
    return a->sa_family == AF_INET6
               ? (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr
               : (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
}

char *network_address_on_host(int family, const char *interface)
{
    struct ifaddrs *all = NULL;
    char *found = NULL;

    if (getifaddrs(&all) < 0) {
        return NULL;
    }
    for (const struct ifaddrs *i = all; i != NULL && found == NULL; i = i->ifa_next) {
        if (i->ifa_addr != NULL && i->ifa_addr->sa_family == family &&
            strcmp(i->ifa_name, interface) == 0 &&
            (family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(address_in(i->ifa_addr)))) {
            found = network_address_text(family, address_in(i->ifa_addr));
        }
    }
    freeifaddrs(all);
    return found;
}

char *network_subnet_on_host(const struct network_subnet *s)
{
    struct ifaddrs *all = NULL;
    char *found = NULL;

    if (getifaddrs(&all) < 0) {
        return NULL;
    }
    for (const struct ifaddrs *i = all; i != NULL && found == NULL; i = i->ifa_next) {
        struct network_subnet own = {.family = s->family};

        if (i->ifa_addr == NULL || i->ifa_netmask == NULL || i->ifa_addr->sa_family != s->family) {
            continue;
        }
        memcpy(own.address, address_in(i->ifa_addr), bytes_of(s->family));
        own.prefix = mask_length(i->ifa_netmask);
        if (network_subnet_overlaps(s, &own)) {
            found = xstrdup(i->ifa_name);
        }
    }
    freeifaddrs(all);
    return found;
}
