/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/net_program.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_tun(int *ret_fd, struct err *e)
{
    *ret_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (*ret_fd < 0) {
        (void)err_set(e, errno, "cannot give the container a network: '/dev/net/tun'");
        return err_hint_id(e, HINT_TUN, NULL, NULL);
    }
    return 0;
}

int net_program_check_tun(struct err *e)
{
    autoclose int tun_fd = -1;

    return open_tun(&tun_fd, e);
}

int net_program_find(const char *name, struct err *e)
{
    autofree char *path = NULL;

    return proc_find(name, &path, e) < 0
               ? err_new(e, ENOENT, "cannot give the container a network: %s is not installed",
                         name)
               : 0;
}

int net_program_open(int netns_fd, struct net_program *p, struct net *n, struct err *e)
{
    *p = (struct net_program){.netns_fd = netns_fd, .ready_fd = -1, .alive_fd = -1, .other_fd = -1};
    return fd_pipe(&n->helpers[NET_HELPER_BACKEND].ready_fd, &p->ready_fd, e) < 0 ||
                   fd_pipe(&p->alive_fd, &n->exit_fd, e) < 0
               ? -e->errnum
               : 0;
}

int net_program_start(struct net_program *p, struct net *n, struct err *e)
{
    autofree char *path = NULL;
    autoclose int error_fd = -1;
    struct proc_options o = {.die_with_parent = 1};
    int r = proc_find(p->argv.v[0], &path, e);

    r = r < 0 ? r : fd_pipe(&n->err_fd, &error_fd, e);
    if (r < 0) {
        return r;
    }
    free(p->argv.v[0]);
    p->argv.v[0] = steal_ptr(&path);
    o.argv = (const char *const *)p->argv.v;
    if (p->has_standard_fds) {
        o.in_fd = p->netns_fd;
        o.out_fd = p->ready_fd;
    }
    o.err_fd = error_fd;
    o.keep_fds = (int[]){p->ready_fd, p->alive_fd, p->netns_fd, p->other_fd};
    o.keep_count = p->other_fd >= 0 ? 4 : 3;
    return proc_start(&o, &n->helpers[NET_HELPER_BACKEND].pidfd, e);
}

void net_program_done(struct net_program *p)
{
    strv_done(&p->argv);
    close_fd(&p->ready_fd);
    close_fd(&p->alive_fd);
    close_fd(&p->other_fd);
}

static int died(const struct net *n, struct err *e)
{
    autofree char *words = proc_last_words(n->err_fd);

    (void)err_new(e, ECHILD, "cannot give the container a network: %s ended%s%s", n->backend->name,
                  *words != '\0' ? ": " : "", words);
    return err_hint(e, "rbox doctor, or --network none");
}

int net_program_ready(struct net *n, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = n->helpers[NET_HELPER_BACKEND].ready_fd, .events = POLLIN};
    char byte = 0;
    int r = 0;

    do {
        r = poll(&p, 1, timeout_ms);
    } while (r < 0 && errno == EINTR);
    if (r == 0) {
        return err_new(e, ETIMEDOUT, "%s was not ready after %d ms", n->backend->name, timeout_ms);
    }
    return read(n->helpers[NET_HELPER_BACKEND].ready_fd, &byte, 1) == 1 ? 0 : died(n, e);
}

void net_program_stop(struct net *n)
{
    (void)proc_signal(n->helpers[NET_HELPER_BACKEND].pidfd, SIGKILL);
}

int net_program_tap(struct err *e)
{
    autoclose int fd = -1;
    struct ifreq q = {.ifr_name = NET_TAP, .ifr_flags = IFF_TAP | IFF_NO_PI};
    int r = open_tun(&fd, e);

    if (r == 0 && (ioctl(fd, TUNSETIFF, &q) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)) {
        return err_set(e, errno, "cannot make the network device %s", NET_TAP);
    }
    return r;
}
