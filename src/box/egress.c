/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver process: one poll loop over the questions of the container and the answers of the
 * host's resolver. */
#include "box/egress.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "box/dns_message.h"
#include "box/egress_open.h"
#include "sys/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PENDING_MAX = 128,
    TRY_MS = 2000, /* for one server to answer */
    TRIES = 4,     /* over all servers */
    TICK_MS = 1000,
    TTL_MIN_S = 10, /* an answer of 0 s must live until the connection is made */
    TTL_MAX_S = 24 * 3600,
    DNS_PORT = 53,
    SERVERS_MAX = 3,
};

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* A question under way. */
struct pending {
    int fd;     /* towards the server; a socket each, so that its port is a secret too */
    int tcp_fd; /* of the asker, or -1 */
    union address asker;
    uint8_t asked[DNS_MESSAGE_MAX]; /* as it came */
    struct dns_question q;
    uint8_t query[DNS_MESSAGE_MAX]; /* as it went on */
    int tries;
    int64_t until_ms;
};

struct egress {
    struct egress_rules rules;
    struct openings open;
    struct in_addr gateway;
    union address servers[SERVERS_MAX];
    size_t server_count;
    int udp_fd;
    int tcp_fd;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
};

static socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

static int is_allowed(const struct egress *g, const char *name)
{
    for (size_t i = 0; i < g->rules.count; i++) {
        if (egress_matches(&g->rules.v[i], name)) {
            return 1;
        }
    }
    return 0;
}

/* ---- answers */

static void answer(const struct egress *g, const struct pending *p, const uint8_t *message,
                   size_t len)
{
    uint8_t framed[DNS_MESSAGE_MAX + 2];

    if (p->tcp_fd < 0) {
        (void)sendto(g->udp_fd, message, len, MSG_DONTWAIT, &p->asker.any, address_len(&p->asker));
        return;
    }
    framed[0] = (uint8_t)(len >> 8);
    framed[1] = (uint8_t)len;
    memcpy(framed + 2, message, len);
    (void)send(p->tcp_fd, framed, len + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void answer_verdict(const struct egress *g, const struct pending *p, int code, int truncated)
{
    uint8_t message[DNS_MESSAGE_MAX];

    answer(g, p, message, dns_write_verdict(p->asked, &p->q, code, truncated, message));
}

static void pending_end(struct egress *g, struct pending *p)
{
    close_fd(&p->fd);
    close_fd(&p->tcp_fd);
    *p = g->pending[--g->pending_count];
}

struct opener {
    struct egress *g;
    const char *name;
};

static void open_address(void *arg, int family, const uint8_t *address, uint32_t ttl_s)
{
    const struct opener *o = arg;
    struct egress *g = o->g;
    const uint32_t ttl = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;

    if (!egress_may_open(family, address, g->gateway)) {
        return;
    }
    for (size_t i = 0; i < g->rules.count; i++) {
        if (egress_matches(&g->rules.v[i], o->name)) {
            openings_add(&g->open, &g->rules.v[i], family, address,
                         clock_monotonic_ms() + ttl * 1000LL);
        }
    }
}

/* ---- questions */

/* Ask the next server. Returns 0 or -errno. */
static int ask(const struct egress *g, struct pending *p)
{
    const union address *server = &g->servers[(size_t)p->tries % g->server_count];
    const uint32_t mark = EGRESS_MARK;
    uint16_t id = 0;
    size_t len = 0;

    close_fd(&p->fd);
    p->tries++;
    p->until_ms = clock_monotonic_ms() + TRY_MS;
    p->fd = socket(server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || setsockopt(p->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
        getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
        return -errno;
    }
    len = dns_write_query(p->asked, &p->q, id, p->query);
    if (connect(p->fd, &server->any, address_len(server)) < 0 ||
        send(p->fd, p->query, len, MSG_DONTWAIT) < 0) {
        return -errno;
    }
    return 0;
}

/* A server that can't be reached is one that does not answer: its time runs out. */
static void take_question(struct egress *g, const struct pending *from, const uint8_t *message,
                          size_t len)
{
    struct pending *p = &g->pending[g->pending_count];

    *p = *from;
    p->fd = -1;
    if (g->pending_count == PENDING_MAX - 1 || dns_read_query(message, len, &p->q) < 0) {
        close_fd(&p->tcp_fd);
        return;
    }
    g->pending_count++;
    memcpy(p->asked, message, len);
    p->q.answer_max = p->tcp_fd >= 0 ? DNS_MESSAGE_MAX : p->q.answer_max;
    if (!is_allowed(g, p->q.name)) {
        answer_verdict(g, p, DNS_NO_SUCH_NAME, /* truncated= */ 0);
        pending_end(g, p);
        return;
    }
    (void)ask(g, p);
}

static void take_datagram(struct egress *g)
{
    struct pending from = {.tcp_fd = -1};
    uint8_t message[DNS_MESSAGE_MAX];
    socklen_t len = sizeof(from.asker);
    ssize_t n = recvfrom(g->udp_fd, message, sizeof(message), MSG_DONTWAIT, &from.asker.any, &len);

    if (n > 0) {
        take_question(g, &from, message, (size_t)n);
    }
}

/* By TCP come those whose answer was too big: one question, which resolvers send in one piece right
 * away. */
static void take_connection(struct egress *g)
{
    struct pending from = {.tcp_fd = accept4(g->tcp_fd, NULL, NULL, SOCK_CLOEXEC)};
    const struct timeval patience = {.tv_usec = 200 * 1000};
    uint8_t message[DNS_MESSAGE_MAX];
    ssize_t n = 0;

    if (from.tcp_fd < 0) {
        return;
    }
    (void)setsockopt(from.tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    n = recv(from.tcp_fd, message, sizeof(message), 0);
    if (n > 2 && (message[0] << 8 | message[1]) == n - 2) {
        take_question(g, &from, message + 2, (size_t)n - 2);
    } else {
        close_fd(&from.tcp_fd);
    }
}

static void take_answer(struct egress *g, struct pending *p)
{
    uint8_t message[DNS_MESSAGE_MAX];
    ssize_t n = recv(p->fd, message, sizeof(message), MSG_DONTWAIT);
    const struct opener opener = {.g = g, .name = p->q.name};

    if (n < 0 || !dns_is_answer(message, (size_t)n, p->query, &p->q)) {
        return; /* a liar's, or a refusal to listen: the right one may still come */
    }
    memcpy(message, p->asked, 2);
    if (dns_each_address(message, (size_t)n, &p->q, open_address, (void *)(uintptr_t)&opener) < 0) {
        answer_verdict(g, p, DNS_SERVER_FAILURE, /* truncated= */ 0);
    } else if ((size_t)n > p->q.answer_max) {
        answer_verdict(g, p, 0, /* truncated= */ 1);
    } else {
        answer(g, p, message, (size_t)n);
    }
    pending_end(g, p);
}

static void expire(struct egress *g)
{
    const int64_t now = clock_monotonic_ms();

    for (size_t i = 0; i < g->pending_count; i++) {
        struct pending *p = &g->pending[i];

        if (p->until_ms <= now && p->tries >= TRIES) {
            answer_verdict(g, p, DNS_SERVER_FAILURE, /* truncated= */ 0);
            pending_end(g, p);
            i--;
        } else if (p->until_ms <= now) {
            (void)ask(g, p);
        }
    }
    openings_expire(&g->open, now);
}

static _Noreturn void loop(struct egress *g)
{
    struct pollfd polls[PENDING_MAX + 2];

    for (;;) {
        const size_t count = g->pending_count;

        polls[0] = (struct pollfd){.fd = g->udp_fd, .events = POLLIN};
        polls[1] = (struct pollfd){.fd = g->tcp_fd, .events = POLLIN};
        for (size_t i = 0; i < count; i++) {
            polls[i + 2] = (struct pollfd){.fd = g->pending[i].fd, .events = POLLIN};
        }
        (void)poll(polls, count + 2, TICK_MS);
        /* Backwards: the last takes the place of one that ends. */
        for (size_t i = count; i-- > 0;) {
            if (polls[i + 2].revents != 0) {
                take_answer(g, &g->pending[i]);
            }
        }
        if (polls[0].revents != 0) {
            take_datagram(g);
        }
        if (polls[1].revents != 0) {
            take_connection(g);
        }
        expire(g);
    }
}

/* ---- start */

static int listen_inside(struct egress *g, struct err *e)
{
    union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)}};

    (void)inet_pton(AF_INET, EGRESS_NAMESERVER, &a.in.sin_addr);
    g->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (g->udp_fd < 0 || g->tcp_fd < 0 || bind(g->udp_fd, &a.any, sizeof(a.in)) < 0 ||
        bind(g->tcp_fd, &a.any, sizeof(a.in)) < 0 || listen(g->tcp_fd, 8) < 0) {
        return err_set(e, errno, "cannot listen for name queries at %s", EGRESS_NAMESERVER);
    }
    return 0;
}

static void set_servers(struct egress *g, const struct egress_start *o)
{
    const struct strv *asked = &o->spec->box.network.dns;

    for (size_t i = 0; i < asked->len && g->server_count < SERVERS_MAX; i++) {
        union address *a = &g->servers[g->server_count];

        if (inet_pton(AF_INET, asked->v[i], &a->in.sin_addr) == 1) {
            a->in.sin_family = AF_INET;
        } else if (inet_pton(AF_INET6, asked->v[i], &a->in6.sin6_addr) == 1) {
            a->in6.sin6_family = AF_INET6;
        } else {
            continue;
        }
        a->in.sin_port = htons(DNS_PORT); /* at the same place in both families */
        g->server_count++;
    }
    if (g->server_count == 0) {
        g->servers[0].in = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr = o->dns};
        g->server_count = 1;
    }
}

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
    static const int CALLS[] = {
        SYS_ppoll,        SYS_socket,          SYS_bind,   SYS_connect, SYS_setsockopt,
        SYS_accept4,      SYS_recvfrom,        SYS_sendto, SYS_recvmsg, SYS_sendmsg,
        SYS_close,        SYS_getrandom,       SYS_brk,    SYS_mmap,    SYS_munmap,
        SYS_mremap,       SYS_clock_gettime,   SYS_write,  SYS_read,    SYS_exit_group,
        SYS_rt_sigreturn, SYS_restart_syscall,
#ifdef SYS_poll
        SYS_poll,
#endif
    };

    return sandbox_enter(&(struct sandbox){.calls = CALLS,
                                           .call_count = sizeof(CALLS) / sizeof(CALLS[0]),
                                           .capability = CAP_NET_ADMIN},
                         e);
}

static int egress_run(void *arg, int ready_fd, struct err *e)
{
    const struct egress_start *o = arg;
    const struct spec_network *n = &o->spec->box.network;
    struct egress *g = xcalloc(1, sizeof(*g));
    int r = 0;

    g->gateway = o->gateway;
    for (size_t i = 0; r == 0 && i < n->allow_net.len; i++) {
        r = egress_parse(n->allow_net.v[i], &g->rules, e);
    }
    if (r == 0) {
        r = openings_init(&g->open, &g->rules, e);
    }
    if (r == 0) {
        r = listen_inside(g, e);
    }
    if (r < 0) {
        return r;
    }
    set_servers(g, o);
    open_added_hosts(g, n);
    r = confine_self(e);
    if (r < 0) {
        return r;
    }
    (void)close(ready_fd);
    loop(g);
}

int egress_start(const struct egress_start *o, struct net_helper *ret, struct err *e)
{
    const struct net_fork fork = {.name = "rbox-resolver",
                                  .run = egress_run,
                                  .arg = (void *)(uintptr_t)o,
                                  .netns_fd = o->netns_fd};

    return net_fork(&fork, ret, e);
}
