/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's loop while the command runs: its end, the launcher's words, the terminal, the
 * network helper. */
#ifndef RBOX_BOX_WATCH_H
#define RBOX_BOX_WATCH_H

#include "box/net.h"

#include <stdint.h>

struct watch {
    int *pidfd;     /* PID 1 of the container; reaped and set to -1 here */
    int control_fd; /* the launcher; its end of file ends the container */
    int master_fd;  /* terminal, or -1 */
    const struct net *net;
    int64_t timeout_ms; /* kill after so long; 0 = never */
};

/* Wait for PID 1's end, serving the others until then; after it, the terminal is read to its end.
 * Returns the exit status as docker counts it: a signal that ended the container by rbox's rule
 * (signals.h) counts as that signal. */
int watch_run(const struct watch *w);

#endif
