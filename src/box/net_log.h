/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --net-log: every name that was asked for, every connection that left, and at the end the list
 * that
 * --allow-net would have needed. Inside the resolver process of egress.h: names come from the
 * resolver, connections from a packet socket, which gets the first packet of each
 * (TCP) or all (UDP, of which one a flow counts). */
#ifndef RBOX_BOX_NET_LOG_H
#define RBOX_BOX_NET_LOG_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct net_log;

/* A log that writes lines to @log_fd; the caller owns it. */
struct net_log *net_log_new(int log_fd);
void net_log_free(struct net_log *l);

/* Watch the container's network namespace, which is the process'. @mark: SO_MARK of packets that
 * don't count. Needs CAP_NET_RAW there. */
int net_log_watch(struct net_log *l, uint32_t mark, struct err *e);

/* To be polled, and served when there is something. */
int net_log_fd(const struct net_log *l);
void net_log_serve(struct net_log *l);

/* @name was asked for. */
void net_log_asked(struct net_log *l, const char *name, int is_allowed);
/* @name was said to be at @address. */
void net_log_named(struct net_log *l, const char *name, int family, const uint8_t *address);

/* A packet as it left, from its network header on. Pure but for what it remembers and writes. */
void net_log_packet(struct net_log *l, const uint8_t *packet, size_t len);

/* "github.com:443,udp:192.0.2.1:123", sorted, "" if nothing left. The caller owns it. */
char *net_log_list(const struct net_log *l);

#endif
