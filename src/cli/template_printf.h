/* SPDX-License-Identifier: GPL-2.0-or-later */
/* {{printf "%-20s %5.1f%%" .Name .X}} as Go prints it. */
#ifndef RBOX_CLI_TEMPLATE_PRINTF_H
#define RBOX_CLI_TEMPLATE_PRINTF_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stddef.h>

enum {
    TEMPLATE_WIDTH_MAX = 1000
};

/* Append @format with the @count values @args put in to @out: %s %v %d %x %q %t %f %%, with -, 0,
 * +, a width and .PRECISION. Errors: -EINVAL. */
int template_printf(const char *format, json_t *const *args, size_t count, struct buf *out,
                    struct err *e);

#endif
