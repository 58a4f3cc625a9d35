/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of an OCI document → JSON. Its unsigned numbers of 64 bits, which jansson has not,
 * become the signed ones of the same bits. Pure. */
#ifndef RBOX_SPEC_BUNDLE_JSON_H
#define RBOX_SPEC_BUNDLE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>

/* @text ends with a NUL after its @len bytes. On success the caller owns *ret, an object. */
int bundle_json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e);

#endif
