/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the keeper process of network.h. network_keeper.c has its loop and the requests,
 * network_plug.c makes bridges and plugs containers in, network_lease.c chooses addresses,
 * network_names.c is the resolver.
 *
 * Requests and answers are JSON objects, one a message of a SOCK_SEQPACKET socket: {"op": …}, and
 * {} or {"errnum", "message", "hint"} back. */
#ifndef RBOX_BOX_NETWORK_KEEPER_H
#define RBOX_BOX_NETWORK_KEEPER_H

#include "box/net.h"
#include "box/network_config.h"
#include "spec/spec.h"

#include <jansson.h>
#include <netinet/in.h>
#include <sys/un.h>

enum {
    KEEPER_MESSAGE_MAX = 128 << 10
};

/* The folder of the keeper below the store's run folder, locked while it lives, and its socket. */
#define KEEPER_FOLDER ".networks"
#define KEEPER_SOCKET "sock"

/* A network that somebody is in. */
struct network {
    struct network_config config;
    char bridge[16]; /* name of the interface; its index is the number */
    int is_up;
    unsigned int number;
    size_t members;
    uint8_t lease[16]; /* given last */
    uint8_t lease6[16];
    struct network *next;
};

/* A container in a network. */
struct plug {
    struct network *network;
    struct spec_join join;
    uint8_t address[16];
    uint8_t address6[16];
    uint8_t mac[6];
    char pair[16];   /* our end of the pair; "": not plugged in */
    uint32_t metric; /* of its default route, while plugged in */
    struct plug *next;
};

/* A container, or a client that asks for one. */
struct member {
    int fd;
    unsigned int number; /* for the resolver */
    char *id;            /* NULL: only a client */
    char *name;
    struct strv dns;   /* --dns */
    int netns_fd;      /* -1: not started, or at its end */
    int has_come_back; /* what a dead keeper put into its namespace may still be there */
    struct plug *plugs;
    struct member *next;
};

struct keeper {
    const struct store *store;
    struct spec spec; /* with the upper namespace's maps, for slirp4netns */
    int folder_fd;
    int listen_fd;
    int own_netns_fd;
    int route_fd;           /* netlink, in the own namespace */
    int neighbours_fd;      /* of network_neighbours.c, or -1: the host has no IPv6 */
    struct net slirp;       /* slirp4netns, in the own namespace */
    int is_out;             /* it works, and is led to */
    int64_t slirp_again_ms; /* not started again before that */
    struct network *networks;
    struct member *members;
    unsigned int next_number;
    struct net_helper names; /* the resolver … */
    int names_fd;            /* … and how it is told */
    int64_t names_again_ms;
    int64_t expect_until_ms; /* for survivors to come back; 0: none is expected */
};

/* Containers that have outlived their keeper. */
struct survivors {
    int userns_fd; /* the upper user namespace, which is to be the next one's; -1: there are none */
    json_t *reservations; /* what they will ask for */
};

/* Host side. The caller owns what is added to *ret. */
int survivors_find(const struct store *store, struct survivors *ret, struct err *e);
void survivors_done(struct survivors *l);

/* The request for what the networks of @s name. New reference. Host side. */
json_t *keeper_reservation(const struct spec *s);

/* Start the keeper; it works when this returns 0. In the user namespace @upper_fd, else (-1) in
 * that of survivors, else in a new one. Host side, with the lock of network_config_lock(). */
int keeper_start(const struct store *store, int upper_fd, struct err *e);

/* The address of the keeper's socket, by way of /proc: a store's path can be too long. */
struct sockaddr_un keeper_address(int folder_fd);

/* Wait until slirp4netns works. */
int keeper_await_way_out(struct keeper *k, struct err *e);

/* ---- network_space.c */

/* Has the kernel IPv6? */
int keeper_has_ip6(void);

/* Make the own network namespace. */
int keeper_make_space(struct keeper *k, struct err *e);

/* Run @job in network namespace @netns_fd, in a fork. Errors: the job's. */
typedef int keeper_job(void *arg, struct err *e);
int keeper_inside(int netns_fd, keeper_job *job, void *arg, struct err *e);

/* ---- network_request.c */

/* Do what @m asks, and answer; at its end, take it out of all networks, and free it. */
void request_serve(struct keeper *k, struct member *m);

/* Keep what @q, a reservation, asks for until it comes; and give up those that have not come. */
void request_expect(struct keeper *k, const json_t *q);
void request_give_up(struct keeper *k);

/* A member that speaks by @fd (the member's then), or is expected (-1). */
struct member *member_new(struct keeper *k, int fd);

/* ---- network_lease.c */

/* Choose what @p leaves open (addresses, hardware address) in its network, and note it in p->join.
 * Errors: -EADDRINUSE naming the holder; -EINVAL not in the subnet; -ENOSPC. */
int lease_choose(const struct keeper *k, struct plug *p, struct err *e);

/* ---- network_plug.c */

/* Make the rules that hold for all networks, once slirp4netns works. */
int plug_open_way_out(struct keeper *k, struct err *e);

/* Plug @p into the network namespace of @m. Of a failure nothing is left. */
int plug_in(struct keeper *k, const struct member *m, struct plug *p, struct err *e);

/* Take it out again. Never fails. */
void plug_out(struct keeper *k, const struct member *m, struct plug *p);

/* A network's bridge comes with the first plug, and goes with the last member. */
void network_down(struct keeper *k, struct network *n);

/* ---- network_neighbours.c */

/* Listen on the tap device of the current network namespace. */
int neighbours_open(int *ret_fd, struct err *e);

/* Answer who asks there for a container. */
void neighbours_serve(const struct keeper *k);

/* ---- network_names.c */

int names_start(struct keeper *k, struct err *e);
int names_add_network(struct keeper *k, const struct network *n, struct err *e);
void names_drop_network(struct keeper *k, const struct network *n);
/* All names of @m in the network of @p. */
int names_add_plug(struct keeper *k, const struct member *m, const struct plug *p, struct err *e);
void names_drop_plug(struct keeper *k, const struct member *m, const struct plug *p);

#endif
