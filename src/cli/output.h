/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where archives are written: standard output, or a file that appears under its name when it is
 * whole, and of which nothing stays if that never is; something like /dev/stdout or a FIFO is
 * written to as it is. */
#ifndef RBOX_CLI_OUTPUT_H
#define RBOX_CLI_OUTPUT_H

#include "base/err.h"

struct output {
    int fd;
    char *path;      /* NULL: standard output */
    char *part;      /* of a file: its name until it is whole; NULL: it is no regular file */
    int is_nameless; /* it has no name yet */
};

/* Open @path; NULL and "-" are standard output, which may not be a terminal (@command, "rbox save",
 * is what the hint names). The caller calls output_end(). */
int output_begin(const char *path, const char *command, struct output *ret, struct err *e);

/* Give it its name, or with @r, an error, take it away. Returns @r, or its own error. */
int output_end(struct output *o, int r, struct err *e);

#endif
