/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: each has two ends and, for each direction, a half that carries. A pipe is held only
 * while bytes are stuck in it, so thousands of idle connections cost two descriptors each. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/port_forward.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 1 << 20, /* asked for; users get less when they have many pipes */
    TURN_CHUNKS = 16,     /* of a half before the others get their turn */
    /* Towards the service, which is on this machine, more under way is no gain: it reads from
     * memory then what it would have found in the cache. Four of the loopback's segments; with
     * less than two it stalls. */
    SERVICE_BYTES = 128 << 10,
};

struct end {
    struct item item;
    struct conn *conn;
};

struct half {
    int pipe[2]; /* -1: nothing is stuck */
    size_t stuck;
    int ended; /* the source has said its last byte */
    int done;  /* and the other side was told */
};

struct conn {
    struct end client;
    struct end service;
    struct half inbound;  /* client to service */
    struct half outbound; /* service to client */
    struct port_attempt attempts[PORT_ATTEMPTS_MAX];
    size_t attempt_count;
    size_t attempt;
    struct listener *listener;
    int connected;
    int dead;
    int unfinished;
    struct conn *next;
};

/* ---- pipes */

static int pipe_take(struct forward *f, struct half *h)
{
    if (f->spare_count > 0) {
        f->spare_count--;
        h->pipe[0] = f->spare_pipes[f->spare_count][0];
        h->pipe[1] = f->spare_pipes[f->spare_count][1];
        return 0;
    }
    if (pipe2(h->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    (void)fcntl(h->pipe[0], F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

static void pipe_give(struct forward *f, struct half *h)
{
    if (h->pipe[0] >= 0 && h->stuck == 0 && f->spare_count < SPARE_PIPES) {
        f->spare_pipes[f->spare_count][0] = steal_fd(&h->pipe[0]);
        f->spare_pipes[f->spare_count][1] = steal_fd(&h->pipe[1]);
        f->spare_count++;
        return;
    }
    close_fd(&h->pipe[0]);
    close_fd(&h->pipe[1]);
}

/* ---- the end of a connection */

/* @errnum: 0 for a proper end; else the client is told by a reset, as the service would have. */
static void conn_end(struct forward *f, struct conn *c, int errnum)
{
    const struct linger reset = {.l_onoff = 1};

    if (c->dead) {
        return;
    }
    c->dead = 1;
    if (errnum != 0) {
        (void)setsockopt(c->client.item.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        (void)setsockopt(c->service.item.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    pipe_give(f, &c->inbound);
    pipe_give(f, &c->outbound);
    close_fd(&c->client.item.fd);
    close_fd(&c->service.item.fd);
    if (!c->unfinished) {
        c->next = f->conns_dead;
        f->conns_dead = c;
    }
}

void tcp_bury(struct forward *f)
{
    const int any = f->conns_dead != NULL;

    while (f->conns_dead != NULL) {
        struct conn *c = f->conns_dead;

        f->conns_dead = c->next;
        free(c);
    }
    if (any) {
        forward_hear(f);
    }
}

/* ---- carrying */

/* Move one pipe's worth. Returns 1 to go on, 0 when either side must wait or all is done, or
 * -errno. */
static int carry_chunk(struct forward *f, struct half *h, int from_fd, int to_fd)
{
    ssize_t n = 0;

    if (h->stuck == 0) {
        if (h->pipe[0] < 0 && pipe_take(f, h) < 0) {
            return -errno;
        }
        n = splice(from_fd, NULL, h->pipe[1], NULL, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0) {
            return errno == EAGAIN ? 0 : -errno;
        }
        h->ended = n == 0;
        h->stuck = (size_t)n;
    }
    while (h->stuck > 0) {
        n = splice(h->pipe[0], NULL, to_fd, NULL, h->stuck, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0) {
            return errno == EAGAIN ? 0 : -errno;
        }
        h->stuck -= (size_t)n;
    }
    return !h->ended;
}

/* Carry until one side must wait. Returns 1 if it was only the turn that ended, else 0 or -errno.
 */
static int carry(struct forward *f, struct half *h, const struct half *other, int from_fd,
                 int to_fd)
{
    int r = 1;

    if (h->done) {
        return 0;
    }
    for (int i = 0; r == 1 && i < TURN_CHUNKS; i++) {
        r = carry_chunk(f, h, from_fd, to_fd);
    }
    if (h->stuck == 0) {
        pipe_give(f, h);
    }
    if (r == 0 && h->ended && h->stuck == 0) {
        h->done = 1;
        if (!other->done) { /* else both are closed now */
            (void)shutdown(to_fd, SHUT_WR);
        }
    }
    return r;
}

static void conn_carry(struct forward *f, struct conn *c)
{
    struct half *inbound = &c->inbound;
    struct half *outbound = &c->outbound;
    int client_fd = c->client.item.fd;
    int service_fd = c->service.item.fd;
    int in = carry(f, inbound, outbound, client_fd, service_fd);
    int out = in < 0 ? 0 : carry(f, outbound, inbound, service_fd, client_fd);

    if (in < 0 || out < 0) {
        conn_end(f, c, in < 0 ? -in : -out);
    } else if (c->inbound.done && c->outbound.done) {
        conn_end(f, c, 0);
    } else if ((in == 1 || out == 1) && !c->unfinished) {
        c->unfinished = 1;
        c->next = f->unfinished;
        f->unfinished = c;
    }
}

/* A reset of one end is passed on even where no byte would run into it. */
static void conn_go_on(struct forward *f, struct conn *c, uint32_t events)
{
    if ((events & EPOLLERR) != 0) {
        conn_end(f, c, ECONNRESET);
    } else {
        conn_carry(f, c);
    }
}

void tcp_continue(struct forward *f)
{
    struct conn *list = f->unfinished;

    f->unfinished = NULL;
    while (list != NULL) {
        struct conn *c = list;

        list = c->next;
        c->unfinished = 0;
        if (c->dead) {
            c->next = f->conns_dead;
            f->conns_dead = c;
        } else {
            conn_carry(f, c);
        }
    }
}

/* ---- reaching the service */

/* Set out by the next way that does not fail at once. */
static void conn_reach(struct forward *f, struct conn *c)
{
    int r = -ECONNREFUSED;

    for (; c->attempt < c->attempt_count; c->attempt++) {
        r = port_connect(&c->attempts[c->attempt], SOCK_STREAM);
        if (r >= 0) {
            c->service.item.fd = r;
            r = forward_watch(f, &c->service.item, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
            break;
        }
        if (r == -EMFILE || r == -ENFILE) {
            break;
        }
    }
    if (r < 0) {
        conn_end(f, c, -r);
    }
}

static void conn_connected(struct conn *c)
{
    const int on = 1;
    const int bytes = SERVICE_BYTES; /* the kernel takes it twice */

    c->connected = 1;
    (void)setsockopt(c->service.item.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(c->service.item.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (c->attempts[c->attempt].plain) {
        c->listener->row.plain_count++;
    }
}

static void service_ready(struct forward *f, struct item *item, uint32_t events)
{
    struct conn *c = ((struct end *)(void *)item)->conn;
    int errnum = 0;
    socklen_t len = sizeof(errnum);

    if (c->dead) {
        return;
    }
    if (!c->connected) {
        if ((events & EPOLLERR) != 0) {
            (void)getsockopt(item->fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
        }
        if (errnum != 0) {
            close_fd(&item->fd);
            c->attempt++;
            conn_reach(f, c);
            return;
        }
        if ((events & EPOLLOUT) == 0) {
            return;
        }
        conn_connected(c);
    }
    conn_go_on(f, c, events);
}

static void client_ready(struct forward *f, struct item *item, uint32_t events)
{
    struct conn *c = ((struct end *)(void *)item)->conn;

    if (c->dead) {
        return;
    }
    /* What comes before the service is reached stays in the socket's own buffer. */
    if (c->connected) {
        conn_go_on(f, c, events);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        conn_end(f, c, ECONNRESET);
    }
}

static void conn_start(struct forward *f, struct listener *l, int fd,
                       const union port_address *client)
{
    struct conn *c = xcalloc(1, sizeof(*c));

    c->client = (struct end){.item = {.fd = fd, .ready = client_ready}, .conn = c};
    c->service = (struct end){.item = {.fd = -1, .ready = service_ready}, .conn = c};
    c->inbound = (struct half){.pipe = {-1, -1}};
    c->outbound = c->inbound;
    c->listener = l;
    c->attempt_count = port_attempts_tcp(&f->inside, l->row.container_port, client, c->attempts);
    if (forward_watch(f, &c->client.item, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        conn_end(f, c, ENOMEM);
        return;
    }
    conn_reach(f, c);
}

void tcp_accept(struct forward *f, struct item *item, uint32_t events)
{
    (void)events;
    /* One at a time: there is always room for what is under way. Level-triggered, so the rest wait
     * for the next turn. */
    for (int i = 0; i < TURN_CHUNKS; i++) {
        union port_address client = {0};
        socklen_t len = sizeof(client);
        int fd = accept4(item->fd, &client.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            conn_start(f, (struct listener *)(void *)item, fd, &client);
        } else {
            if (errno == EMFILE || errno == ENFILE) {
                forward_deafen(f);
            }
            return;
        }
    }
}
