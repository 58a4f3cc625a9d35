/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/netlink.h"

#include "base/cleanup.h"
#include "sys/netlink_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(int *ret_fd, struct err *e)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
        return err_set(e, errno, "cannot open a routing socket");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int rule_request(int fd, int type, int flags, const struct netlink_rule *rule)
{
    struct netlink_request q;
    struct fib_rule_hdr *h = netlink_request_init(&q, type, flags, sizeof(*h));
    struct fib_rule_port_range ports = {.start = rule->port, .end = rule->port_last};

    h->family = (uint8_t)rule->family;
    h->action = rule->table != 0 ? FR_ACT_TO_TBL : FR_ACT_PROHIBIT;
    h->src_len = rule->from.length;
    h->dst_len = rule->to.length;
    netlink_request_add_u32(&q, FRA_PRIORITY, rule->priority);
    if (rule->table != 0) {
        netlink_request_add_u32(&q, FRA_TABLE, rule->table);
    }
    if (rule->from.length > 0) {
        netlink_request_add(&q, FRA_SRC, rule->from.address, netlink_address_size(rule->family));
    }
    if (rule->to.length > 0) {
        netlink_request_add(&q, FRA_DST, rule->to.address, netlink_address_size(rule->family));
    }
    if (rule->protocol != 0) {
        netlink_request_add(&q, FRA_IP_PROTO, &rule->protocol, sizeof(rule->protocol));
    }
    if (rule->mark != 0) {
        netlink_request_add_u32(&q, FRA_FWMARK, rule->mark);
        netlink_request_add_u32(&q, FRA_FWMASK, UINT32_MAX);
    }
    if (rule->from_link != NULL) {
        netlink_request_add(&q, FRA_IIFNAME, rule->from_link, strlen(rule->from_link) + 1);
    }
    if (rule->port != 0) {
        netlink_request_add(&q, FRA_DPORT_RANGE, &ports, sizeof(ports));
    }
    return netlink_request_send(fd, &q);
}

int netlink_rule_add(int fd, const struct netlink_rule *rule)
{
    return rule_request(fd, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

int netlink_rule_delete(int fd, const struct netlink_rule *rule)
{
    return rule_request(fd, RTM_DELRULE, 0, rule);
}

int netlink_local_route(int fd, int family, uint32_t table, unsigned int link)
{
    struct netlink_request q;
    struct rtmsg *h = netlink_request_init(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*h));

    h->rtm_family = (uint8_t)family;
    h->rtm_protocol = RTPROT_STATIC;
    h->rtm_scope = RT_SCOPE_HOST;
    h->rtm_type = RTN_LOCAL;
    netlink_request_add_u32(&q, RTA_TABLE, table);
    netlink_request_add_u32(&q, RTA_OIF, link);
    return netlink_request_send(fd, &q);
}

int netlink_find_route(int fd, int family, const uint8_t *address, uint8_t protocol, uint16_t port)
{
    struct netlink_request q;
    struct rtmsg *h = netlink_request_init(&q, RTM_GETROUTE, 0, sizeof(*h));
    uint16_t network_port = htons(port);
    int r = 0;

    h->rtm_family = (uint8_t)family;
    h->rtm_dst_len = (uint8_t)(netlink_address_size(family) * 8);
    netlink_request_add(&q, RTA_DST, address, netlink_address_size(family));
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
        netlink_request_add(&q, RTA_IP_PROTO, &protocol, sizeof(protocol));
        netlink_request_add(&q, RTA_DPORT, &network_port, sizeof(network_port));
    }
    r = netlink_request_send(fd, &q);
    /* The route comes first, and the acknowledgement behind it. */
    return r == -EPROTO ? netlink_request_receive(fd) : r;
}
