/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/net_log.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    NAMES_MAX = 4096, /* addresses with a name */
    FLOWS = 1024,     /* remembered: a later packet of one is not a new connection */
    ENTRIES_MAX = 4096,
    PACKET_BYTES = 128,
    LOOPBACK_INDEX = 1, /* of "lo", in every network namespace */
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    PORTS_BYTES = 4
};

struct named {
    int family;
    uint8_t address[16];
    char *name;
};

struct flow {
    int family;
    int protocol;
    uint8_t to[16];
    uint16_t port;
    uint16_t from_port;
};

struct net_log {
    int log_fd;
    int packet_fd;
    struct named names[NAMES_MAX];
    size_t name_count;
    struct flow flows[FLOWS];
    size_t flow_next; /* the oldest gives way */
    struct strv entries;
};

/* ---- lines */

static void put_line(const struct net_log *l, const char *what)
{
    char when[32] = "";
    const time_t now = time(NULL);
    struct tm tm;
    autofree char *line = NULL;

    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    line = xasprintf("%s %s\n", when, what);
    (void)fd_write_all(l->log_fd, line, strlen(line));
}

static size_t address_size(int family)
{
    return family == AF_INET6 ? 16 : 4;
}

static const char *name_of(const struct net_log *l, int family, const uint8_t *address)
{
    for (size_t i = l->name_count; i-- > 0;) {
        const struct named *n = &l->names[i];

        if (n->family == family && memcmp(n->address, address, address_size(family)) == 0) {
            return n->name;
        }
    }
    return NULL;
}

void net_log_asked(struct net_log *l, const char *name, int is_allowed)
{
    autofree char *line = xasprintf("name %s%s", name, is_allowed ? "" : " refused");

    put_line(l, line);
}

/* One address may have several names: the last that was asked for is meant. */
void net_log_named(struct net_log *l, const char *name, int family, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    autofree char *line = NULL;
    struct named *n = NULL;

    (void)inet_ntop(family, address, text, sizeof(text));
    line = xasprintf("answer %s %s", name, text);
    put_line(l, line);
    if (str_eq(name_of(l, family, address), name)) {
        return;
    }
    if (l->name_count == NAMES_MAX) {
        free(l->names[0].name);
        memmove(l->names, l->names + 1, (NAMES_MAX - 1) * sizeof(*l->names));
        l->name_count--;
    }
    n = &l->names[l->name_count++];
    *n = (struct named){.family = family, .name = xstrdup(name)};
    memcpy(n->address, address, address_size(family));
}

/* ---- connections */

static int is_known_flow(struct net_log *l, const struct flow *f)
{
    for (size_t i = 0; i < FLOWS; i++) {
        if (memcmp(&l->flows[i], f, sizeof(*f)) == 0) {
            return 1;
        }
    }
    l->flows[l->flow_next] = *f;
    l->flow_next = (l->flow_next + 1) % FLOWS;
    return 0;
}

static void note_connection(struct net_log *l, const struct flow *f)
{
    char address[INET6_ADDRSTRLEN] = "";
    const char *protocol = f->protocol == IPPROTO_UDP ? "udp" : "tcp";
    const char *name = name_of(l, f->family, f->to);
    const int needs_brackets = name == NULL && f->family == AF_INET6;
    autofree char *entry = NULL;
    autofree char *line = NULL;

    (void)inet_ntop(f->family, f->to, address, sizeof(address));
    entry = xasprintf("%s%s%s%s:%u", f->protocol == IPPROTO_UDP ? "udp:" : "",
                      needs_brackets ? "[" : "", name != NULL ? name : address,
                      needs_brackets ? "]" : "", f->port);
    line = xasprintf("connect %s %s port %u %s", protocol, address, f->port, entry);
    put_line(l, line);
    if (l->entries.len < ENTRIES_MAX && !strv_has(&l->entries, entry)) {
        strv_push(&l->entries, entry);
    }
}

/* Multicast and links' addresses are no connections: neighbour discovery, mDNS. */
static int leads_out(const struct flow *f)
{
    return f->family == AF_INET ? f->to[0] < 224 && !(f->to[0] == 169 && f->to[1] == 254)
                                : f->to[0] < 0xfe;
}

void net_log_packet(struct net_log *l, const uint8_t *packet, size_t len)
{
    struct flow f = {0};
    const uint8_t *ports = NULL;

    if (len >= IPV4_BYTES && packet[0] >> 4 == 4) {
        const size_t header = (packet[0] & 0xfU) * 4U;

        /* A later fragment has no ports. */
        if (header < IPV4_BYTES || len < header + PORTS_BYTES || (packet[6] & 0x1f) != 0 ||
            packet[7] != 0) {
            return;
        }
        f.family = AF_INET;
        f.protocol = packet[9];
        memcpy(f.to, packet + 16, 4);
        ports = packet + header;
    } else if (len >= IPV6_BYTES + PORTS_BYTES && packet[0] >> 4 == 6) {
        f.family = AF_INET6;
        f.protocol = packet[6];
        memcpy(f.to, packet + 24, 16);
        ports = packet + IPV6_BYTES;
    }
    if (ports == NULL || (f.protocol != IPPROTO_TCP && f.protocol != IPPROTO_UDP)) {
        return;
    }
    f.from_port = (uint16_t)(ports[0] << 8 | ports[1]);
    f.port = (uint16_t)(ports[2] << 8 | ports[3]);
    if (leads_out(&f) && !is_known_flow(l, &f)) {
        note_connection(l, &f);
    }
}

/* Of what leaves, without @mark: the first packet of TCP (SYN without ACK), and UDP. */
static int set_filter(int fd, uint32_t mark)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOPBACK_INDEX, 20, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 18),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 16, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 13),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), /* IPv4: protocol */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 10, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 10),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* IPv6: next header */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 5),
        BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, IPV6_BYTES),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13), /* TCP: flags */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, PACKET_BYTES),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]),
                                       .filter = (struct sock_filter *)(uintptr_t)code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int net_log_watch(struct net_log *l, uint32_t mark, struct err *e)
{
    /* Bound to nothing (protocol 0) until its filter stands. */
    autoclose int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

    if (fd < 0 || set_filter(fd, mark) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        return err_set(e, errno, "cannot watch connections for --net-log");
    }
    l->packet_fd = steal_fd(&fd);
    return 0;
}

struct net_log *net_log_new(int log_fd)
{
    struct net_log *l = xcalloc(1, sizeof(*l));

    l->log_fd = log_fd;
    l->packet_fd = -1;
    return l;
}

void net_log_free(struct net_log *l)
{
    for (size_t i = 0; i < l->name_count; i++) {
        free(l->names[i].name);
    }
    strv_done(&l->entries);
    close_fd(&l->packet_fd);
    free(l);
}

int net_log_fd(const struct net_log *l)
{
    return l->packet_fd;
}

void net_log_serve(struct net_log *l)
{
    uint8_t packet[PACKET_BYTES];
    ssize_t n = 0;

    while ((n = recv(l->packet_fd, packet, sizeof(packet), 0)) >= 0) {
        net_log_packet(l, packet, (size_t)n);
    }
}

/* ---- the end */

char *net_log_list(const struct net_log *l)
{
    autostrv struct strv sorted = {0};
    struct buf b = {0};

    buf_puts(&b, "");
    strv_append(&sorted, &l->entries);
    strv_sort(&sorted);
    for (size_t i = 0; i < sorted.len; i++) {
        buf_printf(&b, "%s%s", i > 0 ? "," : "", sorted.v[i]);
    }
    return b.data;
}
