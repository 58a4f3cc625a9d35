/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside netlink*.c: how a request of rtnetlink(7) is put together and sent. */
#ifndef RBOX_SYS_NETLINK_REQUEST_H
#define RBOX_SYS_NETLINK_REQUEST_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* A header, a fixed struct, and attributes; none of ours comes near this size. */
struct netlink_request {
    struct nlmsghdr head;
    char body[512];
};

/* Returns the place of the fixed struct of @size bytes, zeroed. */
void *netlink_request_init(struct netlink_request *q, int type, int flags, size_t size);

void netlink_request_add(struct netlink_request *q, int type, const void *data, size_t len);
void netlink_request_add_u32(struct netlink_request *q, int type, uint32_t value);

/* Attributes added between these two are inside of one of @type, behind @size zeroed bytes whose
 * place is returned. */
void *netlink_request_open(struct netlink_request *q, int type, size_t size, size_t *ret_at);
void netlink_request_close(struct netlink_request *q, size_t at);

/* Send, and take the kernel's answer; or take another one. Return 0 or -errno; -EPROTO: it is no
 * acknowledgement. */
int netlink_request_send(int fd, const struct netlink_request *q);
int netlink_request_receive(int fd);

size_t netlink_address_size(int family);

#endif
