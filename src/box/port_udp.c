/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams: each client of a published port has a flow, a connected socket inside whose answers go
 * back to it. A flow ends when it was silent for a while, or was silent longest when there are too
 * many. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/port_forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    FLOW_IDLE_MS = 120 * 1000,
    FLOWS_MAX = 4096,
    TURN_DATAGRAMS = 64,
};

/* Where a datagram came from, and the address of ours it was sent to, from which the answer must
 * leave. Plain bytes, zeroed, so that they compare. */
struct flow_key {
    union port_address client;
    struct in_addr local;
    struct in6_addr local6;
    unsigned int link; /* of link-local clients */
};

struct flow {
    struct item item;
    struct listener *listener;
    struct flow_key key;
    struct port_attempt attempts[PORT_ATTEMPTS_MAX];
    size_t attempt_count;
    size_t attempt;
    int64_t used_ms;
    int dead;
    struct flow *next;
};

/* ---- the address that a datagram was sent to */

union control {
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    struct cmsghdr align;
};

static void key_from_control(struct msghdr *m, struct flow_key *key)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            key->local = info.ipi_spec_dst;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            key->local6 = info.ipi6_addr;
            key->link = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
        }
    }
}

static void control_from_key(const struct flow_key *key, struct msghdr *m)
{
    struct in_pktinfo info = {.ipi_spec_dst = key->local};
    struct in6_pktinfo info6 = {.ipi6_addr = key->local6, .ipi6_ifindex = key->link};
    const int is6 = key->client.any.sa_family == AF_INET6;
    const void *data = is6 ? (void *)&info6 : (void *)&info;
    const size_t size = is6 ? sizeof(info6) : sizeof(info);
    struct cmsghdr *c = m->msg_control;

    m->msg_controllen = CMSG_SPACE(size);
    c->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
    c->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
}

/* ---- flows */

static void flow_end(struct forward *f, struct flow *w)
{
    struct flow **at = &w->listener->flows;

    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    close_fd(&w->item.fd);
    w->dead = 1;
    w->next = f->flows_dead;
    f->flows_dead = w;
    f->flow_count--;
}

void udp_bury(struct forward *f)
{
    while (f->flows_dead != NULL) {
        struct flow *w = f->flows_dead;

        f->flows_dead = w->next;
        free(w);
    }
}

void udp_expire(struct forward *f, struct listener *l, int everything)
{
    const int64_t limit = clock_monotonic_ms() - FLOW_IDLE_MS;
    struct flow *next = NULL;

    for (struct flow *w = l->flows; w != NULL; w = next) {
        next = w->next;
        if (everything || w->used_ms < limit) {
            flow_end(f, w);
        }
    }
}

static void end_oldest(struct forward *f)
{
    struct flow *oldest = NULL;

    for (struct listener *l = f->listeners; l != NULL; l = l->next) {
        for (struct flow *w = l->flows; w != NULL; w = w->next) {
            oldest = oldest == NULL || w->used_ms < oldest->used_ms ? w : oldest;
        }
    }
    if (oldest != NULL) {
        flow_end(f, oldest);
    }
}

/* An answer of the service. */
static void flow_ready(struct forward *f, struct item *item, uint32_t events)
{
    struct flow *w = (struct flow *)(void *)item;

    (void)events;
    for (int i = 0; !w->dead && i < TURN_DATAGRAMS; i++) {
        ssize_t n = recv(item->fd, f->datagram, DATAGRAM_MAX, 0);
        union control control = {0};
        struct iovec data = {.iov_base = f->datagram, .iov_len = (size_t)(n > 0 ? n : 0)};
        struct msghdr m = {.msg_name = &w->key.client,
                           .msg_namelen = port_address_len(&w->key.client),
                           .msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = &control};

        if (n < 0) {
            return; /* nothing more, or a refusal, which the next datagram will meet too */
        }
        w->used_ms = clock_monotonic_ms();
        control_from_key(&w->key, &m);
        (void)sendmsg(w->listener->item.fd, &m, MSG_DONTWAIT);
    }
}

/* Open the flow's socket by the first way that is left. Returns 0 or -errno. */
static int flow_reach(struct forward *f, struct flow *w)
{
    int r = -ECONNREFUSED;

    close_fd(&w->item.fd);
    for (; w->attempt < w->attempt_count; w->attempt++) {
        r = port_connect(&w->attempts[w->attempt], SOCK_DGRAM);
        if (r >= 0) {
            w->item.fd = r;
            return forward_watch(f, &w->item, EPOLLIN);
        }
    }
    return r;
}

static struct flow *flow_find(struct forward *f, struct listener *l, const struct flow_key *key)
{
    struct flow *w = l->flows;

    while (w != NULL && memcmp(&w->key, key, sizeof(*key)) != 0) {
        w = w->next;
    }
    if (w != NULL) {
        return w;
    }
    if (f->flow_count >= FLOWS_MAX) {
        end_oldest(f);
    }
    w = xcalloc(1, sizeof(*w));
    w->item = (struct item){.fd = -1, .ready = flow_ready};
    w->listener = l;
    w->key = *key;
    w->attempt_count = port_attempts_udp(&f->inside, l->row.container_port, w->attempts);
    w->next = l->flows;
    l->flows = w;
    f->flow_count++;
    return w;
}

/* On the loopback a refusal is there as soon as send returns, so the next way can have the same
 * datagram. */
static void flow_send(struct forward *f, struct flow *w, size_t len)
{
    int errnum = 0;
    socklen_t errnum_len = sizeof(errnum);
    int r = w->item.fd < 0 ? flow_reach(f, w) : 0;

    w->used_ms = clock_monotonic_ms();
    while (r == 0) {
        (void)send(w->item.fd, f->datagram, len, MSG_DONTWAIT);
        (void)getsockopt(w->item.fd, SOL_SOCKET, SO_ERROR, &errnum, &errnum_len);
        if (errnum != ECONNREFUSED) {
            return;
        }
        w->attempt++;
        r = flow_reach(f, w);
    }
    flow_end(f, w); /* the next datagram tries all ways again */
}

void udp_receive(struct forward *f, struct item *item, uint32_t events)
{
    struct listener *l = (struct listener *)(void *)item;

    (void)events;
    for (int i = 0; i < TURN_DATAGRAMS; i++) {
        union control control = {0};
        struct flow_key key = {0};
        struct iovec data = {.iov_base = f->datagram, .iov_len = DATAGRAM_MAX};
        struct msghdr m = {.msg_name = &key.client,
                           .msg_namelen = sizeof(key.client),
                           .msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(item->fd, &m, MSG_DONTWAIT);

        if (n < 0) {
            return;
        }
        key_from_control(&m, &key);
        flow_send(f, flow_find(f, l, &key), (size_t)n);
    }
}
