/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last step before exec: who the command is, and what is left to it. */
#ifndef RBOX_BOX_CONFINE_H
#define RBOX_BOX_CONFINE_H

#include "base/err.h"
#include "box/seccomp.h"
#include "box/user.h"
#include "spec/spec.h"

/* Become @u with the capabilities and the filter of @s, in the only order in which the kernel takes
 * it. Child side, with all capabilities of the namespace; any failure is final. After it, nothing
 * but execve(2) may follow. @sync_fd: see seccomp_load(). */
int confine(const struct spec *s, const struct user *u, const struct seccomp_filter *f, int sync_fd,
            struct err *e);

#endif
