/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk space, as du(1) counts it: blocks, hard links once. Folders of the store may belong to any
 * id of the map and be closed to the caller, so the counting is a job in the mapped namespace. Host
 * side. */
#ifndef RBOX_IMAGE_USAGE_H
#define RBOX_IMAGE_USAGE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes on disk of each of @names below @dir_fd; a missing one has 0. @ret holds @count numbers. */
int usage_of(int dir_fd, const char *const *names, size_t count, int64_t *ret, struct err *e);

/* The sum of them. */
int usage_total(int dir_fd, const char *const *names, size_t count, int64_t *ret, struct err *e);

#endif
