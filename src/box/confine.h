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

/* The second wall: whatever else goes wrong, no file of the host can be opened (Landlock). For
 * containers that may not mount, which it forbids; without it where the kernel has none. Not for
 * what `exec` adds: in a domain of its own it could neither trace nor look into the processes of
 * the first, /proc/1/environ say. Child side, when all mounts stand, before confine(). */
int confine_files(const struct spec *s, struct err *e);

#endif
