/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the domain name system (RFC 1035): as much as a filtering forwarder needs. Pure;
 * every byte is foreign. */
#ifndef RBOX_BOX_DNS_MESSAGE_H
#define RBOX_BOX_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
    DNS_NAME_MAX = 255,
    DNS_HEADER_BYTES = 12,
    DNS_PLAIN_MAX = 512,    /* of a datagram, unless the client offers more */
    DNS_MESSAGE_MAX = 4096, /* of what we take */

    DNS_TYPE_A = 1,
    DNS_TYPE_AAAA = 28,

    DNS_SERVER_FAILURE = 2,
    DNS_NO_SUCH_NAME = 3,
};

struct dns_question {
    char name[DNS_NAME_MAX + 1]; /* lower case, without the last dot; bytes that are no host name's
                                    are '?' */
    uint16_t type;
    size_t end;         /* where the question ends in its message */
    size_t answer_max;  /* what the asker can take in a datagram */
    int has_extensions; /* EDNS0 */
};

/* Read a query: one question of class IN, opcode 0. Returns 0 or -EBADMSG. */
int dns_read_query(const uint8_t *message, size_t len, struct dns_question *ret);

/* Write a query with the question of @message (as it stands there, letters' case included) and
 * nothing else of it: no flag, option or padding of the asker's goes along. @out has
 * DNS_MESSAGE_MAX bytes. Returns its length. */
size_t dns_write_query(const uint8_t *message, const struct dns_question *q, uint16_t id,
                       uint8_t *out);

/* Is @answer one to the query @query of @query_len bytes that dns_write_query() made? */
int dns_is_answer(const uint8_t *answer, size_t len, const uint8_t *query,
                  const struct dns_question *q);

/* Write an empty answer to @message with @code (0 with @truncated set: ask again by TCP). Returns
 * its length. */
size_t dns_write_verdict(const uint8_t *message, const struct dns_question *q, int code,
                         int truncated, uint8_t *out);

/* Append an address of the question's name to the answer @message, of @len bytes so far; one that
 * does not fit into DNS_MESSAGE_MAX is left out. Returns the length. */
size_t dns_add_address(uint8_t *message, size_t len, int family, const void *address,
                       uint32_t ttl_s);

/* Call @fn for each address in the answer section. Returns 0, or -EBADMSG for a malformed message
 * (calls already made stand). */
typedef void dns_address_fn(void *arg, int family, const uint8_t *address, uint32_t ttl_s);
int dns_each_address(const uint8_t *message, size_t len, const struct dns_question *q,
                     dns_address_fn *fn, void *arg);

#endif
