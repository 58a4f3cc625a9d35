/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of templates: those that docker, podman and Go's text/template have and people use.
 * Used by template_value.c only. */
#ifndef RBOX_CLI_TEMPLATE_FUNCTIONS_H
#define RBOX_CLI_TEMPLATE_FUNCTIONS_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>

enum {
    TEMPLATE_ARGS_MAX = 16
};

struct template_function {
    const char *name;
    /* A new reference in *ret, only on success. Errors: -EINVAL. */
    int (*call)(json_t *const *args, size_t count, json_t **ret, struct err *e);
    size_t min;
    size_t max;
};

/* NULL: there is none. */
const struct template_function *template_function_find(const char *name);

#endif
