/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the forwarder process of port.h: one epoll loop over items that know what to do when their
 * descriptor is ready. port_forward.c has the loop and the requests, port_tcp.c the connections,
 * port_udp.c the datagrams, port_target.c decides where in the container they go. */
#ifndef RBOX_BOX_PORT_FORWARD_H
#define RBOX_BOX_PORT_FORWARD_H

#include "box/port.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct forward;

struct item {
    int fd;
    void (*ready)(struct forward *f, struct item *item, uint32_t events);
};

/* A published port. The item comes first: the loop's pointer is the listener's. A removed one stays
 * in memory, with fd -1, for the connections that came through it. */
struct listener {
    struct item item;
    struct port_row row;
    struct flow *flows; /* of UDP */
    struct listener *next;
};

enum {
    SPARE_PIPES = 8,
    DATAGRAM_MAX = 65535
};

struct forward {
    int epoll_fd;
    struct port_inside inside;
    struct listener *listeners;
    int spare_pipes[SPARE_PIPES][2]; /* empty ones: a fresh 1 MiB pipe costs 20 µs */
    size_t spare_count;
    struct conn *unfinished; /* connections with more to carry than one turn allows */
    struct conn *conns_dead; /* freed after the turn: events of this turn may still name them */
    struct flow *flows_dead;
    size_t flow_count;
    char *datagram; /* room for one */
    int deaf;       /* out of descriptors: listeners rest until a connection ends */
    int record_fd;  /* of ports_record() */
};

/* Watch @item for @events. Returns 0 or -errno. */
int forward_watch(struct forward *f, struct item *item, uint32_t events);

/* Out of descriptors: stop accepting until forward_hear() finds it worthwhile again. */
void forward_deafen(struct forward *f);
void forward_hear(struct forward *f);

/* ---- requests, over a SOCK_SEQPACKET socket; one each connection */

struct port_request {
    uint32_t op; /* enum port_op */
    struct port_row row;
};

enum {
    PORT_ANSWER_ROWS = 256
};

/* Answers follow each other until one is not full. */
struct port_answer {
    int32_t errnum;
    uint32_t count;
    struct port_row rows[PORT_ANSWER_ROWS];
};

/* Where the forwarder is asked, in the container's run folder. */
#define PORT_SOCKET "port.sock"

/* Take up what @fd asks, answer, and close it. */
void port_serve(struct forward *f, int fd);

/* Write the record. */
void port_keep(const struct forward *f);

/* Take up a published port; owns @fd. Returns 0 or -errno. */
int forward_listen(struct forward *f, const struct port_row *row, int fd);

/* ---- port_target.c */

union port_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

socklen_t port_address_len(const union port_address *a);

enum {
    PORT_ATTEMPTS_MAX = 3
};

/* One way to reach a service. */
struct port_attempt {
    union port_address to;
    union port_address from; /* family 0: let the kernel choose */
    int plain;               /* the service can't see who is calling */
};

/* The ways to try, in order, for a client at @client; the first that is not refused counts. A
 * caller from outside never looks like 127.0.0.1 to a TCP service, which might trust that
 * (CVE-2021-20199). Pure. Returns how many. */
size_t port_attempts_tcp(const struct port_inside *inside, uint16_t port,
                         const union port_address *client,
                         struct port_attempt ret[PORT_ATTEMPTS_MAX]);
size_t port_attempts_udp(const struct port_inside *inside, uint16_t port,
                         struct port_attempt ret[PORT_ATTEMPTS_MAX]);

/* A socket of @type in the container's namespace that sets out to @a. Returns it or -errno. */
int port_connect(const struct port_attempt *a, int type);

/* ---- port_tcp.c */

void tcp_accept(struct forward *f, struct item *item, uint32_t events);
/* Give each connection in f->unfinished another turn. */
void tcp_continue(struct forward *f);
void tcp_bury(struct forward *f);

/* ---- port_udp.c */

void udp_receive(struct forward *f, struct item *item, uint32_t events);
/* End the flows of @l that were silent for long, or all. */
void udp_expire(struct forward *f, struct listener *l, int everything);
void udp_bury(struct forward *f);

#endif
