/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limits of a cgroup that is being made; cgroup_update() (cgroup.h) is beside it. */
#ifndef RBOX_BOX_CGROUP_LIMITS_H
#define RBOX_BOX_CGROUP_LIMITS_H

#include "base/err.h"
#include "box/cgroup.h"
#include "box/limits.h"
#include "spec/spec.h"

#include <sys/types.h>

/* Set @l, which are those of @s, on @c, by the ladder of cgroup.h, and note them there.
 * @supervisor_pid: has no affinity but that of a cpuset by best effort. @why: where @c is no
 * cgroup, the reason. Launcher side. Errors: -ENOTSUP and a hint for a limit that was asked for and
 * cannot hold. */
int cgroup_limits_set(struct cgroup *c, const struct spec *s, pid_t supervisor_pid,
                      const struct limits *l, const struct err *why, struct err *e);

#endif
