/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other limits for a container that is there, running or not: its cgroup and its config.json, both
 * or neither. Host side. */
#ifndef RBOX_BOX_UPDATE_H
#define RBOX_BOX_UPDATE_H

#include "base/err.h"
#include "spec/spec.h"

/* No limit, instead of one that there is: for memory_max_bytes and cpu_quota_us of what is asked.
 */
#define UPDATE_LIFT (-2)

/* Change what @asked has set of the limits of the container whose config.json is in @dir_fd; what
 * it leaves as spec_init() has it stays. @run_fd is where the cgroup of one that runs is saved; -1:
 * it does not run, and what could not hold at its next start is refused. One at a time: waits for
 * another. Errors as limits_plan() and cgroup_update(). */
int update_limits(int dir_fd, int run_fd, const struct spec_resources *asked, struct err *e);

#endif
