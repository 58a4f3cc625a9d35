/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What resolvers of ours share: they listen for questions, answer them or ask a server, and pass on
 * what that says. The owner of the relay decides which question is which. One poll loop:
 *
 *     dns_relay_listen() …
 *     for (;;) {
 *         size_t count = dns_relay_poll(relay, polls);
 *         poll(polls, count, …);
 *         dns_relay_serve(relay, polls);
 *     }
 */
#ifndef RBOX_BOX_DNS_RELAY_H
#define RBOX_BOX_DNS_RELAY_H

#include "base/err.h"
#include "base/mem.h"
#include "box/dns_message.h"

#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DNS_RELAY_PENDING_MAX = 128,
    DNS_RELAY_LISTENERS_MAX = 256,
    DNS_RELAY_POLLS = DNS_RELAY_PENDING_MAX + 2 * DNS_RELAY_LISTENERS_MAX,
    DNS_SERVERS_MAX = 3,
    DNS_PORT = 53,
};

union dns_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Who is asked, in turn. */
struct dns_servers {
    union dns_address v[DNS_SERVERS_MAX];
    size_t count;
};

/* Append the addresses in @list; what is none, or too many, is left out. */
void dns_servers_add(struct dns_servers *s, const struct strv *list);
void dns_servers_add_in(struct dns_servers *s, struct in_addr address);

/* What is to become of a question. */
struct dns_decision {
    size_t answer_len;                 /* > 0: the answer, which was written, and nobody is asked */
    const struct dns_servers *servers; /* NULL and no answer: it is dropped */
};

struct dns_owner {
    /* Decide on @q, which is the message @asked, from @asker. @out has DNS_MESSAGE_MAX bytes. */
    struct dns_decision (*decide)(void *arg, const union dns_address *asker,
                                  const struct dns_question *q, const uint8_t *asked, uint8_t *out);
    /* Look at a server's answer before it is passed on. Negative: it is malformed. Or NULL. */
    int (*look)(void *arg, const struct dns_question *q, const uint8_t *message, size_t len);
    void *arg;
    uint32_t mark; /* SO_MARK of the sockets towards servers; 0: none */
};

struct dns_relay;

/* On success the caller owns the relay for as long as the process lives. */
struct dns_relay *dns_relay_new(const struct dns_owner *owner);

/* Listen at @address, port 53, by UDP and TCP, or no more. */
int dns_relay_listen(struct dns_relay *r, struct in_addr address, struct err *e);
void dns_relay_unlisten(struct dns_relay *r, struct in_addr address);

/* Fill in @polls; returns how many. */
size_t dns_relay_poll(struct dns_relay *r, struct pollfd polls[DNS_RELAY_POLLS]);

/* Serve what poll(2) has found, and what has waited for too long: to be called each
 * DNS_RELAY_TICK_MS at least. */
enum {
    DNS_RELAY_TICK_MS = 1000
};
void dns_relay_serve(struct dns_relay *r, const struct pollfd polls[DNS_RELAY_POLLS]);

/* System calls that a process with a relay needs, for sys/sandbox.h. */
extern const int DNS_RELAY_CALLS[];
extern const size_t DNS_RELAY_CALL_COUNT;

#endif
