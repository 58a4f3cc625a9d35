/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's loop while the command runs: its end, its streams and what clients say, the
 * network helpers, the time it may take. */
#ifndef RBOX_BOX_WATCH_H
#define RBOX_BOX_WATCH_H

#include "box/net.h"
#include "box/streams.h"

#include <stdint.h>

struct watch {
    int *pidfd; /* PID 1 of the container; reaped and set to -1 here */
    struct streams *streams;
    const struct net *net; /* NULL: none */
    int64_t timeout_ms;    /* kill after so long; 0 = never */
};

/* Wait for PID 1's end, serving the others until then; after it, what it wrote is read to its end.
 * Returns the exit status as docker counts it: a signal that ended the container by rbox's rule
 * (signals.h) counts as that signal. */
int watch_run(const struct watch *w);

#endif
