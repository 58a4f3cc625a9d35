/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/port_forward.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/net_fork.h"
#include "sys/fd.h"
#include "sys/netlink.h"
#include "sys/path.h"
#include "sys/sandbox.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    RULE_PRIORITY = 50, /* before the main table, after the local one */
    RULE_TABLE = 100,
    TURN_EVENTS = 64,
    HOUSEKEEPING_MS = 10 * 1000,
    REQUEST_TIMEOUT_S = 1,
};

/* ---- items */

int forward_watch(struct forward *f, struct item *item, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data = {.ptr = item}};

    return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, item->fd, &ev) < 0 ? -errno : 0;
}

static void set_hearing(struct forward *f, uint32_t events)
{
    for (struct listener *l = f->listeners; l != NULL; l = l->next) {
        struct epoll_event ev = {.events = events, .data = {.ptr = &l->item}};

        if (l->item.fd >= 0 && !l->row.udp) {
            (void)epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, l->item.fd, &ev);
        }
    }
}

void forward_deafen(struct forward *f)
{
    f->deaf = 1;
    set_hearing(f, 0);
}

void forward_hear(struct forward *f)
{
    if (f->deaf) {
        f->deaf = 0;
        set_hearing(f, EPOLLIN);
    }
}

int forward_listen(struct forward *f, const struct port_row *row, int fd)
{
    struct listener *l = xcalloc(1, sizeof(*l));
    int r = 0;

    l->row = *row;
    l->item = (struct item){.fd = fd, .ready = row->udp ? udp_receive : tcp_accept};
    r = forward_watch(f, &l->item, EPOLLIN);
    if (r < 0) {
        close_fd(&l->item.fd);
        free(l);
        return r;
    }
    l->next = f->listeners;
    f->listeners = l;
    return 0;
}

static void request_ready(struct forward *f, struct item *item, uint32_t events)
{
    const struct timeval patience = {.tv_sec = REQUEST_TIMEOUT_S};
    int fd = accept4(item->fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        port_serve(f, fd);
    }
}

/* ---- the loop */

static _Noreturn void forward_loop(struct forward *f)
{
    struct epoll_event events[TURN_EVENTS];

    for (;;) {
        int timeout_ms = f->unfinished != NULL ? 0 : HOUSEKEEPING_MS;
        int count = epoll_wait(f->epoll_fd, events, TURN_EVENTS, timeout_ms);

        for (int i = 0; i < count; i++) {
            struct item *item = events[i].data.ptr;

            item->ready(f, item, events[i].events);
        }
        tcp_continue(f);
        for (struct listener *l = f->listeners; count == 0 && l != NULL; l = l->next) {
            udp_expire(f, l, /* everything= */ 0);
        }
        tcp_bury(f);
        udp_bury(f);
    }
}

/* ---- start */

/* What a service on the loopback answers to a foreign address must come back here, not leave by
 * the tap device. Without IPv6 in the kernel there are no such clients. */
static int keep_answers(struct err *e)
{
    static const struct netlink_rule RULES[] = {
        {.family = AF_INET,
         .priority = RULE_PRIORITY,
         .from = {.address = {127}, .length = 8},
         .table = RULE_TABLE},
        {.family = AF_INET6,
         .priority = RULE_PRIORITY,
         .from = {.address = {[15] = 1}, .length = 128},
         .table = RULE_TABLE},
    };
    autoclose int fd = -1;
    int r = net_loopback_up(e); /* it must be up for the route */

    if (r == 0) {
        r = netlink_open(&fd, e);
    }
    for (size_t i = 0; r == 0 && i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        int done = netlink_rule_add(fd, &RULES[i]);

        if (done == 0) {
            done = netlink_local_route(fd, RULES[i].family, RULE_TABLE, if_nametoindex("lo"));
        }
        if (done < 0 && done != -EEXIST && done != -EAFNOSUPPORT) {
            r = err_set(e, -done, "cannot route answers of published services");
        }
    }
    return r;
}

static int serve_requests(struct forward *f, int run_fd, struct err *e)
{
    struct sockaddr_un address = path_socket_address(run_fd, PORT_SOCKET);
    struct item *item = xcalloc(1, sizeof(*item));

    (void)unlink(address.sun_path); /* of an earlier life of the container */
    item->ready = request_ready;
    item->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (item->fd < 0 || bind(item->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(item->fd, 8) < 0 || forward_watch(f, item, EPOLLIN) < 0) {
        int errnum = errno;

        close_fd(&item->fd);
        free(item);
        return err_set(e, errnum, "cannot serve requests about published ports");
    }
    return 0;
}

/* It opens nothing and starts nothing any more; CAP_NET_ADMIN is for IP_TRANSPARENT. */
static int confine_self(struct err *e)
{
    static const int CALLS[] = {
        SYS_splice,        SYS_epoll_pwait,     SYS_epoll_ctl,  SYS_accept4,    SYS_socket,
        SYS_bind,          SYS_connect,         SYS_setsockopt, SYS_getsockopt, SYS_shutdown,
        SYS_recvfrom,      SYS_sendto,          SYS_recvmsg,    SYS_sendmsg,    SYS_pipe2,
        SYS_fcntl,         SYS_close,           SYS_read,       SYS_write,      SYS_brk,
        SYS_mmap,          SYS_munmap,          SYS_mremap,     SYS_exit_group, SYS_rt_sigreturn,
        SYS_clock_gettime, SYS_restart_syscall, SYS_pwrite64,
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
    };

    return sandbox_enter(&(struct sandbox){.calls = CALLS,
                                           .call_count = sizeof(CALLS) / sizeof(CALLS[0]),
                                           .capability = CAP_NET_ADMIN},
                         e);
}

struct forward_arg {
    const struct ports *ports;
    const struct port_place *place;
};

/* In the fork, in the container's namespace. */
static int forward_run(void *arg, int ready_fd, struct err *e)
{
    const struct forward_arg *a = arg;
    struct forward *f = xcalloc(1, sizeof(*f));
    int r = 0;

    f->inside = a->place->inside;
    f->record_fd = a->place->record_fd;
    f->datagram = xmalloc(DATAGRAM_MAX);
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (f->epoll_fd < 0) {
        return err_set(e, errno, "cannot create an epoll descriptor");
    }
    fd_raise_limit(); /* each connection takes two */
    r = keep_answers(e);
    for (size_t i = 0; r == 0 && i < a->ports->count; i++) {
        r = forward_listen(f, &a->ports->v[i].row, a->ports->v[i].fd);
        if (r < 0) {
            r = err_set(e, -r, "cannot watch published ports");
        }
    }
    if (r == 0) {
        r = serve_requests(f, a->place->run_fd, e);
    }
    port_keep(f);
    if (r == 0) {
        r = confine_self(e);
    }
    if (r < 0) {
        return r;
    }
    (void)close(a->place->run_fd); /* is the container's lock, too */
    (void)close(ready_fd);
    forward_loop(f);
}

int ports_start(const struct ports *p, const struct port_place *place, struct net_helper *ret,
                struct err *e)
{
    struct forward_arg arg = {.ports = p, .place = place};
    struct net_fork fork = {
        .name = "rbox-ports", .run = forward_run, .arg = &arg, .netns_fd = place->netns_fd};
    autofree int *keep = xcalloc(p->count + 2, sizeof(*keep));

    for (size_t i = 0; i < p->count; i++) {
        keep[i] = p->v[i].fd;
    }
    keep[p->count] = place->run_fd;
    keep[p->count + 1] = place->record_fd;
    fork.keep_fds = keep;
    fork.keep_count = p->count + 2;
    return net_fork(&fork, ret, e);
}
