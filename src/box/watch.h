/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's loop while the command runs: its end, its streams and what clients say, the
 * helpers, the time it may take. */
#ifndef RBOX_BOX_WATCH_H
#define RBOX_BOX_WATCH_H

#include "box/explain.h"
#include "box/health.h"
#include "box/names.h"
#include "box/notify.h"
#include "box/streams.h"

#include <stddef.h>
#include <stdint.h>

enum {
    WATCH_HELPERS_MAX = 4
};

struct watch {
    int *pidfd; /* PID 1 of the container; reaped and set to -1 here */
    struct streams *streams;
    int helper_pidfds[WATCH_HELPERS_MAX]; /* of processes that serve it; borrowed; -1: none */
    size_t helper_count;
    /* One of them died. Returns the pidfd of one in its place (borrowed), or -1. */
    int (*helper_died)(void *arg, size_t helper);
    /* SIGTERM came to the supervisor: stop_fd (or -1) is a signalfd(2) for it. The container is
     * stopped as `rbox stop` does it. */
    void (*stop_asked)(void *arg);
    int stop_fd;
    void *arg;                   /* of both */
    const struct notify *notify; /* or NULL */
    const struct names *names;   /* or NULL */
    struct explain *explain;     /* or NULL */
    int64_t timeout_ms;          /* kill after so long; 0 = never */
    struct health *health;       /* its checks, or NULL */
    int stop_signal;             /* for one that is to stop, and how long it is waited for */
    int64_t stop_timeout_ms;
    int *ret_timed_out; /* set when that came to pass; or NULL */
};

/* Wait for PID 1's end, serving the others until then; after it, what it wrote is read to its end.
 * Returns the exit status as docker counts it: a signal that ended the container by rbox's rule
 * (signals.h) counts as that signal. */
int watch_run(const struct watch *w);

#endif
