/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/dns_relay.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    TRY_MS = 2000, /* for one server to answer */
    TRIES = 4,     /* over all servers */
};

/* A question under way. */
struct pending {
    int fd;       /* towards the server; a socket each, so that its port is a secret too */
    int tcp_fd;   /* of the asker, or -1; else it is answered … */
    int reply_fd; /* … through the socket by which it came */
    union dns_address asker;
    uint8_t asked[DNS_MESSAGE_MAX]; /* as it came */
    struct dns_question q;
    uint8_t query[DNS_MESSAGE_MAX]; /* as it went on */
    struct dns_servers servers;
    int tries;
    int64_t until_ms;
};

struct listener {
    struct in_addr address;
    int udp_fd;
    int tcp_fd;
};

struct dns_relay {
    struct dns_owner owner;
    struct listener listeners[DNS_RELAY_LISTENERS_MAX];
    size_t listener_count;
    struct pending pending[DNS_RELAY_PENDING_MAX];
    size_t pending_count;
};

const int DNS_RELAY_CALLS[] = {
    SYS_ppoll,        SYS_socket,          SYS_bind,   SYS_connect, SYS_setsockopt,
    SYS_accept4,      SYS_recvfrom,        SYS_sendto, SYS_recvmsg, SYS_sendmsg,
    SYS_close,        SYS_getrandom,       SYS_brk,    SYS_mmap,    SYS_munmap,
    SYS_mremap,       SYS_clock_gettime,   SYS_write,  SYS_read,    SYS_exit_group,
    SYS_rt_sigreturn, SYS_restart_syscall, SYS_listen,
#ifdef SYS_poll
    SYS_poll,
#endif
};
const size_t DNS_RELAY_CALL_COUNT = sizeof(DNS_RELAY_CALLS) / sizeof(DNS_RELAY_CALLS[0]);

static socklen_t address_len(const union dns_address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

/* ---- servers */

void dns_servers_add(struct dns_servers *s, const struct strv *list)
{
    for (size_t i = 0; i < list->len && s->count < DNS_SERVERS_MAX; i++) {
        union dns_address *a = &s->v[s->count];

        if (inet_pton(AF_INET, list->v[i], &a->in.sin_addr) == 1) {
            a->in.sin_family = AF_INET;
        } else if (inet_pton(AF_INET6, list->v[i], &a->in6.sin6_addr) == 1) {
            a->in6.sin6_family = AF_INET6;
        } else {
            continue;
        }
        a->in.sin_port = htons(DNS_PORT); /* at the same place in both families */
        s->count++;
    }
}

void dns_servers_add_in(struct dns_servers *s, struct in_addr address)
{
    if (s->count < DNS_SERVERS_MAX) {
        s->v[s->count++].in = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr = address};
    }
}

/* ---- answers */

static void answer(const struct pending *p, const uint8_t *message, size_t len)
{
    uint8_t framed[DNS_MESSAGE_MAX + 2];

    if (p->tcp_fd < 0) {
        (void)sendto(p->reply_fd, message, len, MSG_DONTWAIT, &p->asker.any,
                     address_len(&p->asker));
        return;
    }
    framed[0] = (uint8_t)(len >> 8);
    framed[1] = (uint8_t)len;
    memcpy(framed + 2, message, len);
    (void)send(p->tcp_fd, framed, len + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void answer_verdict(const struct pending *p, int code, int truncated)
{
    uint8_t message[DNS_MESSAGE_MAX];

    answer(p, message, dns_write_verdict(p->asked, &p->q, code, truncated, message));
}

/* In one datagram, or with the word to come by TCP. */
static void answer_whole(const struct pending *p, const uint8_t *message, size_t len)
{
    if (len > p->q.answer_max) {
        answer_verdict(p, 0, /* truncated= */ 1);
    } else {
        answer(p, message, len);
    }
}

static void pending_end(struct dns_relay *r, struct pending *p)
{
    close_fd(&p->fd);
    close_fd(&p->tcp_fd);
    *p = r->pending[--r->pending_count];
}

/* ---- questions */

/* Ask the next server. Returns 0 or -errno. */
static int ask(const struct dns_relay *r, struct pending *p)
{
    const union dns_address *server = &p->servers.v[(size_t)p->tries % p->servers.count];
    const uint32_t mark = r->owner.mark;
    uint16_t id = 0;
    size_t len = 0;

    close_fd(&p->fd);
    p->tries++;
    p->until_ms = clock_monotonic_ms() + TRY_MS;
    p->fd = socket(server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 ||
        (mark != 0 && setsockopt(p->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) ||
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
static void take_question(struct dns_relay *r, const struct pending *from, const uint8_t *message,
                          size_t len)
{
    struct pending *p = &r->pending[r->pending_count];
    uint8_t out[DNS_MESSAGE_MAX];
    struct dns_decision d = {0};

    *p = *from;
    p->fd = -1;
    if (r->pending_count == DNS_RELAY_PENDING_MAX - 1 || dns_read_query(message, len, &p->q) < 0) {
        close_fd(&p->tcp_fd);
        return;
    }
    r->pending_count++;
    memcpy(p->asked, message, len);
    p->q.answer_max = p->tcp_fd >= 0 ? DNS_MESSAGE_MAX : p->q.answer_max;
    d = r->owner.decide(r->owner.arg, &p->asker, &p->q, p->asked, out);
    if (d.answer_len > 0) {
        answer_whole(p, out, d.answer_len);
    }
    if (d.answer_len > 0 || d.servers == NULL || d.servers->count == 0) {
        pending_end(r, p);
        return;
    }
    p->servers = *d.servers;
    (void)ask(r, p);
}

static void take_datagram(struct dns_relay *r, int udp_fd)
{
    struct pending from = {.tcp_fd = -1, .reply_fd = udp_fd};
    uint8_t message[DNS_MESSAGE_MAX];
    socklen_t len = sizeof(from.asker);
    ssize_t n = recvfrom(udp_fd, message, sizeof(message), MSG_DONTWAIT, &from.asker.any, &len);

    if (n > 0) {
        take_question(r, &from, message, (size_t)n);
    }
}

/* By TCP come those whose answer was too big: one question, which resolvers send in one piece right
 * away. */
static void take_connection(struct dns_relay *r, int tcp_fd)
{
    struct pending from = {.reply_fd = -1};
    const struct timeval patience = {.tv_usec = 200 * 1000};
    uint8_t message[DNS_MESSAGE_MAX];
    socklen_t len = sizeof(from.asker);
    ssize_t n = 0;

    from.tcp_fd = accept4(tcp_fd, &from.asker.any, &len, SOCK_CLOEXEC);
    if (from.tcp_fd < 0) {
        return;
    }
    (void)setsockopt(from.tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    n = recv(from.tcp_fd, message, sizeof(message), 0);
    if (n > 2 && (message[0] << 8 | message[1]) == n - 2) {
        take_question(r, &from, message + 2, (size_t)n - 2);
    } else {
        close_fd(&from.tcp_fd);
    }
}

static void take_answer(struct dns_relay *r, struct pending *p)
{
    uint8_t message[DNS_MESSAGE_MAX];
    ssize_t n = recv(p->fd, message, sizeof(message), MSG_DONTWAIT);

    if (n < 0 || !dns_is_answer(message, (size_t)n, p->query, &p->q)) {
        return; /* a liar's, or a refusal to listen: the right one may still come */
    }
    memcpy(message, p->asked, 2);
    if (r->owner.look != NULL && r->owner.look(r->owner.arg, &p->q, message, (size_t)n) < 0) {
        answer_verdict(p, DNS_SERVER_FAILURE, /* truncated= */ 0);
    } else {
        answer_whole(p, message, (size_t)n);
    }
    pending_end(r, p);
}

static void expire(struct dns_relay *r)
{
    const int64_t now = clock_monotonic_ms();

    for (size_t i = 0; i < r->pending_count; i++) {
        struct pending *p = &r->pending[i];

        if (p->until_ms <= now && p->tries >= TRIES) {
            answer_verdict(p, DNS_SERVER_FAILURE, /* truncated= */ 0);
            pending_end(r, p);
            i--;
        } else if (p->until_ms <= now) {
            (void)ask(r, p);
        }
    }
}

/* ---- the owner's side */

struct dns_relay *dns_relay_new(const struct dns_owner *owner)
{
    struct dns_relay *r = xcalloc(1, sizeof(*r));

    r->owner = *owner;
    return r;
}

int dns_relay_listen(struct dns_relay *r, struct in_addr address, struct err *e)
{
    const union dns_address a = {
        .in = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr = address}};
    struct listener l = {.address = address};
    char text[INET_ADDRSTRLEN] = "";

    if (r->listener_count == DNS_RELAY_LISTENERS_MAX) {
        return err_new(e, ENOSPC, "too many networks");
    }
    l.udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    l.tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l.udp_fd < 0 || l.tcp_fd < 0 || bind(l.udp_fd, &a.any, sizeof(a.in)) < 0 ||
        bind(l.tcp_fd, &a.any, sizeof(a.in)) < 0 || listen(l.tcp_fd, 8) < 0) {
        (void)inet_ntop(AF_INET, &address, text, sizeof(text));
        (void)err_set(e, errno, "cannot listen for name queries at %s", text);
        close_fd(&l.udp_fd);
        close_fd(&l.tcp_fd);
        return -e->errnum;
    }
    r->listeners[r->listener_count++] = l;
    return 0;
}

/* What still waits for a server's answer can't be told it any more. */
static void forget_askers(struct dns_relay *r, int udp_fd)
{
    for (size_t i = r->pending_count; i-- > 0;) {
        if (r->pending[i].reply_fd == udp_fd) {
            pending_end(r, &r->pending[i]);
        }
    }
}

void dns_relay_unlisten(struct dns_relay *r, struct in_addr address)
{
    for (size_t i = 0; i < r->listener_count; i++) {
        struct listener *l = &r->listeners[i];

        if (l->address.s_addr == address.s_addr) {
            forget_askers(r, l->udp_fd);
            close_fd(&l->udp_fd);
            close_fd(&l->tcp_fd);
            *l = r->listeners[--r->listener_count];
            return;
        }
    }
}

size_t dns_relay_poll(struct dns_relay *r, struct pollfd polls[DNS_RELAY_POLLS])
{
    size_t count = 0;

    for (size_t i = 0; i < r->pending_count; i++) {
        polls[count++] = (struct pollfd){.fd = r->pending[i].fd, .events = POLLIN};
    }
    for (size_t i = 0; i < r->listener_count; i++) {
        polls[count++] = (struct pollfd){.fd = r->listeners[i].udp_fd, .events = POLLIN};
        polls[count++] = (struct pollfd){.fd = r->listeners[i].tcp_fd, .events = POLLIN};
    }
    return count;
}

void dns_relay_serve(struct dns_relay *r, const struct pollfd polls[DNS_RELAY_POLLS])
{
    const size_t count = r->pending_count;

    /* Backwards: the last takes the place of one that ends. */
    for (size_t i = count; i-- > 0;) {
        if (polls[i].revents != 0) {
            take_answer(r, &r->pending[i]);
        }
    }
    for (size_t i = 0; i < r->listener_count; i++) {
        if (polls[count + 2 * i].revents != 0) {
            take_datagram(r, r->listeners[i].udp_fd);
        }
        if (polls[count + 2 * i + 1].revents != 0) {
            take_connection(r, r->listeners[i].tcp_fd);
        }
    }
    expire(r);
}
