/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report: what a run took, told at its end: what `/usr/bin/time -v` is for a process. The
 * supervisor takes the figures (report_take()), the launcher writes them (report_write()). */
#ifndef RBOX_BOX_REPORT_H
#define RBOX_BOX_REPORT_H

#include "base/err.h"
#include "box/cgroup.h"

#include <stdint.h>

/* Plain numbers: crosses the socket as it is. */
struct report {
    int64_t wall_ns;
    uint64_t cpu_user_us; /* of what PID 1 and those it waited for used; known without a cgroup */
    uint64_t cpu_system_us;
    uint64_t largest_process_bytes; /* the peak of the one that was largest */
    struct cgroup_figures cgroup;
};

/* Fill @ret with what the reaped children of this process used; the cgroup's figures are the
 * caller's to fill in. Supervisor side, after PID 1 was reaped and before anything else is. */
void report_take(int64_t wall_ns, struct report *ret);

/* Write @r to file @path, as JSON where that ends in ".json", else as text; "-" is stderr. */
int report_write(const struct report *r, int status, const char *path, struct err *e);

/* The text, and the JSON. The caller owns them. */
char *report_text(const struct report *r, int status);
json_t *report_json(const struct report *r, int status);

#endif
