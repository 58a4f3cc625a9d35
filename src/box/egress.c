/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver process: a relay (dns_relay.h) that lets allowed names through, and opens what they
 * are answered with. */
#include "box/egress.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "box/dns_relay.h"
#include "box/egress_open.h"
#include "box/net_log.h"
#include "sys/fd.h"
#include "sys/sandbox.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TTL_MIN_S = 10, /* an answer of 0 s must live until the connection is made */
    TTL_MAX_S = 24 * 3600,
};

struct egress {
    int is_shut; /* --allow-net: else everything is allowed, and only logged */
    struct net_log *log;
    int list_fd;
    struct egress_rules rules;
    struct openings open;
    struct in_addr gateway;
    struct dns_servers servers;
};

static int is_allowed(const struct egress *g, const char *name)
{
    for (size_t i = 0; i < g->rules.count; i++) {
        if (egress_matches(&g->rules.v[i], name)) {
            return 1;
        }
    }
    return !g->is_shut;
}

static struct dns_decision decide(void *arg, const union dns_address *asker,
                                  const struct dns_question *q, const uint8_t *asked, uint8_t *out)
{
    const struct egress *g = arg;

    const int allowed = is_allowed(g, q->name);

    (void)asker;
    if (g->log != NULL) {
        net_log_asked(g->log, q->name, allowed);
    }
    if (allowed) {
        return (struct dns_decision){.servers = &g->servers};
    }
    return (struct dns_decision){
        .answer_len = dns_write_verdict(asked, q, DNS_NO_SUCH_NAME, /* truncated= */ 0, out)};
}

/* ---- answers */

struct opener {
    struct egress *g;
    const char *name;
};

static void open_address(void *arg, int family, const uint8_t *address, uint32_t ttl_s)
{
    const struct opener *o = arg;
    struct egress *g = o->g;
    const uint32_t ttl = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;

    if (g->log != NULL) {
        net_log_named(g->log, o->name, family, address);
    }
    if (!g->is_shut || !egress_may_open(family, address, g->gateway)) {
        return;
    }
    for (size_t i = 0; i < g->rules.count; i++) {
        if (egress_matches(&g->rules.v[i], o->name)) {
            openings_add(&g->open, &g->rules.v[i], family, address,
                         clock_monotonic_ms() + ttl * 1000LL);
        }
    }
}

static int look(void *arg, const struct dns_question *q, const uint8_t *message, size_t len)
{
    struct opener opener = {.g = arg, .name = q->name};

    return dns_each_address(message, len, q, open_address, &opener);
}

/* The supervisor asks for the list, at the container's end. */
static _Noreturn void end_log(struct egress *g)
{
    autofree char *list = NULL;

    net_log_serve(g->log);
    list = net_log_list(g->log);
    (void)fd_write_all(g->list_fd, list, strlen(list));
    _exit(EXITCODE_OK);
}

static _Noreturn void loop(struct egress *g, struct dns_relay *relay)
{
    struct pollfd polls[DNS_RELAY_POLLS + 2];

    for (;;) {
        const size_t count = dns_relay_poll(relay, polls);

        polls[count] =
            (struct pollfd){.fd = g->log != NULL ? net_log_fd(g->log) : -1, .events = POLLIN};
        polls[count + 1] = (struct pollfd){.fd = g->list_fd, .events = POLLIN};
        (void)poll(polls, count + 2, DNS_RELAY_TICK_MS);
        dns_relay_serve(relay, polls);
        if (polls[count].revents != 0) {
            net_log_serve(g->log);
        }
        if (polls[count + 1].revents != 0) {
            end_log(g);
        }
        openings_expire(&g->open, clock_monotonic_ms());
    }
}

/* ---- start */

/* Allowed names that --add-host gives an address never come here to be resolved. */
static void open_added_hosts(struct egress *g, const struct spec_network *n)
{
    for (size_t i = 0; i < n->add_hosts.len; i++) {
        const char *entry = n->add_hosts.v[i];
        const char *colon = strchr(entry, ':');
        autofree char *joined = xstrndup(entry, strcspn(entry, ":"));
        autostrv struct strv names = {0};
        uint8_t address[16];
        int family = AF_INET;

        if (colon == NULL) {
            continue;
        }
        if (strcmp(colon + 1, "host-gateway") == 0) {
            memcpy(address, &g->gateway, 4);
        } else if (inet_pton(AF_INET, colon + 1, address) != 1) {
            family = AF_INET6;
            if (inet_pton(AF_INET6, colon + 1, address) != 1) {
                continue;
            }
        }
        strv_split(&names, joined, ';');
        for (size_t j = 0; j < names.len * g->rules.count; j++) {
            const struct egress_rule *rule = &g->rules.v[j % g->rules.count];

            if (egress_matches(rule, names.v[j / g->rules.count])) {
                openings_add(&g->open, rule, family, address, EGRESS_FOREVER);
            }
        }
    }
}

static int confine_self(struct err *e)
{
    return sandbox_enter(&(struct sandbox){.calls = DNS_RELAY_CALLS,
                                           .call_count = DNS_RELAY_CALL_COUNT,
                                           .capability = CAP_NET_ADMIN},
                         e);
}

static int egress_run(void *arg, int ready_fd, struct err *e)
{
    const struct egress_start *o = arg;
    const struct spec_network *n = &o->spec->box.network;
    struct egress *g = xcalloc(1, sizeof(*g));
    struct dns_relay *relay = dns_relay_new(
        &(struct dns_owner){.decide = decide, .look = look, .arg = g, .mark = EGRESS_MARK});
    struct in_addr own = {0};
    int r = 0;

    g->gateway = o->gateway;
    g->is_shut = n->allow_net_set;
    g->list_fd = o->list_fd;
    if (o->log_fd >= 0) {
        g->log = net_log_new(o->log_fd);
        r = net_log_watch(g->log, EGRESS_MARK, e);
    }
    for (size_t i = 0; r == 0 && i < n->allow_net.len; i++) {
        r = egress_parse(n->allow_net.v[i], &g->rules, e);
    }
    if (r == 0 && g->is_shut) {
        r = openings_init(&g->open, &g->rules, e);
    }
    if (r == 0) {
        (void)inet_pton(AF_INET, EGRESS_NAMESERVER, &own);
        r = dns_relay_listen(relay, own, e);
    }
    if (r < 0) {
        return r;
    }
    dns_servers_add(&g->servers, &n->dns);
    if (g->servers.count == 0) {
        dns_servers_add_in(&g->servers, o->dns);
    }
    if (g->is_shut) {
        open_added_hosts(g, n);
    }
    r = confine_self(e);
    if (r < 0) {
        return r;
    }
    (void)close(ready_fd);
    loop(g, relay);
}

int egress_start(const struct egress_start *o, struct net_helper *ret, struct err *e)
{
    const int keep[] = {o->log_fd, o->list_fd};
    const struct net_fork fork = {.name = "rbox-resolver",
                                  .run = egress_run,
                                  .arg = (void *)(uintptr_t)o,
                                  .netns_fd = o->netns_fd,
                                  .keep_fds = keep,
                                  .keep_count = o->log_fd >= 0 ? 2 : 0};

    return net_fork(&fork, ret, e);
}
