/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hex.h"

void hex_text(const void *bytes, size_t len, char *ret)
{
    static const char DIGITS[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        *ret++ = DIGITS[p[i] >> 4];
        *ret++ = DIGITS[p[i] & 15];
    }
    *ret = '\0';
}
