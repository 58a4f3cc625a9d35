/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/bundle_json.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers: OCI has unsigned ones of 64 bits, jansson has not */

/* Write what stands for the digits @s, of @len, which may be more than a signed number holds. */
static void put_number(struct buf *b, const char *s, size_t len)
{
    autofree char *digits = xstrndup(s, len);
    uint64_t n = 0;

    errno = 0;
    n = strtoull(digits, NULL, 10);
    if (errno == 0 && n > INT64_MAX) {
        buf_printf(b, "%" PRId64, (int64_t)n);
    } else {
        buf_add(b, s, len);
    }
}

/* RLIM_INFINITY and masks come as 18446744073709551615: the same bits as a signed number. */
static struct buf narrow_numbers(const char *text, size_t len)
{
    struct buf b = {0};
    int in_string = 0;

    buf_puts(&b, "");
    for (size_t i = 0; i < len;) {
        size_t digits = in_string ? 0 : strspn(text + i, "0123456789");

        if (digits >= 19 && strchr(".eE", text[i + digits]) == NULL &&
            (i == 0 || text[i - 1] != '-')) {
            put_number(&b, text + i, digits);
            i += digits;
            continue;
        }
        if (in_string && text[i] == '\\' && i + 1 < len) {
            buf_add(&b, text + i, 2);
            i += 2;
            continue;
        }
        in_string ^= text[i] == '"';
        buf_add(&b, text + i, 1);
        i++;
    }
    return b;
}

int bundle_json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e)
{
    autobuf struct buf narrow = narrow_numbers(text, len);
    int r = json_parse(narrow.data, narrow.len, what, ret, e);

    if (r == 0 && !json_is_object(*ret)) {
        json_decref(*ret);
        *ret = NULL;
        return err_new(e, EINVAL, "%s is not an object", what);
    }
    return r;
}
