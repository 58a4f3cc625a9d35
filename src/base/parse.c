/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/parse.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

int parse_int64(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
    const char *p = s;
    int negative = min < 0 && *p == '-';
    int64_t v = 0;
    int wrapped = 0;

    if (negative || (*p == '+' && max > 0)) {
        p++;
    }
    if (!isdigit((unsigned char)*p)) {
        return err_new(e, EINVAL, "'%s' is not a whole number", s);
    }
    for (; isdigit((unsigned char)*p); p++) {
        int digit = *p - '0';

        wrapped |= __builtin_mul_overflow(v, 10, &v);
        wrapped |= __builtin_add_overflow(v, negative ? -digit : digit, &v);
    }
    if (*p != '\0') {
        return err_new(e, EINVAL, "'%s' is not a whole number", s);
    }
    if (wrapped || v < min || v > max) {
        return err_new(e, ERANGE, "'%s' is not from %" PRId64 " to %" PRId64, s, min, max);
    }
    *ret = v;
    return 0;
}

/* A number with an optional fraction, times @unit. Moves *@p behind the digits; the unit is known
 * only then, so this is called again with it. Returns 0, -EINVAL (no digits) or -ERANGE. */
static int scaled(const char **p, int64_t unit, int64_t *ret)
{
    const char *q = *p;
    int64_t whole = 0;
    int64_t part = 0;
    int64_t denominator = 1;

    if (!isdigit((unsigned char)*q)) {
        return -EINVAL;
    }
    for (; isdigit((unsigned char)*q); q++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *q - '0', &whole)) {
            return -ERANGE;
        }
    }
    if (*q == '.' && isdigit((unsigned char)q[1])) {
        for (q++; isdigit((unsigned char)*q); q++) {
            if (denominator < 1000000000) { /* what is finer than a billionth does not count */
                part = part * 10 + (*q - '0');
                denominator *= 10;
            }
        }
    }
    part = (int64_t)((__int128)unit * part / denominator);
    *p = q;
    if (__builtin_mul_overflow(whole, unit, ret) || __builtin_add_overflow(*ret, part, ret)) {
        return -ERANGE;
    }
    return 0;
}

/* Length of the size unit at @p (which may be empty) and its *ret_unit, or -1. */
static int size_unit(const char *p, int64_t *ret_unit)
{
    static const char LETTERS[] = "bkmgtp";
    const char *found = *p != '\0' ? strchr(LETTERS, tolower((unsigned char)*p)) : LETTERS;
    int len = 1;

    if (found == NULL) {
        return -1;
    }
    *ret_unit = (int64_t)1 << (10 * (found - LETTERS));
    if (*p == '\0') {
        return 0;
    }
    if (found > LETTERS && strcasecmp(p + 1, "ib") == 0) {
        len = 3;
    } else if (found > LETTERS && strcasecmp(p + 1, "b") == 0) {
        len = 2;
    }
    return len;
}

int parse_bytes(const char *s, int64_t *ret_bytes, struct err *e)
{
    size_t digits = strspn(s, "0123456789.");
    int64_t unit = 1;
    int len = size_unit(s + digits, &unit);
    const char *p = s;
    int r = len < 0 || s[digits + (size_t)len] != '\0' ? -EINVAL : scaled(&p, unit, ret_bytes);

    if (r == -ERANGE) {
        return err_new(e, ERANGE, "'%s' is too large a size", s);
    }
    if (r < 0 || p != s + digits) {
        return err_new(e, EINVAL, "'%s' is not a size such as 512m or 2g", s);
    }
    return 0;
}

static const struct {
    const char *name;
    int64_t ms;
} TIMES[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};

/* Length of the time unit at @p and its *ret_ms; 0 when there is none. */
static size_t time_unit(const char *p, int64_t *ret_ms)
{
    for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
        size_t len = strlen(TIMES[i].name);

        if (strncmp(p, TIMES[i].name, len) == 0) {
            *ret_ms = TIMES[i].ms;
            return len;
        }
    }
    return 0;
}

int parse_duration_ms(const char *s, int64_t *ret_ms, struct err *e)
{
    int64_t total = 0;
    const char *p = s;
    int r = *s == '\0' ? -EINVAL : 0;

    while (r == 0 && *p != '\0') {
        const char *unit_at = p + strspn(p, "0123456789.");
        int64_t unit = 1000;
        int64_t ms = 0;
        size_t len = time_unit(unit_at, &unit);

        if (len == 0 && (p != s || *unit_at != '\0')) {
            r = -EINVAL; /* a bare number is seconds only when it stands alone */
            break;
        }
        r = scaled(&p, unit, &ms);
        if (r == 0 && p != unit_at) {
            r = -EINVAL;
        }
        if (r == 0 && __builtin_add_overflow(total, ms, &total)) {
            r = -ERANGE;
        }
        p = unit_at + len;
    }
    if (r == -ERANGE) {
        return err_new(e, ERANGE, "'%s' is too long a time", s);
    }
    if (r < 0) {
        return err_new(e, EINVAL, "'%s' is not a time such as 10, 300ms or 1m30s", s);
    }
    *ret_ms = total;
    return 0;
}

int parse_decimal(const char *s, int64_t unit, int64_t *ret, struct err *e)
{
    const char *p = s;
    int r = scaled(&p, unit, ret);

    if (r < 0 || *p != '\0') {
        return err_new(e, EINVAL, "'%s' is not a number such as 1.5", s);
    }
    return 0;
}

int parse_bool(const char *s, int *ret, struct err *e)
{
    static const char *const WORDS[] = {"false", "true", "f", "t", "0", "1", "no", "yes"};

    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (strcasecmp(s, WORDS[i]) == 0) {
            *ret = i % 2 != 0;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is neither true nor false", s);
}

int parse_word(const char *s, const char *const *words, int *ret, struct err *e)
{
    autobuf struct buf known = {0};

    for (int i = 0; words[i] != NULL; i++) {
        const char *before = i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ";

        if (strcmp(s, words[i]) == 0) {
            *ret = i;
            return 0;
        }
        buf_printf(&known, "%s%s", before, words[i]);
    }
    return err_new(e, EINVAL, "'%s' is not %s", s, known.data);
}
