/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose IPv6 is behind the tap device; declared in network_keeper.h.
 *
 * slirp4netns (libslirp) asks for the hardware address of each container, as if all sat on its
 * link, and notes what comes back under the *sender's* address. The kernel's own answers for others
 * (proxy_ndp) have the tap's address as sender, and are of no use there: seen with libslirp 4.7. So
 * the keeper answers, in the containers' names. */
#include "base/cleanup.h"
#include "box/net_program.h"
#include "box/network_keeper.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A solicitation and an advertisement have one form: a target, and an option with an address. */
struct neighbour_frame {
    struct ethhdr ether;
    struct ip6_hdr ip;
    struct nd_neighbor_advert nd;
    uint8_t option[2];
    uint8_t mac[ETH_ALEN];
} __attribute__((packed));

enum {
    FRAME_WITHOUT_OPTION = offsetof(struct neighbour_frame, option),
    HOPS = 255
};

int neighbours_open(int *ret_fd, struct err *e)
{
    struct sock_filter solicitations[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + offsetof(struct ip6_hdr, ip6_nxt)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + sizeof(struct ip6_hdr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {sizeof(solicitations) / sizeof(solicitations[0]),
                                       solicitations};
    const struct sockaddr_ll tap = {.sll_family = AF_PACKET,
                                    .sll_protocol = htons(ETH_P_IPV6),
                                    .sll_ifindex = (int)if_nametoindex(NET_TAP)};
    /* Bound to nothing (protocol 0) until its filter stands. */
    autoclose int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
        bind(fd, (const struct sockaddr *)&tap, sizeof(tap)) < 0) {
        return err_set(e, errno, "cannot answer for containers' IPv6");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int is_ours(const struct keeper *k, const struct in6_addr *target)
{
    for (const struct member *m = k->members; m != NULL; m = m->next) {
        for (const struct plug *p = m->plugs; p != NULL; p = p->next) {
            if (p->pair[0] != '\0' && p->network->config.subnet6.family != 0 &&
                memcmp(p->address6, target, sizeof(*target)) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* Over the pseudo-header, too (RFC 4443). @len is even. */
static uint16_t checksum(const struct neighbour_frame *f, size_t len)
{
    const uint8_t *addresses = (const uint8_t *)&f->ip.ip6_src;
    const uint8_t *body = (const uint8_t *)&f->nd;
    uint32_t sum = (uint32_t)len + IPPROTO_ICMPV6;

    for (size_t i = 0; i < 2 * sizeof(f->ip.ip6_src); i += 2) {
        sum += (uint32_t)(addresses[i] << 8 | addresses[i + 1]);
    }
    for (size_t i = 0; i < len; i += 2) {
        sum += (uint32_t)(body[i] << 8 | body[i + 1]);
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return htons((uint16_t)~sum);
}

static void answer(int fd, const struct neighbour_frame *q)
{
    struct neighbour_frame a = *q;
    struct sockaddr_ll tap = {0};
    socklen_t tap_len = sizeof(tap);
    const size_t len = sizeof(a) - offsetof(struct neighbour_frame, nd);

    if (getsockname(fd, (struct sockaddr *)&tap, &tap_len) < 0) {
        return;
    }
    memcpy(a.ether.h_dest, q->ether.h_source, ETH_ALEN);
    memcpy(a.ether.h_source, tap.sll_addr, ETH_ALEN);
    a.ip.ip6_src = q->nd.nd_na_target;
    a.ip.ip6_dst = q->ip.ip6_src;
    a.ip.ip6_plen = htons((uint16_t)len);
    a.ip.ip6_hlim = HOPS;
    a.nd.nd_na_hdr = (struct icmp6_hdr){.icmp6_type = ND_NEIGHBOR_ADVERT};
    a.nd.nd_na_flags_reserved = ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE;
    a.option[0] = ND_OPT_TARGET_LINKADDR;
    a.option[1] = 1;
    memcpy(a.mac, tap.sll_addr, ETH_ALEN);
    a.nd.nd_na_cksum = checksum(&a, len);
    (void)send(fd, &a, sizeof(a), 0);
}

void neighbours_serve(const struct keeper *k)
{
    struct neighbour_frame q = {0};
    ssize_t n = 0;

    /* The first read tells that the device was down when it was bound to. */
    while ((n = recv(k->neighbours_fd, &q, sizeof(q), 0)) >= 0 || errno == ENETDOWN) {
        const struct in6_addr target = q.nd.nd_na_target;

        if (n >= (ssize_t)FRAME_WITHOUT_OPTION && is_ours(k, &target)) {
            answer(k->neighbours_fd, &q);
        }
    }
}
