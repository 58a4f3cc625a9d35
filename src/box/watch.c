/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/watch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "box/signals.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    YOUNG_MS = 1000,     /* a command this young may not have its handlers in place yet … */
    SECOND_LOOK_MS = 50, /* … so it gets this long before a signal ends it */
    EXIT_KILLED = 128 + SIGKILL,
};

struct watching {
    const struct watch *w;
    int helper_pidfds[WATCH_HELPERS_MAX]; /* -1: none, or its end was seen */
    pid_t host_pid;
    int64_t start_ms;
    int64_t timeout_ms; /* 0 once it has struck */
    int64_t recheck_ms; /* when to look again at recheck_signal; 0 = nothing pending */
    int recheck_signal;
    int64_t kill_ms; /* when stopping must be over; 0: nothing is being stopped */
    int was_healthy;
    int ended_by; /* the signal whose default action rbox carried out */
};

/* ---- signals */

static void end_by_default(struct watching *s, int signo)
{
    if (signals_handled(s->host_pid, signo) == 0) {
        s->ended_by = signo;
        (void)proc_signal(*s->w->pidfd, SIGKILL);
    }
}

static void take_signal(void *arg, int signo)
{
    struct watching *s = arg;
    int is_dropped = 0;

    if (signo <= 0 || signo >= _NSIG) {
        return;
    }
    /* Looked at first: who waited for it may unblock it right after. */
    is_dropped =
        signals_terminates(signo) && signo != SIGKILL && signals_handled(s->host_pid, signo) == 0;
    (void)proc_signal(*s->w->pidfd, signo);
    if (!is_dropped) {
        return;
    }
    if (clock_monotonic_ms() - s->start_ms < YOUNG_MS) {
        s->recheck_signal = signo;
        s->recheck_ms = clock_monotonic_ms() + SECOND_LOOK_MS;
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

/* ---- the loop */

static void owner_gone(void *arg)
{
    const struct watching *s = arg;

    (void)proc_signal(*s->w->pidfd, SIGKILL);
}

enum {
    POLL_CHILD,
    POLL_NAMES,
    POLL_EXPLAIN,
    POLL_NOTIFY,
    POLL_STOP,
    POLL_HELPERS,
    POLL_HEALTH = POLL_HELPERS + WATCH_HELPERS_MAX,
    POLL_STREAMS,
    POLL_COUNT = POLL_STREAMS + STREAMS_POLLS
};

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int next_timeout(const struct watching *s)
{
    int64_t now = clock_monotonic_ms();
    int64_t left = streams_timeout_ms(s->w->streams);

    if (s->timeout_ms > 0) {
        int64_t until = s->start_ms + s->timeout_ms - now;

        left = sooner(left, until > 0 ? until : 0);
    }
    if (s->recheck_ms > 0) {
        left = sooner(left, s->recheck_ms > now ? s->recheck_ms - now : 0);
    }
    if (s->kill_ms > 0) {
        left = sooner(left, s->kill_ms > now ? s->kill_ms - now : 0);
    }
    if (s->w->health != NULL) {
        left = sooner(left, health_timeout_ms(s->w->health));
    }
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void check_time(struct watching *s)
{
    if (s->timeout_ms > 0 && clock_monotonic_ms() >= s->start_ms + s->timeout_ms) {
        s->timeout_ms = 0;
        if (s->w->ret_timed_out != NULL) {
            *s->w->ret_timed_out = 1;
        }
        (void)proc_signal(*s->w->pidfd, SIGKILL);
    }
    if (s->recheck_ms > 0 && clock_monotonic_ms() >= s->recheck_ms) {
        recheck(s);
    }
    if (s->kill_ms > 0 && clock_monotonic_ms() >= s->kill_ms) {
        s->kill_ms = 0;
        (void)proc_signal(*s->w->pidfd, SIGKILL);
    }
}

static void fill_polls(const struct watching *s, struct pollfd p[POLL_COUNT])
{
    p[POLL_CHILD] = (struct pollfd){.fd = *s->w->pidfd, .events = POLLIN};
    p[POLL_EXPLAIN] = (struct pollfd){.fd = explain_poll_fd(s->w->explain), .events = POLLIN};
    for (size_t i = 0; i < WATCH_HELPERS_MAX; i++) {
        p[POLL_HELPERS + i] = (struct pollfd){.fd = s->helper_pidfds[i], .events = POLLIN};
    }
    p[POLL_NAMES] =
        (struct pollfd){.fd = s->w->names != NULL ? s->w->names->notify_fd : -1, .events = POLLIN};
    p[POLL_HEALTH] = (struct pollfd){.fd = -1};
    if (s->w->health != NULL) {
        p[POLL_HEALTH] = health_poll(s->w->health);
    }
    p[POLL_NOTIFY] =
        (struct pollfd){.fd = s->w->notify != NULL ? s->w->notify->in_fd : -1, .events = POLLIN};
    p[POLL_STOP] = (struct pollfd){.fd = s->w->stop_fd, .events = POLLIN};
    streams_poll(s->w->streams, p + POLL_STREAMS);
}

static void stop(struct watching *s)
{
    s->kill_ms = clock_monotonic_ms() + s->w->stop_timeout_ms;
    take_signal(s, s->w->stop_signal);
}

static void serve_stop(struct watching *s)
{
    struct signalfd_siginfo info;

    if (read(s->w->stop_fd, &info, sizeof(info)) == sizeof(info)) {
        s->w->stop_asked(s->w->arg);
        stop(s);
    }
}

/* What an unhealthy container is to suffer; a restart is the supervisor's to go on with. */
static void serve_health(struct watching *s)
{
    enum spec_health_action asked = health_serve(s->w->health);

    if (s->w->health->has_passed && !s->was_healthy) {
        s->was_healthy = 1;
        notify_healthy(s->w->notify);
    }
    switch (asked) {
    case SPEC_HEALTH_NONE:
        break;
    case SPEC_HEALTH_KILL:
        (void)proc_signal(*s->w->pidfd, SIGKILL);
        break;
    case SPEC_HEALTH_RESTART:
    case SPEC_HEALTH_STOP:
        stop(s);
        break;
    }
}

/* The server of the root ends when the container's last mount goes, before PID 1 is seen to have
 * ended, and with much to write back long before. */
static int is_ending(const struct watching *s)
{
    autoclose int proc_fd = proc_open_fs();

    return proc_is_exiting(proc_fd, s->host_pid);
}

static void serve(struct watching *s, const struct pollfd p[POLL_COUNT])
{
    const struct streams_handler handler = {
        .signal = take_signal, .owner_gone = owner_gone, .arg = s};

    if (p[POLL_NAMES].revents != 0) {
        names_serve(s->w->names);
    }
    if (p[POLL_STOP].revents != 0) {
        serve_stop(s);
    }
    if (p[POLL_NOTIFY].revents != 0) {
        notify_serve(s->w->notify);
    }
    if (p[POLL_EXPLAIN].revents != 0) {
        explain_serve(s->w->explain);
    }
    streams_serve(s->w->streams, p + POLL_STREAMS, &handler);
    for (size_t i = 0; i < WATCH_HELPERS_MAX; i++) {
        if (p[POLL_HELPERS + i].revents != 0) {
            s->helper_pidfds[i] = -1;
            if (!is_ending(s)) {
                s->helper_pidfds[i] = s->w->helper_died(s->w->arg, i);
            }
        }
    }
    if (s->w->health != NULL) {
        serve_health(s);
    }
    check_time(s);
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
    struct watching s = {.w = w, .start_ms = clock_monotonic_ms(), .timeout_ms = w->timeout_ms};
    struct err ignored = {0};
    int status = EXIT_KILLED;

    for (size_t i = 0; i < WATCH_HELPERS_MAX; i++) {
        s.helper_pidfds[i] = i < w->helper_count ? w->helper_pidfds[i] : -1;
    }
    s.host_pid = signals_host_pid(*w->pidfd);
    loop(&s);
    (void)proc_wait(*w->pidfd, PROC_FOREVER, &status, &ignored);
    close_fd(w->pidfd);
    streams_drain(w->streams);
    if (w->notify != NULL) {
        notify_serve(w->notify); /* what it said last */
    }
    return s.ended_by != 0 && status == EXIT_KILLED ? 128 + s.ended_by : status;
}
