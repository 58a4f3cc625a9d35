/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/egress_open.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PRIORITY_RESOLVER = 900,
    PRIORITY_OPEN = 1000,
    PRIORITY_SHUT = 2000,
    TABLE_MAIN = 254, /* RT_TABLE_MAIN, whose header does not go with netlink.h's users */
    OPENINGS_MAX = 4096,
    LINGER_MS =
        30 * 1000, /* until a connection that outlived its name's answer is looked at again */
    STATE_LISTEN = 10,
    STATE_CLOSED = 7,
    STATE_TIME_WAIT = 6,
};

static struct netlink_rule rule_for(const struct egress_rule *r, int family,
                                    struct netlink_prefix to)
{
    return (struct netlink_rule){.family = family,
                                 .priority = PRIORITY_OPEN,
                                 .to = to,
                                 .protocol = r->protocol,
                                 .port = r->port,
                                 .port_last = r->port_last,
                                 .table = TABLE_MAIN};
}

/* Everything is shut but the resolver's way out. A kernel without IPv6 needs no rules for it. */
static int shut_all(int fd, int family)
{
    const struct netlink_rule resolver = {
        .family = family, .priority = PRIORITY_RESOLVER, .mark = EGRESS_MARK, .table = TABLE_MAIN};
    const struct netlink_rule shut = {.family = family, .priority = PRIORITY_SHUT};
    const struct netlink_rule opened = {
        .family = family, .priority = PRIORITY_OPEN, .table = TABLE_MAIN};
    int r = netlink_rule_add(fd, &resolver);

    r = r == -EEXIST ? 0 : r; /* of a resolver that died */
    if (r == 0) {
        r = netlink_rule_add(fd, &shut);
    }
    r = r == -EEXIST ? 0 : r;
    /* What that one opened nobody would shut. */
    while (r == 0 && netlink_rule_delete(fd, &opened) == 0) {
    }
    return family == AF_INET6 && r == -EAFNOSUPPORT ? 0 : r;
}

int openings_init(struct openings *o, const struct egress_rules *rules, struct err *e)
{
    int r = netlink_open(&o->route_fd, e);

    o->diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (r == 0) {
        r = shut_all(o->route_fd, AF_INET);
    }
    if (r == 0) {
        r = shut_all(o->route_fd, AF_INET6);
    }
    for (size_t i = 0; r == 0 && i < rules->count; i++) {
        const struct egress_rule *rule = &rules->v[i];

        if (rule->name == NULL) {
            const struct netlink_rule open = rule_for(rule, rule->family, rule->prefix);

            r = netlink_rule_add(o->route_fd, &open);
            r = r == -EEXIST || (rule->family == AF_INET6 && r == -EAFNOSUPPORT) ? 0 : r;
        }
    }
    return r < 0 && e->errnum == 0 ? err_set(e, -r, "cannot set up --allow-net") : r;
}

static int is_same(const struct netlink_rule *a, const struct netlink_rule *b)
{
    return a->family == b->family && a->protocol == b->protocol && a->port == b->port &&
           a->port_last == b->port_last &&
           memcmp(a->to.address, b->to.address, sizeof(a->to.address)) == 0;
}

void openings_add(struct openings *o, const struct egress_rule *rule, int family,
                  const uint8_t *address, int64_t until_ms)
{
    struct netlink_prefix to = {.length = family == AF_INET6 ? 128 : 32};
    struct netlink_rule open;

    memcpy(to.address, address, to.length / 8);
    open = rule_for(rule, family, to);
    for (size_t i = 0; i < o->count; i++) {
        struct opening *old = &o->v[i];

        if (is_same(&old->rule, &open)) {
            old->until_ms = old->until_ms == EGRESS_FOREVER || old->until_ms > until_ms
                                ? old->until_ms
                                : until_ms;
            return;
        }
    }
    if (o->count < OPENINGS_MAX && netlink_rule_add(o->route_fd, &open) == 0) {
        o->v = xrealloc(o->v, o->count + 1, sizeof(*o->v));
        o->v[o->count++] = (struct opening){.rule = open, .until_ms = until_ms};
    }
}

/* ---- connections, by sock_diag(7) */

static int is_for(const struct inet_diag_msg *m, const struct netlink_rule *r)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *to = (const uint8_t *)m->id.idiag_dst;
    const uint16_t port = (uint16_t)(m->id.idiag_dport >> 8 | m->id.idiag_dport << 8);

    if (r->port != 0 && (port < r->port || port > r->port_last)) {
        return 0;
    }
    if (m->idiag_family == AF_INET6 && r->family == AF_INET) {
        return memcmp(to, MAPPED, sizeof(MAPPED)) == 0 &&
               memcmp(to + sizeof(MAPPED), r->to.address, 4) == 0;
    }
    return m->idiag_family == r->family && memcmp(to, r->to.address, r->to.length / 8) == 0;
}

static int ask_for_sockets(int fd, int family, int protocol)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } q = {
        .head = {.nlmsg_len = sizeof(q),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states =
                     ~(1U << STATE_LISTEN | 1U << STATE_CLOSED | 1U << STATE_TIME_WAIT)},
    };

    return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

/* Read the whole dump, found or not: the next question must not meet its rest. */
static int find_in_dump(int fd, const struct netlink_rule *rule)
{
    union {
        struct nlmsghdr align;
        char bytes[8192];
    } answer;
    int found = 0;

    for (;;) {
        ssize_t n = recv(fd, &answer, sizeof(answer), 0);
        struct nlmsghdr *h = &answer.align;

        if (n <= 0) {
            return found;
        }
        for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                return found;
            }
            found = found || is_for(NLMSG_DATA(h), rule);
        }
    }
}

static int has_connection(const struct openings *o, const struct netlink_rule *rule)
{
    static const int FAMILIES[] = {AF_INET, AF_INET6};
    int found = 0;

    for (size_t i = 0; !found && i < 2; i++) {
        found = ask_for_sockets(o->diag_fd, FAMILIES[i], rule->protocol) == 0 &&
                find_in_dump(o->diag_fd, rule);
    }
    return found;
}

void openings_expire(struct openings *o, int64_t now_ms)
{
    for (size_t i = 0; i < o->count; i++) {
        struct opening *p = &o->v[i];

        if (p->until_ms == EGRESS_FOREVER || p->until_ms > now_ms) {
            continue;
        }
        if (has_connection(o, &p->rule)) {
            p->until_ms = now_ms + LINGER_MS;
        } else {
            (void)netlink_rule_delete(o->route_fd, &p->rule);
            *p = o->v[--o->count];
            i--;
        }
    }
}
