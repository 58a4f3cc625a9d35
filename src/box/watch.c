/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/watch.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/signals.h"
#include "box/sync.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    YOUNG_MS = 1000,     /* a command this young may not have its handlers in place yet … */
    SECOND_LOOK_MS = 50, /* … so it gets this long before a signal ends it */
    EXIT_KILLED = 128 + SIGKILL,
};

struct watching {
    const struct watch *w;
    int master_fd;
    int net_pidfds[NET_HELPER_COUNT]; /* -1: none, or its end was told */
    int launcher_gone;
    pid_t host_pid;
    int64_t start_ms;
    int64_t timeout_ms; /* 0 once it has struck */
    int64_t recheck_ms; /* when to look again at recheck_signal; 0 = nothing pending */
    int recheck_signal;
    int ended_by;          /* the signal whose default action rbox carried out */
    struct sync_msg input; /* bytes for the terminal that it did not take yet */
    size_t input_done;
    struct sync_msg output; /* bytes of the terminal that the launcher did not take yet */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- signals */

static void end_by_default(struct watching *s, int signo)
{
    if (signals_handled(s->host_pid, signo) == 0) {
        s->ended_by = signo;
        (void)proc_signal(*s->w->pidfd, SIGKILL);
    }
}

static void take_signal(struct watching *s, int signo)
{
    if (signo <= 0 || signo >= _NSIG) {
        return;
    }
    (void)proc_signal(*s->w->pidfd, signo);
    if (!signals_terminates(signo) || signo == SIGKILL ||
        signals_handled(s->host_pid, signo) != 0) {
        return;
    }
    if (now_ms() - s->start_ms < YOUNG_MS) {
        s->recheck_signal = signo;
        s->recheck_ms = now_ms() + SECOND_LOOK_MS;
    } else {
        end_by_default(s, signo);
    }
}

/* A signal that came before the handler was dropped by the kernel, so it is sent once more. */
static void recheck(struct watching *s)
{
    int signo = s->recheck_signal;

    s->recheck_ms = 0;
    (void)proc_signal(*s->w->pidfd, signo);
    end_by_default(s, signo);
}

/* ---- terminal */

static void flush_input(struct watching *s)
{
    while (s->input_done < s->input.len) {
        ssize_t n =
            write(s->master_fd, s->input.u.data + s->input_done, s->input.len - s->input_done);

        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) {
                return;
            }
            break; /* the terminal is gone: drop it */
        }
        s->input_done += (size_t)n;
    }
    s->input.len = 0;
    s->input_done = 0;
}

/* The end of standard input, for a terminal, is its end-of-file character. */
static void end_input(const struct watching *s)
{
    static const char EOT = 4;

    if (s->master_fd >= 0) {
        (void)!write(s->master_fd, &EOT, 1);
    }
}

static void flush_output(struct watching *s)
{
    int r = s->output.len > 0 && !s->launcher_gone
                ? sync_send_msg(s->w->control_fd, &s->output, MSG_DONTWAIT)
                : 0;

    if (r != -EAGAIN) {
        s->output.len = 0;
    }
}

/* Read what the terminal has. Returns 0 at its end: EIO, when no process has it open any more. */
static int read_terminal(struct watching *s)
{
    ssize_t n = read(s->master_fd, s->output.u.data, SYNC_DATA_MAX);

    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    s->output.step = SYNC_OUTPUT;
    s->output.len = (uint32_t)n;
    flush_output(s);
    return 1;
}

/* ---- the launcher */

static void take_message(struct watching *s)
{
    struct sync_msg *msg = &s->input;
    int r = sync_recv(s->w->control_fd, msg, NULL, 0);
    uint32_t step = r < 0 ? SYNC_END : msg->step;

    switch (step) {
    case SYNC_INPUT:
        flush_input(s);
        return;
    case SYNC_INPUT_END:
        end_input(s);
        break;
    case SYNC_RESIZE:
        (void)ioctl(s->master_fd, TIOCSWINSZ, &msg->u.size);
        break;
    case SYNC_SIGNAL:
        take_signal(s, msg->u.signal);
        break;
    default:
        s->launcher_gone = 1;
        (void)proc_signal(*s->w->pidfd, SIGKILL);
        break;
    }
    msg->len = 0;
}

static void notice(const struct watching *s, const char *text)
{
    struct sync_msg msg = {.step = SYNC_NOTICE};

    msg.len = (uint32_t)snprintf(msg.u.data, sizeof(msg.u.data), "%s", text);
    (void)sync_send_msg(s->w->control_fd, &msg, MSG_DONTWAIT);
}

/* ---- the loop */

enum {
    POLL_CHILD,
    POLL_CONTROL,
    POLL_MASTER,
    POLL_NET,
    POLL_COUNT = POLL_NET + NET_HELPER_COUNT
};

static int next_timeout(const struct watching *s)
{
    int64_t now = now_ms();
    int64_t left = -1;

    if (s->timeout_ms > 0) {
        left = s->start_ms + s->timeout_ms - now;
        left = left > 0 ? left : 0;
    }
    if (s->recheck_ms > 0) {
        int64_t recheck_left = s->recheck_ms > now ? s->recheck_ms - now : 0;

        left = left < 0 || recheck_left < left ? recheck_left : left;
    }
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void check_time(struct watching *s)
{
    if (s->timeout_ms > 0 && now_ms() >= s->start_ms + s->timeout_ms) {
        s->timeout_ms = 0;
        (void)proc_signal(*s->w->pidfd, SIGKILL);
    }
    if (s->recheck_ms > 0 && now_ms() >= s->recheck_ms) {
        recheck(s);
    }
}

/* One source at a time is held back by what is pending: no buffer grows. */
static void fill_polls(const struct watching *s, struct pollfd p[POLL_COUNT])
{
    int control_events = (s->input.len == 0 ? POLLIN : 0) | (s->output.len > 0 ? POLLOUT : 0);
    int master_events = (s->output.len == 0 ? POLLIN : 0) | (s->input.len > 0 ? POLLOUT : 0);

    p[POLL_CHILD] = (struct pollfd){.fd = *s->w->pidfd, .events = POLLIN};
    p[POLL_CONTROL] = (struct pollfd){.fd = s->launcher_gone ? -1 : s->w->control_fd,
                                      .events = (short)control_events};
    p[POLL_MASTER] = (struct pollfd){.fd = s->master_fd, .events = (short)master_events};
    for (size_t i = 0; i < NET_HELPER_COUNT; i++) {
        p[POLL_NET + i] = (struct pollfd){.fd = s->net_pidfds[i], .events = POLLIN};
    }
}

static void serve(struct watching *s, const struct pollfd p[POLL_COUNT])
{
    if ((p[POLL_CONTROL].revents & POLLOUT) != 0) {
        flush_output(s);
    }
    if ((p[POLL_CONTROL].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && s->input.len == 0) {
        take_message(s);
    }
    if ((p[POLL_MASTER].revents & POLLOUT) != 0) {
        flush_input(s);
    }
    if ((p[POLL_MASTER].revents & (POLLIN | POLLHUP)) != 0 && s->output.len == 0 &&
        !read_terminal(s)) {
        s->master_fd = -1;
    }
    for (size_t i = 0; i < NET_HELPER_COUNT; i++) {
        if (p[POLL_NET + i].revents != 0) {
            s->net_pidfds[i] = -1;
            notice(s, net_helper_gone((enum net_helper_role)i));
        }
    }
    check_time(s);
}

/* The container is dead, so the terminal's output is finite: hand over the rest. */
static void drain(struct watching *s)
{
    while (s->master_fd >= 0 && !s->launcher_gone) {
        if (s->output.len > 0 && sync_send_msg(s->w->control_fd, &s->output, 0) < 0) {
            return;
        }
        s->output.len = 0;
        if (!read_terminal(s)) {
            return;
        }
    }
}

static void loop(struct watching *s)
{
    struct pollfd p[POLL_COUNT];

    for (;;) {
        fill_polls(s, p);
        if (poll(p, POLL_COUNT, next_timeout(s)) < 0 && errno != EINTR) {
            return;
        }
        if ((p[POLL_CHILD].revents & POLLIN) != 0) {
            return;
        }
        serve(s, p);
    }
}

int watch_run(const struct watch *w)
{
    struct watching *s = xcalloc(1, sizeof(*s));
    struct err ignored = {0};
    int status = EXIT_KILLED;
    int ended_by = 0;

    s->w = w;
    s->master_fd = w->master_fd;
    for (size_t i = 0; i < NET_HELPER_COUNT; i++) {
        s->net_pidfds[i] = w->net->helpers[i].pidfd;
    }
    s->start_ms = now_ms();
    s->timeout_ms = w->timeout_ms;
    s->host_pid = signals_host_pid(*w->pidfd);
    if (s->master_fd >= 0) {
        (void)fcntl(s->master_fd, F_SETFL, O_RDWR | O_NONBLOCK);
    }
    loop(s);
    (void)proc_wait(*w->pidfd, PROC_FOREVER, &status, &ignored);
    close_fd(w->pidfd);
    drain(s);
    ended_by = s->ended_by;
    free(s);
    return ended_by != 0 && status == EXIT_KILLED ? 128 + ended_by : status;
}
