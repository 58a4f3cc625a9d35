/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/attach.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/signals.h"
#include "box/sync.h"
#include "box/tty.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct attached {
    const struct attach *a;
    struct tty tty;
    int signal_fd;
    int input_open; /* standard input is passed on, and has not ended */
    int status;     /* of the end; -1 before it */
    struct detach_keys keys;
    struct sync_msg msg;
};

void attach_block_signals(void)
{
    sigset_t set;

    signals_forwarded(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int send_simple(struct attached *s, enum sync_step step)
{
    struct err ignored = {0};

    return sync_send(s->a->control_fd, step, -1, &ignored);
}

static void send_size(struct attached *s)
{
    s->msg.step = SYNC_RESIZE;
    s->msg.u.size = tty_size();
    (void)sync_send_msg(s->a->control_fd, &s->msg, 0);
}

static void take_signal(struct attached *s)
{
    struct signalfd_siginfo info;

    if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return;
    }
    if (s->a->terminal && info.ssi_signo == SIGWINCH) {
        send_size(s);
        return;
    }
    s->msg.step = SYNC_SIGNAL;
    s->msg.u.signal = (int32_t)info.ssi_signo;
    (void)sync_send_msg(s->a->control_fd, &s->msg, 0);
}

/* A terminal that is gone (EIO) takes the container with it: closing the control socket does that.
 * The mere end of input is passed on. */
static int take_input(struct attached *s, struct err *e)
{
    ssize_t n = read(STDIN_FILENO, s->msg.u.data, SYNC_DATA_MAX);
    int detach = 0;

    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return 0;
    }
    if (n < 0 && s->tty.fd >= 0) {
        return err_set(e, errno, "the terminal is gone");
    }
    if (n <= 0) {
        s->input_open = 0;
        (void)send_simple(s, SYNC_INPUT_END);
        return 0;
    }
    s->msg.step = SYNC_INPUT;
    s->msg.len = (uint32_t)detach_keys_feed(&s->keys, s->msg.u.data, (size_t)n, &detach);
    if (s->msg.len > 0) {
        (void)sync_send_msg(s->a->control_fd, &s->msg, 0);
    }
    if (detach) {
        (void)send_simple(s, SYNC_DETACH);
        s->status = 0;
    }
    return 0;
}

static int take_started(struct attached *s, struct err *e)
{
    autofree char *pid = xasprintf("%lld", (long long)s->msg.u.started.pid);

    if (s->a->pidfile != NULL && file_write(AT_FDCWD, s->a->pidfile, pid, strlen(pid), 0, e) < 0) {
        return err_wrap(e, "cannot write --pidfile");
    }
    if (s->a->only_start) {
        s->status = 0;
        return 0;
    }
    s->input_open = s->a->has_streams && s->a->interactive;
    if (s->a->terminal && s->a->has_streams) {
        tty_raw(STDIN_FILENO, &s->tty);
        send_size(s); /* it may have changed since the start */
    }
    return 0;
}

/* To a client it only means that it is served no more: too many of them, too slow, or the end. */
static int connection_lost(const struct attached *s, struct err *e)
{
    if (s->a->is_owner) {
        return err_new(e, EPIPE, "the container's supervisor died; the command was ended with it");
    }
    (void)err_new(e, EPIPE, "the container's supervisor closed the connection");
    return err_hint(e, "rbox ps -a");
}

/* Who read our output may be gone. SIGPIPE says so, but not to what systemd starts. A full disk is
 * no reason to end. */
static int pass_on(int fd, const struct sync_msg *msg, struct err *e)
{
    if (fd_write_all(fd, msg->u.data, msg->len) == -EPIPE) {
        return err_set(e, EPIPE, "cannot pass the container's output on");
    }
    return 0;
}

/* One message of the supervisor. */
static int take_message(struct attached *s, struct err *e)
{
    int r = sync_recv(s->a->control_fd, &s->msg, NULL, 0);

    if (r < 0) {
        return err_set(e, -r, "cannot hear from the supervisor");
    }
    switch (s->msg.step) {
    case SYNC_STARTED:
        return take_started(s, e);
    case SYNC_OUTPUT:
        return pass_on(STDOUT_FILENO, &s->msg, e);
    case SYNC_OUTPUT_ERR:
        return pass_on(STDERR_FILENO, &s->msg, e);
    case SYNC_NOTICE:
        notice("%.*s", (int)s->msg.len, s->msg.u.data);
        return 0;
    case SYNC_EXIT:
        s->status = s->msg.u.exit.status & 0xff;
        *s->a->ret_report = s->msg.u.exit.report;
        return 0;
    case SYNC_ERROR:
        *e = s->msg.u.err;
        return -e->errnum;
    default:
        return connection_lost(s, e);
    }
}

static int serve(struct attached *s, struct err *e)
{
    while (s->status < 0) {
        struct pollfd p[] = {{.fd = s->a->control_fd, .events = POLLIN},
                             {.fd = s->signal_fd, .events = POLLIN},
                             {.fd = s->input_open ? STDIN_FILENO : -1, .events = POLLIN}};
        int r = 0;

        if (poll(p, 3, -1) < 0 && errno != EINTR) {
            return err_set(e, errno, "cannot poll");
        }
        if (p[0].revents != 0) {
            r = take_message(s, e);
        }
        /* Signals wait until the container runs: before that the supervisor listens to nobody. */
        if (r == 0 && p[1].revents != 0) {
            take_signal(s);
        }
        if (r == 0 && p[2].revents != 0) {
            r = take_input(s, e);
        }
        if (r < 0) {
            return r;
        }
    }
    return s->status;
}

int attach_run(const struct attach *a, struct err *e)
{
    struct attached *s = xcalloc(1, sizeof(*s));
    sigset_t set;
    int r = 0;

    s->a = a;
    s->tty.fd = -1;
    s->status = -1;
    if (a->detach_keys != NULL && a->terminal) {
        s->keys = detach_keys_choose(a->detach_keys);
    }
    signals_forwarded(&set);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    r = s->signal_fd < 0 ? err_set(e, errno, "cannot receive signals") : serve(s, e);
    tty_restore(&s->tty);
    close_fd(&s->signal_fd);
    free(s);
    return r;
}
