/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The launcher's part of port.h: sockets that listen, and why one can't be had. */
#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "box/port.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RANDOM_TRIES = 32,           /* for a port that is free in both families */
    PROC_NET_BYTES_MAX = 8 << 20 /* of /proc/net/tcp, for the owner of a taken port */
};

char *port_host_text(const struct port_row *r)
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(r->family, r->host_address, text, sizeof(text));
    return xasprintf(r->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, r->host_port);
}

/* ---- what is asked for */

static int rows_collide(const struct spec_port *a, const struct spec_port *b)
{
    int same_ip = a->host_ip == NULL || b->host_ip == NULL || strcmp(a->host_ip, b->host_ip) == 0;

    return a->udp == b->udp && same_ip && a->host_port != 0 && b->host_port != 0 &&
           a->host_port < b->host_port + b->count && b->host_port < a->host_port + a->count;
}

int ports_check(const struct spec_network *n, struct err *e)
{
    for (size_t i = 0; i < n->port_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct spec_port *a = &n->ports[j];
            const struct spec_port *b = &n->ports[i];

            if (rows_collide(a, b)) {
                return err_new(e, EINVAL, "host port %u/%s is published twice",
                               a->host_port > b->host_port ? a->host_port : b->host_port,
                               a->udp ? "udp" : "tcp");
            }
        }
    }
    return 0;
}

static int is_published(const struct spec_network *n, unsigned long port, int udp)
{
    for (size_t i = 0; i < n->port_count; i++) {
        const struct spec_port *p = &n->ports[i];

        if (p->udp == udp && port >= p->container_port &&
            port < (unsigned long)p->container_port + p->count) {
            return 1;
        }
    }
    return 0;
}

/* -P: what the image exposes ("80/tcp", "53/udp", "8080"), on ports of our choice. */
static int add_exposed(struct spec *s, struct err *e)
{
    const struct spec_network *n = &s->box.network;

    for (size_t i = 0; n->publish_all && i < n->exposed.len; i++) {
        char *rest = NULL;
        unsigned long port = strtoul(n->exposed.v[i], &rest, 10);
        int udp = strcmp(rest, "/udp") == 0;
        struct spec_port *row = NULL;

        if (port == 0 || port > UINT16_MAX ||
            (*rest != '\0' && !udp && strcmp(rest, "/tcp") != 0)) {
            return err_new(e, EINVAL, "cannot publish '%s': not PORT[/tcp|udp]", n->exposed.v[i]);
        }
        if (!is_published(n, port, udp)) {
            row = spec_add_port(s);
            row->container_port = (uint16_t)port;
            row->count = 1;
            row->udp = udp;
        }
    }
    return 0;
}

/* ---- whose port it is */

/* Inode of the socket that has local port @port in a table of /proc/net; 0 if there is none. */
static unsigned long find_inode(const char *table, unsigned int port, unsigned int state)
{
    autofree char *text = NULL;
    autoclose int fd = open(table, O_RDONLY | O_CLOEXEC);
    struct err ignored = {0};
    char *line = NULL;
    char *next = NULL;

    if (fd < 0 || fd_read_all(fd, PROC_NET_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return 0;
    }
    for (line = strtok_r(text, "\n", &next); line != NULL; line = strtok_r(NULL, "\n", &next)) {
        unsigned int local_port = 0;
        unsigned int line_state = 0;
        unsigned long inode = 0;

        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local_port,
                   &line_state, &inode) == 3 &&
            local_port == port && line_state == state) {
            return inode;
        }
    }
    return 0;
}

static int has_descriptor(int fds_fd, const char *wanted)
{
    autoclosedir DIR *dir = fdopendir(fds_fd);
    struct dirent *d = NULL;
    char link[64];

    while (dir != NULL && (d = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        if (strcmp(link, wanted) == 0) {
            return 1;
        }
    }
    return 0;
}

/* "name (pid 12)" of a process that holds socket @inode, of those that the caller may look into;
 * NULL if none. The caller owns it. */
static char *find_holder(unsigned long inode)
{
    autofree char *wanted = xasprintf("socket:[%lu]", inode);
    autoclosedir DIR *proc = opendir("/proc");
    struct dirent *d = NULL;

    while (proc != NULL && (d = readdir(proc)) != NULL) {
        autofree char *fds = xasprintf("/proc/%s/fd", d->d_name);
        autofree char *comm_path = xasprintf("/proc/%s/comm", d->d_name);
        autofree char *comm = NULL;
        struct err ignored = {0};
        int fd = -1;

        if (d->d_name[0] < '0' || d->d_name[0] > '9') {
            continue;
        }
        fd = open(fds, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && has_descriptor(fd, wanted) &&
            file_read(AT_FDCWD, comm_path, 256, &comm, NULL, &ignored) == 0) {
            comm[strcspn(comm, "\n")] = '\0';
            return xasprintf("'%s' (pid %s)", comm, d->d_name);
        }
    }
    return NULL;
}

static char *port_owner(const struct port_row *r)
{
    static const char *const TABLES[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                             {"/proc/net/udp", "/proc/net/udp6"}};
    const unsigned int listening = r->udp ? 7 : 10; /* TCP_CLOSE and TCP_LISTEN */
    unsigned long inode = find_inode(TABLES[r->udp][0], r->host_port, listening);

    if (inode == 0) {
        inode = find_inode(TABLES[r->udp][1], r->host_port, listening);
    }
    return inode != 0 ? find_holder(inode) : NULL;
}

static int explain(const struct port_row *r, int errnum, struct err *e)
{
    autofree char *host = port_host_text(r);
    const char *protocol = r->udp ? "udp" : "tcp";

    if (errnum == EACCES) {
        autofree char *limit = NULL;
        autofree char *port = xasprintf("%u", r->host_port);
        struct err ignored = {0};
        int known = file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &limit,
                              NULL, &ignored) == 0;

        (void)err_new(e, errnum,
                      "cannot publish %s/%s: net.ipv4.ip_unprivileged_port_start is %.*s", host,
                      protocol, (int)strcspn(known ? limit : "1024", "\n"), known ? limit : "1024");
        return err_hint_id(e, HINT_LOW_PORT, port, NULL);
    }
    if (errnum == EADDRINUSE) {
        autofree char *owner = port_owner(r);

        return err_new(e, errnum, "cannot publish %s/%s: the port is taken by %s", host, protocol,
                       owner != NULL ? owner : "a process of another user");
    }
    if (errnum == EADDRNOTAVAIL) {
        return err_new(e, errnum, "cannot publish %s/%s: this host has no such address", host,
                       protocol);
    }
    return err_set(e, errnum, "cannot publish %s/%s", host, protocol);
}

/* ---- sockets */

static int set_options(int fd, const struct port_row *r)
{
    const int on = 1;

    /* Replies to a datagram leave from the address it was sent to. */
    if (r->udp) {
        return r->family == AF_INET6
                   ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
                   : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
        return -1;
    }
    /* Connections take these over: no waiting for more to send, and clients that vanish end. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return 0;
}

/* A socket bound to @r, whose host port is filled in if it was 0. Returns it or -errno. */
static int listen_on(struct port_row *r)
{
    autoclose int fd =
        socket(r->family, (r->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(r->host_port)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(r->host_port)};
    struct sockaddr *address = r->family == AF_INET6 ? (void *)&in6 : (void *)&in;
    socklen_t len = r->family == AF_INET6 ? sizeof(in6) : sizeof(in);
    const int on = 1;

    memcpy(&in6.sin6_addr, r->host_address, sizeof(in6.sin6_addr));
    memcpy(&in.sin_addr, r->host_address, sizeof(in.sin_addr));
    if (fd < 0 || set_options(fd, r) < 0) {
        return -errno;
    }
    if (r->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) {
        return -errno;
    }
    if (bind(fd, address, len) < 0 || (!r->udp && listen(fd, SOMAXCONN) < 0) ||
        getsockname(fd, address, &len) < 0) {
        return -errno;
    }
    r->host_port = ntohs(r->family == AF_INET6 ? in6.sin6_port : in.sin_port);
    return steal_fd(&fd);
}

static void ports_add(struct ports *p, const struct port_row *row, int fd)
{
    p->v = xrealloc(p->v, p->count + 1, sizeof(*p->v));
    p->v[p->count++] = (struct port_socket){.row = *row, .fd = fd};
}

/* On all addresses, which is a socket for each family. A host without IPv6 does with one. */
static int open_everywhere(struct port_row *row, struct ports *ret, struct err *e)
{
    const uint16_t asked = row->host_port;

    for (int i = 0;; i++) {
        struct port_row row6 = *row;
        int fd = listen_on(row);
        int fd6 = -1;

        if (fd < 0) {
            return explain(row, -fd, e);
        }
        row6.family = AF_INET6;
        row6.host_port = row->host_port;
        fd6 = listen_on(&row6);
        if (fd6 >= 0 || fd6 == -EAFNOSUPPORT || fd6 == -EADDRNOTAVAIL) {
            ports_add(ret, row, fd);
            if (fd6 >= 0) {
                ports_add(ret, &row6, fd6);
            }
            return 0;
        }
        close_fd(&fd);
        if (asked != 0 || fd6 != -EADDRINUSE || i == RANDOM_TRIES) {
            return explain(&row6, -fd6, e);
        }
        row->host_port = 0;
    }
}

static int open_one(const char *host_ip, struct port_row *row, struct ports *ret, struct err *e)
{
    int fd = -1;

    row->family = AF_INET;
    if (host_ip == NULL || *host_ip == '\0') {
        return open_everywhere(row, ret, e);
    }
    if (inet_pton(AF_INET, host_ip, row->host_address) != 1) {
        row->family = AF_INET6;
        if (inet_pton(AF_INET6, host_ip, row->host_address) != 1) {
            return err_new(e, EINVAL, "cannot publish on '%s': not an IP address", host_ip);
        }
    }
    fd = listen_on(row);
    if (fd < 0) {
        return explain(row, -fd, e);
    }
    ports_add(ret, row, fd);
    return 0;
}

static int open_range(struct spec_port *p, struct ports *ret, struct err *e)
{
    for (unsigned int i = 0; i < p->count; i++) {
        struct port_row row = {.udp = p->udp, .container_port = (uint16_t)(p->container_port + i)};
        int r = 0;

        row.host_port = (uint16_t)(p->host_port != 0 ? p->host_port + i : 0);
        r = open_one(p->host_ip, &row, ret, e);
        if (r < 0) {
            return r;
        }
        if (p->count == 1) {
            p->host_port = row.host_port;
        }
    }
    return 0;
}

int ports_open(struct spec *s, struct ports *ret, struct err *e)
{
    struct ports p = {0};
    int r = add_exposed(s, e);

    if (r == 0) {
        r = ports_check(&s->box.network, e);
    }
    for (size_t i = 0; r == 0 && i < s->box.network.port_count; i++) {
        r = open_range(&s->box.network.ports[i], &p, e);
    }
    if (r < 0) {
        ports_done(&p);
        return r;
    }
    *ret = p;
    return 0;
}

/* In one write: whoever is killed has written all or nothing. */
int ports_record(int record_fd, const struct port_row *rows, uint32_t count)
{
    autobuf struct buf b = {0};

    buf_add(&b, &count, sizeof(count));
    buf_add(&b, rows, count * sizeof(*rows));
    return pwrite(record_fd, b.data, b.len, 0) == (ssize_t)b.len ? 0 : -errno;
}

int ports_reopen(int record_fd, struct ports *ret, struct err *e)
{
    struct ports p = {0};
    uint32_t count = 0;
    off_t at = sizeof(count);
    int r = 0;

    if (pread(record_fd, &count, sizeof(count), 0) != (ssize_t)sizeof(count)) {
        return err_new(e, EPROTO, "nothing says which ports were published");
    }
    for (; r == 0 && count > 0; count--) {
        struct port_row row = {0};
        int fd = -EPROTO;

        if (pread(record_fd, &row, sizeof(row), at) == (ssize_t)sizeof(row)) {
            at += (off_t)sizeof(row);
            fd = listen_on(&row);
        }
        if (fd < 0) {
            r = explain(&row, -fd, e);
        } else {
            ports_add(&p, &row, fd);
        }
    }
    if (r < 0) {
        ports_done(&p);
        return r;
    }
    *ret = p;
    return 0;
}

void ports_done(struct ports *p)
{
    for (size_t i = 0; i < p->count; i++) {
        close_fd(&p->v[i].fd);
    }
    free(p->v);
    *p = (struct ports){0};
}
