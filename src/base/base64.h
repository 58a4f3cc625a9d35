/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 (RFC 4648, 4), for credentials. Pure. */
#ifndef RBOX_BASE_BASE64_H
#define RBOX_BASE_BASE64_H

#include <stddef.h>

/* The caller owns the text. */
char *base64_encode(const void *data, size_t len);

/* Decode @text; padding may be missing. NULL for anything that is not base64; else *ret_len bytes,
 * NUL-terminated one past them, the caller's. */
char *base64_decode(const char *text, size_t *ret_len);

#endif
