/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/port_forward.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/netlink.h"
#include "sys/ns.h"
#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
    int r = netlink_open(&fd, e);

    for (size_t i = 0; r == 0 && i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        int done = netlink_rule_add(fd, &RULES[i]);

        if (done == 0) {
            done = netlink_local_route(fd, RULES[i].family, RULE_TABLE, if_nametoindex("lo"));
        }
        if (done < 0 && done != -EEXIST && RULES[i].family == AF_INET) {
            r = err_set(e, -done, "cannot route answers of published services");
        }
    }
    return r;
}

static int serve_requests(struct forward *f, int run_fd, struct err *e)
{
    struct sockaddr_un address = port_socket_address(run_fd);
    struct item *item = xcalloc(1, sizeof(*item));

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

/* Each connection takes two descriptors: as many as the caller may have. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
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
        SYS_clock_gettime, SYS_restart_syscall,
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
    };

    return sandbox_enter(&(struct sandbox){.calls = CALLS,
                                           .call_count = sizeof(CALLS) / sizeof(CALLS[0]),
                                           .capability = CAP_NET_ADMIN},
                         e);
}

static int forward_start(struct forward *f, const struct ports *p, int netns_fd, int run_fd,
                         struct err *e)
{
    int r = 0;

    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    f->datagram = xmalloc(DATAGRAM_MAX);
    if (f->epoll_fd < 0) {
        return err_set(e, errno, "cannot create an epoll descriptor");
    }
    if (setns(netns_fd, CLONE_NEWNET) < 0) {
        return err_set(e, errno, "cannot join the container's network");
    }
    raise_descriptors();
    r = keep_answers(e);
    for (size_t i = 0; r == 0 && i < p->count; i++) {
        r = forward_listen(f, &p->v[i].row, p->v[i].fd);
        if (r < 0) {
            r = err_set(e, -r, "cannot watch published ports");
        }
    }
    if (r == 0) {
        r = serve_requests(f, run_fd, e);
    }
    return r < 0 ? r : confine_self(e);
}

/* In the fork. Nothing of the supervisor's but what it works with stays open: least of all the
 * container's lock, which run_fd is. */
static _Noreturn void forward_main(const struct ports *p, const struct port_inside *inside,
                                   int netns_fd, int run_fd, int ready_fd)
{
    struct forward f = {.inside = *inside};
    int *keep = xcalloc(p->count + 3, sizeof(*keep));
    struct err e = {0};
    int r = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "rbox-ports");
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < p->count; i++) {
        keep[i] = p->v[i].fd;
    }
    keep[p->count] = netns_fd;
    keep[p->count + 1] = run_fd;
    keep[p->count + 2] = ready_fd;
    fd_close_except(keep, p->count + 3);
    free(keep);
    r = forward_start(&f, p, netns_fd, run_fd, &e);
    (void)close(run_fd);
    (void)close(netns_fd);
    if (r < 0) {
        (void)!write(ready_fd, &e, sizeof(e));
        _exit(EXITCODE_RBOX);
    }
    (void)close(ready_fd);
    forward_loop(&f);
}

int ports_start(const struct ports *p, const struct port_inside *inside, int netns_fd, int run_fd,
                struct ports_forwarder *ret, struct err *e)
{
    int ready[2] = {-1, -1};
    pid_t pid = -1;

    if (pipe2(ready, O_CLOEXEC) < 0) {
        return err_set(e, errno, "cannot create a pipe");
    }
    ret->ready_fd = ready[0];
    pid = ns_clone(0, /* cgroup_fd= */ -1, &ret->pidfd, e);
    if (pid == 0) {
        forward_main(p, inside, netns_fd, run_fd, ready[1]);
    }
    (void)close(ready[1]);
    return pid < 0 ? (int)pid : 0;
}

int ports_wait_ready(struct ports_forwarder *p, struct err *e)
{
    struct err failure = {0};
    ssize_t n = read(p->ready_fd, &failure, sizeof(failure));

    close_fd(&p->ready_fd);
    if (n == (ssize_t)sizeof(failure)) {
        *e = failure;
        return -e->errnum;
    }
    return n == 0 ? 0 : err_new(e, EIO, "cannot hear from the port forwarder");
}
