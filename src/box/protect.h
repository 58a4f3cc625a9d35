/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the kernel's file systems the container may not write or see. */
#ifndef RBOX_BOX_PROTECT_H
#define RBOX_BOX_PROTECT_H

#include "base/err.h"
#include "spec/spec.h"

/* Set sysctls, then make paths read-only and hide the masked ones beneath @root_fd, and at last the
 * root itself read-only. Child side, once everything is mounted and the old root is gone. A path
 * that is not there needs no protection. */
int protect(const struct spec *s, int root_fd, struct err *e);

#endif
