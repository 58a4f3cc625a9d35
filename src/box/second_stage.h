/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel counts for each user namespace (RLIMIT_NPROC since Linux 5.14,
 * user.max_user_namespaces) binds all ids of a container only if it sits in one of its own, below
 * the one in which the ids were mapped. Runs in the supervisor, in the outer one. */
#ifndef RBOX_BOX_SECOND_STAGE_H
#define RBOX_BOX_SECOND_STAGE_H

#include "base/err.h"
#include "spec/spec.h"

#include <stdint.h>

/* Set what the second namespace inherits, before the child is cloned into it. @nproc_limit: 0 for
 * none. */
int second_stage_prepare(const struct spec *s, int64_t nproc_limit, struct err *e);

/* Map the ids of the child behind @pidfd, in the second one. */
int second_stage_map(const struct spec *s, int pidfd, struct err *e);

#endif
