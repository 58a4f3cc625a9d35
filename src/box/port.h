/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports: sockets that listen on the host, and a process that carries what arrives there
 * into the container.
 *
 *     ports_open()     launcher: listen, so that a port that can't be had ends the run early
 *     ports_start()    supervisor: fork the forwarder
 *     ports_request()  any client: list, add, remove, while the container runs
 *
 * The forwarder is one process that has joined the container's network namespace: the listening
 * sockets it was given stay the host's, those it opens are the container's. So it needs no partner
 * inside, and bytes go from socket to socket by splice(2) without being seen. */
#ifndef RBOX_BOX_PORT_H
#define RBOX_BOX_PORT_H

#include "base/err.h"
#include "box/net_fork.h"
#include "spec/spec.h"

#include <netinet/in.h>
#include <stddef.h>

/* One published port on one address: what a listening socket stands for. Plain bytes, sent as they
 * are. */
struct port_row {
    int family; /* AF_INET or AF_INET6 */
    int udp;
    uint8_t host_address[16]; /* network order; IPv4 uses the first 4 bytes */
    uint16_t host_port;
    uint16_t container_port;
    uint32_t plain_count; /* connections that could not keep their client's address */
};

struct port_socket {
    struct port_row row;
    int fd;
};

struct ports {
    struct port_socket *v;
    size_t count;
};

/* Listen on everything that @s publishes. Host ports that were left open (and publish_all) are
 * chosen and written into @s. On success the caller owns *ret; see ports_done().
 * Errors: -EADDRINUSE naming the owner if it can be seen; -EACCES naming the sysctl; -EINVAL for
 * what is published twice. Host side. */
int ports_open(struct spec *s, struct ports *ret, struct err *e);

void ports_done(struct ports *p);

/* Are two rows of @n on the same host port? Pure; names the port. */
int ports_check(const struct spec_network *n, struct err *e);

/* What is published now stands in a file without a name, @record_fd: the forwarder writes it, and
 * whoever starts another one in its place reads it. Both take and give rows as they are; record
 * returns 0 or -errno. */
int ports_record(int record_fd, const struct port_row *rows, uint32_t count);

/* Listen on what is recorded, again. On success the caller owns *ret. Errors: as ports_open(). */
int ports_reopen(int record_fd, struct ports *ret, struct err *e);

/* Where services are, as seen in the container's namespace. */
struct port_inside {
    struct in_addr address;   /* of the container's interface */
    struct in_addr gateway;   /* stands for clients on the host itself … */
    struct in6_addr gateway6; /* … that came by IPv6 */
};

struct port_place {
    struct port_inside inside;
    int netns_fd;  /* the forwarder works there */
    int run_fd;    /* a folder, where it takes requests at "port.sock" */
    int record_fd; /* of ports_record() */
};

/* Fork the forwarder for @p. Borrows all; @ret is the caller's. Supervisor. */
int ports_start(const struct ports *p, const struct port_place *place, struct net_helper *ret,
                struct err *e);

enum port_op {
    PORT_LIST,
    PORT_ADD,
    PORT_REMOVE
};

/* Ask the forwarder of the container whose run folder is @run_fd.
 * @port: what to add (its socket is sent along) or to remove (by protocol, family, address and port
 * of the host); NULL for PORT_LIST.
 * On success the caller owns *ret_rows, the rows after the change. Errors: -ENOENT no such port;
 * -ECONNREFUSED no forwarder. */
int ports_request(int run_fd, enum port_op op, const struct port_socket *port,
                  struct port_row **ret_rows, size_t *ret_count, struct err *e);

/* "0.0.0.0:8080", "[::1]:53"; the caller owns it. */
char *port_host_text(const struct port_row *r);

#endif
