/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/netlink.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request is a header, a fixed struct, and attributes; none of ours comes near this size. */
struct request {
    struct nlmsghdr head;
    char body[256];
};

static void *request_init(struct request *q, int type, int flags, size_t size)
{
    memset(q, 0, sizeof(*q));
    q->head.nlmsg_type = (uint16_t)type;
    q->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    q->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    return NLMSG_DATA(&q->head);
}

static void request_add(struct request *q, int type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(len);
    memcpy(RTA_DATA(a), data, len);
    q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static void request_add_u32(struct request *q, int type, uint32_t value)
{
    request_add(q, type, &value, sizeof(value));
}

static int receive(int fd)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char echo[512];
    } answer;
    ssize_t n = recv(fd, &answer, sizeof(answer), 0);

    if (n < 0) {
        return -errno;
    }
    if ((size_t)n < sizeof(answer.head) + sizeof(answer.error) ||
        answer.head.nlmsg_type != NLMSG_ERROR) {
        return -EPROTO;
    }
    return answer.error.error;
}

/* Send, and read the kernel's acknowledgement, which it has queued before send returns. */
static int request_send(int fd, const struct request *q)
{
    return send(fd, q, q->head.nlmsg_len, 0) < 0 ? -errno : receive(fd);
}

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

static size_t address_size(int family)
{
    return family == AF_INET6 ? 16 : 4;
}

static int rule_request(int fd, int type, int flags, const struct netlink_rule *rule)
{
    struct request q;
    struct fib_rule_hdr *h = request_init(&q, type, flags, sizeof(*h));
    struct fib_rule_port_range ports = {.start = rule->port, .end = rule->port_last};

    h->family = (uint8_t)rule->family;
    h->action = rule->table != 0 ? FR_ACT_TO_TBL : FR_ACT_PROHIBIT;
    h->src_len = rule->from.length;
    h->dst_len = rule->to.length;
    request_add_u32(&q, FRA_PRIORITY, rule->priority);
    if (rule->table != 0) {
        request_add_u32(&q, FRA_TABLE, rule->table);
    }
    if (rule->from.length > 0) {
        request_add(&q, FRA_SRC, rule->from.address, address_size(rule->family));
    }
    if (rule->to.length > 0) {
        request_add(&q, FRA_DST, rule->to.address, address_size(rule->family));
    }
    if (rule->protocol != 0) {
        request_add(&q, FRA_IP_PROTO, &rule->protocol, sizeof(rule->protocol));
    }
    if (rule->mark != 0) {
        request_add_u32(&q, FRA_FWMARK, rule->mark);
        request_add_u32(&q, FRA_FWMASK, UINT32_MAX);
    }
    if (rule->port != 0) {
        request_add(&q, FRA_DPORT_RANGE, &ports, sizeof(ports));
    }
    return request_send(fd, &q);
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
    struct request q;
    struct rtmsg *h = request_init(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*h));

    h->rtm_family = (uint8_t)family;
    h->rtm_protocol = RTPROT_STATIC;
    h->rtm_scope = RT_SCOPE_HOST;
    h->rtm_type = RTN_LOCAL;
    request_add_u32(&q, RTA_TABLE, table);
    request_add_u32(&q, RTA_OIF, link);
    return request_send(fd, &q);
}

int netlink_find_route(int fd, int family, const uint8_t *address, uint8_t protocol, uint16_t port)
{
    struct request q;
    struct rtmsg *h = request_init(&q, RTM_GETROUTE, 0, sizeof(*h));
    uint16_t network_port = htons(port);
    int r = 0;

    h->rtm_family = (uint8_t)family;
    h->rtm_dst_len = (uint8_t)(address_size(family) * 8);
    request_add(&q, RTA_DST, address, address_size(family));
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
        request_add(&q, RTA_IP_PROTO, &protocol, sizeof(protocol));
        request_add(&q, RTA_DPORT, &network_port, sizeof(network_port));
    }
    r = request_send(fd, &q);
    /* The route comes first, and the acknowledgement behind it. */
    return r == -EPROTO ? receive(fd) : r;
}
