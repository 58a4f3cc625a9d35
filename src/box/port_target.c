/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/port_forward.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

socklen_t port_address_len(const union port_address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

static union port_address address4(struct in_addr host, uint16_t port)
{
    return (union port_address){
        .in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host}};
}

static union port_address address6(struct in6_addr host, uint16_t port)
{
    return (union port_address){
        .in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host}};
}

static uint16_t address_port(const union port_address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

/* Addresses that mean something else inside: the host's loopback, and links that the container has
 * not. */
static int is_hosts_own(const union port_address *a)
{
    if (a->any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
    }
    return ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

size_t port_attempts_tcp(const struct port_inside *inside, uint16_t port,
                         const union port_address *client,
                         struct port_attempt ret[PORT_ATTEMPTS_MAX])
{
    const struct in_addr loopback4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    const uint16_t from_port = address_port(client);
    const int is6 = client->any.sa_family == AF_INET6;
    struct port_attempt v4 = {.to = address4(loopback4, port),
                              .from = address4(inside->gateway, from_port)};
    struct port_attempt v6 = {.to = address6(in6addr_loopback, port),
                              .from = address6(inside->gateway6, from_port)};

    ret[0] = is6 ? v6 : v4;
    ret[1] = is6 ? v4 : v6;
    if (!is_hosts_own(client)) {
        ret[0].from = *client;
        ret[1].plain = 1;
    }
    /* Only services that are bound to the interface's address are left. A foreign source can't be
     * kept here: the answer would be routed to the outside. */
    ret[2] = (struct port_attempt){.to = address4(inside->address, port), .plain = 1};
    return 3;
}

/* A datagram's service chooses the source of its answer by the route to the client, so a foreign
 * client address would send it outside. The container's own address works for whatever is bound to
 * it or to all. */
size_t port_attempts_udp(const struct port_inside *inside, uint16_t port,
                         struct port_attempt ret[PORT_ATTEMPTS_MAX])
{
    const struct in_addr loopback4 = {.s_addr = htonl(INADDR_LOOPBACK)};

    ret[0] = (struct port_attempt){.to = address4(inside->address, port)};
    ret[1] = (struct port_attempt){.to = address4(loopback4, port)};
    ret[2] = (struct port_attempt){.to = address6(in6addr_loopback, port)};
    return 3;
}

/* Take the client's address as ours. Its port too, unless that is in use here. */
static int bind_foreign(int fd, const union port_address *from)
{
    const int on = 1;
    union port_address any_port = *from;
    int r = from->any.sa_family == AF_INET6
                ? setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on))
                : setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));

    if (r < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
        return -errno;
    }
    if (bind(fd, &from->any, port_address_len(from)) == 0) {
        return 0;
    }
    any_port.in.sin_port = 0; /* at the same place in both families */
    return bind(fd, &any_port.any, port_address_len(&any_port)) < 0 ? -errno : 0;
}

static int try_connect(const struct port_attempt *a, int type, const union port_address *from)
{
    autoclose int fd = socket(a->to.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd < 0 ? -errno : 0;

    if (r == 0 && from->any.sa_family != 0) {
        r = bind_foreign(fd, from);
    }
    if (r == 0 && connect(fd, &a->to.any, port_address_len(&a->to)) < 0 && errno != EINPROGRESS) {
        r = -errno;
    }
    return r < 0 ? r : steal_fd(&fd);
}

int port_connect(const struct port_attempt *a, int type)
{
    int fd = try_connect(a, type, &a->from);

    /* A connection from that very port ended a moment ago. */
    if (fd == -EADDRNOTAVAIL) {
        union port_address from = a->from;

        from.in.sin_port = 0;
        fd = try_connect(a, type, &from);
    }
    return fd;
}
