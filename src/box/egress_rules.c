/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allowlist as data; declared in egress.h. */
#include "base/cleanup.h"
#include "base/parse.h"
#include "box/egress.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_ports(const char *text, struct egress_rule *rule)
{
    const char *dash = strchr(text, '-');
    autofree char *first = xstrndup(text, dash != NULL ? (size_t)(dash - text) : strlen(text));
    int64_t from = 0;
    int64_t to = 0;
    struct err ignored = {0};

    if (parse_int64(first, 1, UINT16_MAX, &from, &ignored) < 0 ||
        parse_int64(dash != NULL ? dash + 1 : first, from, UINT16_MAX, &to, &ignored) < 0) {
        return -EINVAL;
    }
    /* The kernel takes no rule for port 65535: all ports need none, "1024-65535" gets one less. */
    if (from == UINT16_MAX) {
        return -EINVAL;
    }
    rule->port = (uint16_t)(from == 1 && to == UINT16_MAX ? 0 : from);
    rule->port_last = (uint16_t)(rule->port == 0 ? 0 : to == UINT16_MAX ? to - 1 : to);
    return 0;
}

/* An address or a network; bits beyond the prefix are cleared, as the kernel wants it. Returns 0,
 * or -EINVAL if @host is neither. */
static int read_prefix(const char *host, struct egress_rule *rule)
{
    const char *slash = strchr(host, '/');
    autofree char *address = xstrndup(host, slash != NULL ? (size_t)(slash - host) : strlen(host));
    int64_t length = 0;
    struct err ignored = {0};

    rule->family = AF_INET;
    if (inet_pton(AF_INET, address, rule->prefix.address) != 1) {
        rule->family = AF_INET6;
        if (inet_pton(AF_INET6, address, rule->prefix.address) != 1) {
            return -EINVAL;
        }
    }
    length = rule->family == AF_INET ? 32 : 128;
    if (slash != NULL && parse_int64(slash + 1, 0, length, &length, &ignored) < 0) {
        return -EINVAL;
    }
    rule->prefix.length = (uint8_t)length;
    for (int64_t bit = length; bit < 128; bit++) {
        rule->prefix.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    }
    return 0;
}

static int read_name(const char *host, struct egress_rule *rule)
{
    const char *name = str_after(host, "*.");
    const char *last = NULL;
    size_t len = 0;

    rule->below = name != NULL;
    name = name != NULL ? name : host;
    len = strlen(name);
    if (len > 0 && name[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > 253 || name[0] == '.' || strstr(name, "..") != NULL) {
        return -EINVAL;
    }
    rule->name = xstrndup(name, len);
    for (char *p = rule->name; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
        if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL) {
            return -EINVAL;
        }
    }
    /* "10.0.0" or "1.2.3.4.5" is a mistyped address: no top-level domain is a number. */
    last = strrchr(rule->name, '.');
    last = last != NULL ? last + 1 : rule->name;
    return last[strspn(last, "0123456789")] == '\0' ? -EINVAL : 0;
}

static int read_entry(const char *entry, struct egress_rule *rule)
{
    const char *rest = str_after(entry, "udp:");
    autofree char *host = NULL;
    const char *port = NULL;

    rule->protocol = rest != NULL ? IPPROTO_UDP : IPPROTO_TCP;
    rest = rest != NULL ? rest : str_after(entry, "tcp:");
    rest = rest != NULL ? rest : entry;
    if (*rest == '[') {
        const char *end = strchr(rest, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return -EINVAL;
        }
        host = xstrndup(rest + 1, (size_t)(end - rest - 1));
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        const char *colon = strchr(rest, ':');

        host = xstrndup(rest, colon != NULL ? (size_t)(colon - rest) : strlen(rest));
        port = colon != NULL ? colon + 1 : NULL;
    }
    if (port != NULL && read_ports(port, rule) < 0) {
        return -EINVAL;
    }
    return read_prefix(host, rule) == 0 ? 0 : *rest == '[' ? -EINVAL : read_name(host, rule);
}

int egress_parse(const char *text, struct egress_rules *ret, struct err *e)
{
    autostrv struct strv entries = {0};

    strv_split(&entries, text, ',');
    for (size_t i = 0; i < entries.len; i++) {
        struct egress_rule rule = {0};

        if (*entries.v[i] == '\0') {
            continue;
        }
        if (read_entry(entries.v[i], &rule) < 0) {
            free(rule.name);
            (void)err_new(e, EINVAL, "--allow-net cannot take '%s'", entries.v[i]);
            return err_hint(e, "HOST[:PORT[-PORT]], *.DOMAIN:PORT, NETWORK/PREFIX:PORT, "
                               "[IPV6]:PORT, udp:HOST:PORT");
        }
        ret->v = xrealloc(ret->v, ret->count + 1, sizeof(*ret->v));
        ret->v[ret->count++] = rule;
    }
    return 0;
}

void egress_rules_done(struct egress_rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->v[i].name);
    }
    free(r->v);
    *r = (struct egress_rules){0};
}

int egress_matches(const struct egress_rule *rule, const char *name)
{
    const size_t len = rule->name != NULL ? strlen(rule->name) : 0;
    const size_t name_len = strlen(name);

    if (rule->name == NULL) {
        return 0;
    }
    if (!rule->below) {
        return strcmp(rule->name, name) == 0;
    }
    return name_len > len + 1 && name[name_len - len - 1] == '.' &&
           strcmp(name + name_len - len, rule->name) == 0;
}

int egress_may_open(int family, const uint8_t *address, struct in_addr gateway)
{
    const uint8_t *ip = address;
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *own = (const uint8_t *)&gateway.s_addr;

    if (family == AF_INET6 && memcmp(address, MAPPED, sizeof(MAPPED)) != 0) {
        struct in6_addr a6;

        memcpy(&a6, address, sizeof(a6));
        /* fe80::/10 and ff00::/8 begin alike; fd00::/64 is libslirp's network. */
        return !IN6_IS_ADDR_UNSPECIFIED(&a6) && !IN6_IS_ADDR_LOOPBACK(&a6) && address[0] < 0xfe &&
               !(address[0] == 0xfd && memcmp(address + 1, in6addr_any.s6_addr, 7) == 0);
    }
    ip = family == AF_INET6 ? address + sizeof(MAPPED) : address;
    return ip[0] != 0 && ip[0] != 127 && ip[0] < 224 && !(ip[0] == 169 && ip[1] == 254) &&
           memcmp(ip, own, 3) != 0;
}
