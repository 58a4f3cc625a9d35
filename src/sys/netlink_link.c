/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces, their addresses and routes; declared in netlink.h. */
#include "sys/netlink.h"
#include "sys/netlink_request.h"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

enum {
    MAC_BYTES = 6
};

static void add_string(struct netlink_request *q, int type, const char *s)
{
    netlink_request_add(q, type, s, strlen(s) + 1);
}

static void set_up(struct ifinfomsg *m)
{
    m->ifi_flags = IFF_UP;
    m->ifi_change = IFF_UP;
}

/* @index 0: any. */
static void link_init(struct netlink_request *q, const char *name, unsigned int index, uint32_t mtu)
{
    struct ifinfomsg *m =
        netlink_request_init(q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));

    m->ifi_index = (int)index;
    set_up(m);
    add_string(q, IFLA_IFNAME, name);
    netlink_request_add_u32(q, IFLA_MTU, mtu);
}

int netlink_bridge_add(int fd, const char *name, unsigned int index, uint32_t mtu)
{
    struct netlink_request q;
    size_t info = 0;

    link_init(&q, name, index, mtu);
    (void)netlink_request_open(&q, IFLA_LINKINFO, 0, &info);
    add_string(&q, IFLA_INFO_KIND, "bridge");
    netlink_request_close(&q, info);
    return netlink_request_send(fd, &q);
}

int netlink_pair_add(int fd, const struct netlink_pair *pair)
{
    struct netlink_request q;
    size_t info = 0;
    size_t data = 0;
    size_t peer = 0;

    link_init(&q, pair->name, 0, pair->mtu);
    netlink_request_add_u32(&q, IFLA_MASTER, pair->bridge);
    (void)netlink_request_open(&q, IFLA_LINKINFO, 0, &info);
    add_string(&q, IFLA_INFO_KIND, "veth");
    (void)netlink_request_open(&q, IFLA_INFO_DATA, 0, &data);
    (void)netlink_request_open(&q, VETH_INFO_PEER, sizeof(struct ifinfomsg), &peer);
    add_string(&q, IFLA_IFNAME, pair->peer_name);
    netlink_request_add(&q, IFLA_ADDRESS, pair->peer_mac, MAC_BYTES);
    netlink_request_add_u32(&q, IFLA_MTU, pair->mtu);
    netlink_request_add_u32(&q, IFLA_NET_NS_FD, (uint32_t)pair->peer_netns_fd);
    netlink_request_close(&q, peer);
    netlink_request_close(&q, data);
    netlink_request_close(&q, info);
    return netlink_request_send(fd, &q);
}

int netlink_link_up(int fd, unsigned int link)
{
    struct netlink_request q;
    struct ifinfomsg *m = netlink_request_init(&q, RTM_NEWLINK, 0, sizeof(*m));

    m->ifi_index = (int)link;
    set_up(m);
    return netlink_request_send(fd, &q);
}

int netlink_link_delete(int fd, const char *name)
{
    struct netlink_request q;

    (void)netlink_request_init(&q, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
    add_string(&q, IFLA_IFNAME, name);
    return netlink_request_send(fd, &q);
}

int netlink_address_add(int fd, unsigned int link, int family, const void *address,
                        unsigned int length)
{
    struct netlink_request q;
    struct ifaddrmsg *m =
        netlink_request_init(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));

    m->ifa_family = (uint8_t)family;
    m->ifa_prefixlen = (uint8_t)length;
    m->ifa_index = link;
    m->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    netlink_request_add(&q, IFA_LOCAL, address, netlink_address_size(family));
    netlink_request_add(&q, IFA_ADDRESS, address, netlink_address_size(family));
    return netlink_request_send(fd, &q);
}

int netlink_default_route(int fd, unsigned int link, int family, const void *gateway,
                          uint32_t metric)
{
    struct netlink_request q;
    struct rtmsg *m = netlink_request_init(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));

    m->rtm_family = (uint8_t)family;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = RTPROT_STATIC;
    m->rtm_scope = RT_SCOPE_UNIVERSE;
    m->rtm_type = RTN_UNICAST;
    m->rtm_flags = RTNH_F_ONLINK;
    netlink_request_add(&q, RTA_GATEWAY, gateway, netlink_address_size(family));
    netlink_request_add_u32(&q, RTA_OIF, link);
    netlink_request_add_u32(&q, RTA_PRIORITY, metric);
    return netlink_request_send(fd, &q);
}

int netlink_proxy_delay(int fd, unsigned int link, uint64_t delay_ms)
{
    struct netlink_request q;
    struct ndtmsg *m = netlink_request_init(&q, RTM_SETNEIGHTBL, 0, sizeof(*m));
    size_t parameters = 0;

    m->ndtm_family = AF_INET;
    add_string(&q, NDTA_NAME, "arp_cache");
    (void)netlink_request_open(&q, NDTA_PARMS, 0, &parameters);
    netlink_request_add_u32(&q, NDTPA_IFINDEX, link);
    netlink_request_add(&q, NDTPA_PROXY_DELAY, &delay_ms, sizeof(delay_ms));
    netlink_request_close(&q, parameters);
    return netlink_request_send(fd, &q);
}
