/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walls for rbox's own long-running processes that handle foreign bytes: a list of system calls,
 * few capabilities, no new privileges. (The container's own filter is box/seccomp.h's.) */
#ifndef RBOX_SYS_SANDBOX_H
#define RBOX_SYS_SANDBOX_H

#include "base/err.h"

#include <stddef.h>

/* What a process still needs. */
struct sandbox {
    const int *calls; /* SYS_…; socket(2) among them is held to IPv4 and IPv6 */
    size_t call_count;
    int capability; /* CAP_… kept, or -1 */
};

/* Confine the calling process for good. Everything not listed fails with EPERM from then on.
 * Processors whose number in linux/audit.h is not known here get the capabilities' wall only. */
int sandbox_enter(const struct sandbox *s, struct err *e);

#endif
