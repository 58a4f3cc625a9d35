/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/dns_message.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
    FLAG_ANSWER = 0x80,    /* byte 2 */
    OPCODE_MASK = 0x78,    /* byte 2 */
    FLAG_TRUNCATED = 0x02, /* byte 2 */
    FLAG_RECURSE = 0x01,   /* byte 2 */
    FLAG_RECURSES = 0x80,  /* byte 3 */
    CLASS_IN = 1,
    TYPE_OPT = 41,
    OPT_BYTES = 11,
    RECORD_BYTES = 10, /* behind its name: type, class, ttl, length */
    LABEL_MAX = 63,
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned int value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* The question's name: labels only; a pointer has nothing to point to yet. */
static int read_name(const uint8_t *message, size_t len, size_t *at, char name[DNS_NAME_MAX + 1])
{
    size_t out = 0;

    for (;;) {
        size_t label = *at < len ? message[*at] : LABEL_MAX + 1;

        if (label > LABEL_MAX || *at + 1 + label > len || out + label + 1 > DNS_NAME_MAX) {
            return -EBADMSG;
        }
        (*at)++;
        if (label == 0) {
            name[out > 0 ? out - 1 : 0] = '\0';
            return 0;
        }
        for (size_t i = 0; i < label; i++) {
            int c = tolower(message[*at + i]);

            /* A dot inside a label must not look like two labels. */
            name[out++] = (char)(isalnum(c) || c == '-' || c == '_' ? c : '?');
        }
        name[out++] = '.';
        *at += label;
    }
}

/* Step over a name, which may end in a pointer. */
static int skip_name(const uint8_t *message, size_t len, size_t *at)
{
    while (*at < len) {
        const uint8_t label = message[*at];

        if ((label & 0xc0) == 0xc0) {
            *at += 2;
            return *at <= len ? 0 : -EBADMSG;
        }
        if (label > LABEL_MAX) {
            return -EBADMSG;
        }
        *at += 1 + (size_t)label;
        if (label == 0) {
            return *at <= len ? 0 : -EBADMSG;
        }
    }
    return -EBADMSG;
}

int dns_read_query(const uint8_t *message, size_t len, struct dns_question *ret)
{
    struct dns_question q = {.answer_max = DNS_PLAIN_MAX};
    size_t at = DNS_HEADER_BYTES;

    if (len < DNS_HEADER_BYTES || (message[2] & (FLAG_ANSWER | OPCODE_MASK)) != 0 ||
        get16(message + 4) != 1 || get16(message + 6) != 0 ||
        read_name(message, len, &at, q.name) < 0 || at + 4 > len ||
        get16(message + at + 2) != CLASS_IN) {
        return -EBADMSG;
    }
    q.type = get16(message + at);
    q.end = at + 4;
    if (len >= q.end + OPT_BYTES && message[q.end] == 0 && get16(message + q.end + 1) == TYPE_OPT) {
        const uint16_t offered = get16(message + q.end + 3);

        q.has_extensions = 1;
        q.answer_max = offered < DNS_PLAIN_MAX ? DNS_PLAIN_MAX : offered;
    }
    *ret = q;
    return 0;
}

/* Header with one question, and the question. */
static size_t write_question(const uint8_t *message, const struct dns_question *q, uint8_t *out)
{
    memset(out, 0, DNS_HEADER_BYTES);
    put16(out + 4, 1);
    memcpy(out + DNS_HEADER_BYTES, message + DNS_HEADER_BYTES, q->end - DNS_HEADER_BYTES);
    return q->end;
}

size_t dns_write_query(const uint8_t *message, const struct dns_question *q, uint16_t id,
                       uint8_t *out)
{
    size_t len = write_question(message, q, out);

    put16(out, id);
    out[2] = FLAG_RECURSE;
    if (q->has_extensions) {
        memset(out + len, 0, OPT_BYTES);
        put16(out + len + 1, TYPE_OPT);
        put16(out + len + 3, DNS_MESSAGE_MAX);
        put16(out + 10, 1);
        len += OPT_BYTES;
    }
    return len;
}

int dns_is_answer(const uint8_t *answer, size_t len, const uint8_t *query,
                  const struct dns_question *q)
{
    return len >= q->end && (answer[2] & FLAG_ANSWER) != 0 && memcmp(answer, query, 2) == 0 &&
           get16(answer + 4) == 1 &&
           memcmp(answer + DNS_HEADER_BYTES, query + DNS_HEADER_BYTES, q->end - DNS_HEADER_BYTES) ==
               0;
}

size_t dns_write_verdict(const uint8_t *message, const struct dns_question *q, int code,
                         int truncated, uint8_t *out)
{
    size_t len = write_question(message, q, out);

    memcpy(out, message, 2);
    out[2] =
        (uint8_t)(FLAG_ANSWER | (message[2] & FLAG_RECURSE) | (truncated ? FLAG_TRUNCATED : 0));
    out[3] = (uint8_t)(FLAG_RECURSES | code);
    return len;
}

size_t dns_add_address(uint8_t *message, size_t len, int family, const void *address,
                       uint32_t ttl_s)
{
    const size_t size = family == AF_INET6 ? 16 : 4;
    uint8_t *p = message + len;

    if (len + 2 + RECORD_BYTES + size > DNS_MESSAGE_MAX) {
        return len;
    }
    put16(p, 0xc000 | DNS_HEADER_BYTES); /* the name is the question's */
    put16(p + 2, family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A);
    put16(p + 4, CLASS_IN);
    put16(p + 6, ttl_s >> 16);
    put16(p + 8, ttl_s & 0xffff);
    put16(p + 10, (unsigned int)size);
    memcpy(p + 2 + RECORD_BYTES, address, size);
    put16(message + 6, get16(message + 6) + 1U);
    return len + 2 + RECORD_BYTES + size;
}

int dns_each_address(const uint8_t *message, size_t len, const struct dns_question *q,
                     dns_address_fn *fn, void *arg)
{
    unsigned int count = get16(message + 6);
    size_t at = q->end;

    for (; count > 0; count--) {
        const uint8_t *record = NULL;
        size_t size = 0;

        if (skip_name(message, len, &at) < 0 || at + RECORD_BYTES > len) {
            return -EBADMSG;
        }
        record = message + at;
        size = get16(record + 8);
        at += RECORD_BYTES + size;
        if (at > len) {
            return -EBADMSG;
        }
        if (get16(record + 2) != CLASS_IN) {
            continue;
        }
        if (get16(record) == DNS_TYPE_A && size == 4) {
            fn(arg, AF_INET, record + RECORD_BYTES, get32(record + 4));
        } else if (get16(record) == DNS_TYPE_AAAA && size == 16) {
            fn(arg, AF_INET6, record + RECORD_BYTES, get32(record + 4));
        }
    }
    return 0;
}
