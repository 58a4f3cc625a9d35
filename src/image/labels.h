/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The labels of a volume or a secret: a file of its own, an object of strings. Host side. */
#ifndef RBOX_IMAGE_LABELS_H
#define RBOX_IMAGE_LABELS_H

#include "base/err.h"
#include "base/mem.h"

/* Write @labels, "K=V" each, as @name below @dir_fd, durable when this returns. */
int labels_write(int dir_fd, const char *name, const struct strv *labels, struct err *e);

/* Add those of the file @path below @dir_fd to @ret; a file that is not there has none. */
int labels_read(int dir_fd, const char *path, struct strv *ret, struct err *e);

#endif
