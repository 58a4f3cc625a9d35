/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/netlink_request.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

void *netlink_request_init(struct netlink_request *q, int type, int flags, size_t size)
{
    memset(q, 0, sizeof(*q));
    q->head.nlmsg_type = (uint16_t)type;
    q->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    q->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    return NLMSG_DATA(&q->head);
}

void *netlink_request_open(struct netlink_request *q, int type, size_t size, size_t *ret_at)
{
    const size_t at = NLMSG_ALIGN(q->head.nlmsg_len);
    struct rtattr *a = (struct rtattr *)(void *)((char *)q + at);

    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(size);
    q->head.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
    *ret_at = at;
    return RTA_DATA(a);
}

void netlink_request_close(struct netlink_request *q, size_t at)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)q + at);

    a->rta_len = (uint16_t)(q->head.nlmsg_len - at);
}

void netlink_request_add(struct netlink_request *q, int type, const void *data, size_t len)
{
    size_t at = 0;

    memcpy(netlink_request_open(q, type, len, &at), data, len);
}

void netlink_request_add_u32(struct netlink_request *q, int type, uint32_t value)
{
    netlink_request_add(q, type, &value, sizeof(value));
}

int netlink_request_receive(int fd)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char echo[sizeof(struct netlink_request)];
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

/* The kernel has queued its acknowledgement before send returns. */
int netlink_request_send(int fd, const struct netlink_request *q)
{
    return send(fd, q, q->head.nlmsg_len, 0) < 0 ? -errno : netlink_request_receive(fd);
}

size_t netlink_address_size(int family)
{
    return family == AF_INET6 ? 16 : 4;
}
