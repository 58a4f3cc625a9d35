/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both sides of ports_request(): what a client asks, and what the forwarder does about it. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/port_forward.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- forwarder */

static int remove_port(struct forward *f, const struct port_row *row)
{
    for (struct listener *l = f->listeners; l != NULL; l = l->next) {
        if (l->item.fd >= 0 && l->row.udp == row->udp && l->row.family == row->family &&
            l->row.host_port == row->host_port &&
            memcmp(l->row.host_address, row->host_address, sizeof(row->host_address)) == 0) {
            udp_expire(f, l, /* everything= */ 1);
            close_fd(&l->item.fd);
            return 0;
        }
    }
    return -ENOENT;
}

void port_keep(const struct forward *f)
{
    autobuf struct buf rows = {0};

    for (const struct listener *l = f->listeners; l != NULL; l = l->next) {
        if (l->item.fd >= 0) {
            buf_add(&rows, &l->row, sizeof(l->row));
        }
    }
    (void)ports_record(f->record_fd, (const struct port_row *)(const void *)rows.data,
                       (uint32_t)(rows.len / sizeof(struct port_row)));
}

static void send_rows(const struct forward *f, int fd, int errnum)
{
    struct port_answer *a = xcalloc(1, sizeof(*a));

    a->errnum = errnum;
    for (const struct listener *l = f->listeners; l != NULL; l = l->next) {
        if (l->item.fd < 0) {
            continue;
        }
        a->rows[a->count++] = l->row;
        if (a->count == PORT_ANSWER_ROWS) {
            (void)fd_send(fd, a, sizeof(*a), NULL, 0);
            a->count = 0;
        }
    }
    (void)fd_send(fd, a, sizeof(*a), NULL, 0);
    free(a);
}

void port_serve(struct forward *f, int client_fd)
{
    autoclose int fd = client_fd;
    autoclose int listen_fd = -1;
    struct port_request q;
    size_t fd_count = 0;
    int r = -EINVAL;

    if (fd_recv(fd, &q, sizeof(q), &listen_fd, 1, &fd_count) != (ssize_t)sizeof(q)) {
        return;
    }
    if (q.op == PORT_LIST) {
        r = 0;
    } else if (q.op == PORT_REMOVE) {
        r = remove_port(f, &q.row);
    } else if (q.op == PORT_ADD && listen_fd >= 0) {
        r = forward_listen(f, &q.row, steal_fd(&listen_fd));
    }
    if (r == 0 && q.op != PORT_LIST) {
        port_keep(f); /* before it is said to be done */
    }
    send_rows(f, fd, -r);
}

/* ---- client */

static int receive_rows(int fd, struct port_row **ret_rows, size_t *ret_count, struct err *e)
{
    struct port_answer *a = xcalloc(1, sizeof(*a));
    struct port_row *rows = NULL;
    size_t count = 0;
    ssize_t n = 0;

    do {
        n = fd_recv(fd, a, sizeof(*a), NULL, 0, NULL);
        if (n != (ssize_t)sizeof(*a) || a->count > PORT_ANSWER_ROWS || a->errnum != 0) {
            break;
        }
        rows = xrealloc(rows, count + a->count + 1, sizeof(*rows));
        memcpy(rows + count, a->rows, a->count * sizeof(*rows));
        count += a->count;
    } while (a->count == PORT_ANSWER_ROWS);
    if (n != (ssize_t)sizeof(*a) || a->errnum != 0) {
        int errnum = n == (ssize_t)sizeof(*a) ? a->errnum : EPROTO;

        free(rows);
        free(a);
        return errnum == ENOENT ? err_new(e, errnum, "no such port is published")
                                : err_set(e, errnum, "the port forwarder refused");
    }
    free(a);
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

int ports_request(int run_fd, enum port_op op, const struct port_socket *port,
                  struct port_row **ret_rows, size_t *ret_count, struct err *e)
{
    struct sockaddr_un address = path_socket_address(run_fd, PORT_SOCKET);
    struct port_request q = {.op = op};
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int r = 0;

    if (port != NULL) {
        q.row = port->row;
    }
    if (fd < 0) {
        return err_set(e, errno, "cannot open a socket");
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return err_new(e, errno, "the container has no port forwarder");
    }
    r = fd_send(fd, &q, sizeof(q), op == PORT_ADD ? &port->fd : NULL, op == PORT_ADD);
    if (r < 0) {
        return err_set(e, -r, "cannot ask the port forwarder");
    }
    return receive_rows(fd, ret_rows, ret_count, e);
}
