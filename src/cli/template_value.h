/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of a template: fields, variables, functions. Used by template.c only. */
#ifndef RBOX_CLI_TEMPLATE_VALUE_H
#define RBOX_CLI_TEMPLATE_VALUE_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>

/* A variable and the dot, as an inner block sees them. */
struct scope {
    const struct scope *outer;
    const char *name; /* with $; NULL: no variable */
    json_t *value;
    json_t *dot;
};

/* Value of the pipeline @words. *ret is a new reference. Errors: -EINVAL. */
int value_eval(const struct strv *words, const struct scope *s, json_t **ret, struct err *e);

/* As Go prints it: strings bare, lists [a b], objects map[k:v], null <no value>. */
void value_print(const json_t *v, struct buf *out);

/* Neither null, false, 0, "" nor empty. */
int value_is_true(const json_t *v);

#endif
