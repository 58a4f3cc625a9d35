/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
    const unsigned char *in = data;
    struct buf out = {0};

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (n > 2 ? in[i + 2] : 0);
        char quad[4] = {DIGITS[v >> 18], DIGITS[v >> 12 & 63], n > 1 ? DIGITS[v >> 6 & 63] : '=',
                        n > 2 ? DIGITS[v & 63] : '='};

        buf_add(&out, quad, sizeof(quad));
    }
    return out.data != NULL ? out.data : xstrdup("");
}

char *base64_decode(const char *text, size_t *ret_len)
{
    size_t len = strlen(text);
    char *out = xcalloc(len + 1, 1);
    uint32_t bits = 0;
    int have = 0;

    *ret_len = 0;
    while (len > 0 && text[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        const char *digit = text[i] != '\0' ? strchr(DIGITS, text[i]) : NULL;

        if (digit == NULL) {
            free(out);
            return NULL;
        }
        bits = bits << 6 | (uint32_t)(digit - DIGITS);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*ret_len)++] = (char)(bits >> have & 0xff);
        }
    }
    return out;
}
