/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as hexadecimal digits, small letters: digests and ids. Pure. */
#ifndef RBOX_BASE_HEX_H
#define RBOX_BASE_HEX_H

#include <stddef.h>

/* Write two digits for each of @len bytes, and a NUL, to @ret: 2 * len + 1 bytes. */
void hex_text(const void *bytes, size_t len, char *ret);

#endif
