/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's side of a running container: its terminal, its signals, its exit status. */
#ifndef RBOX_BOX_ATTACH_H
#define RBOX_BOX_ATTACH_H

#include "base/err.h"
#include "box/detach_keys.h"
#include "box/report.h"

struct attach {
    int control_fd;  /* towards the supervisor */
    int has_streams; /* input and output go through control_fd */
    int terminal;    /* they are a terminal */
    int interactive; /* pass standard input on */
    int is_owner;    /* the command ends with the caller, but for detach_keys, and he with it */
    int only_start;  /* return as soon as the command runs */
    const struct detach_keys *detach_keys; /* NULL: none */
    const char *pidfile;                   /* written at the start, or NULL */
    struct report *ret_report;             /* what it took, at the end */
};

/* Block the signals that attach_run() will forward, from here on: one that comes while the
 * container is being made is forwarded when it runs. The supervisor inherits the mask, and PID 1
 * resets it. */
void attach_block_signals(void);

/* Serve until the container ends, or the caller detaches (0). Returns its exit status, or a
 * negative errno with @e: the start failed, or the supervisor died. The terminal is restored in
 * every case. */
int attach_run(const struct attach *a, struct err *e);

#endif
