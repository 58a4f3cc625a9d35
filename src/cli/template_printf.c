/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template_printf.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/format.h"
#include "cli/template_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* One %-0+WIDTH.PRECISIONverb. */
struct verb {
    int is_left;
    int has_zeros;
    int has_sign;
    int width;
    int precision; /* -1: none */
    char letter;
};

/* A number at *@p, which goes behind it. */
static int read_number(const char **p, int *ret, struct err *e)
{
    int n = 0;

    for (; isdigit((unsigned char)**p); ++*p) {
        n = n * 10 + (**p - '0');
        if (n > TEMPLATE_WIDTH_MAX) {
            return err_new(e, EINVAL, "printf: no width is above %d", TEMPLATE_WIDTH_MAX);
        }
    }
    *ret = n;
    return 0;
}

/* From behind the % on. */
static int read_verb(const char **p, struct verb *ret, struct err *e)
{
    int r = 0;

    *ret = (struct verb){.precision = -1};
    for (; **p != '\0' && strchr("-0+", **p) != NULL; ++*p) {
        ret->is_left |= **p == '-';
        ret->has_zeros |= **p == '0';
        ret->has_sign |= **p == '+';
    }
    r = read_number(p, &ret->width, e);
    if (r == 0 && **p == '.') {
        ++*p;
        r = read_number(p, &ret->precision, e);
    }
    if (r == 0 && **p != '\0') {
        ret->letter = *(*p)++;
    }
    return r;
}

/* The text of @v, not yet as wide as asked for. Errors: -EINVAL it is of another type. */
static int verb_text(const struct verb *o, const json_t *v, struct buf *out, struct err *e)
{
    const char *sign = o->has_sign && json_number_value(v) >= 0 ? "+" : "";

    if (o->letter == 's' || o->letter == 'v') {
        value_print(v, out);
    } else if (o->letter == 'd' && json_is_integer(v)) {
        buf_printf(out, "%s%" JSON_INTEGER_FORMAT, sign, json_integer_value(v));
    } else if (o->letter == 'x' && json_is_integer(v)) {
        buf_printf(out, "%llx", (unsigned long long)json_integer_value(v));
    } else if (o->letter == 'f' && json_is_number(v)) {
        buf_printf(out, "%s%.*f", sign, o->precision < 0 ? 6 : o->precision, json_number_value(v));
    } else if (o->letter == 't' && json_is_boolean(v)) {
        value_print(v, out);
    } else if (o->letter == 'q' && json_is_string(v)) {
        autofree char *quoted = json_text(v);
        buf_puts(out, quoted);
    } else if (o->letter == '\0' || strchr("svdxftq", o->letter) == NULL) {
        return err_new(e, EINVAL, "printf: there are %%s %%v %%d %%x %%f %%t %%q and %%%%");
    } else {
        return err_new(e, EINVAL, "printf: the value for %%%c is none", o->letter);
    }
    return 0;
}

static int put_verb(const struct verb *o, const json_t *v, struct buf *out, struct err *e)
{
    autobuf struct buf text = {0};
    int is_number = o->letter == 'd' || o->letter == 'f' || o->letter == 'x';
    size_t max = is_number || o->precision < 0 ? SIZE_MAX : (size_t)o->precision;
    size_t count = 0;
    size_t bytes = 0;
    size_t fill = 0;
    int r = 0;

    buf_puts(&text, "");
    r = verb_text(o, v, &text, e);
    if (r < 0) {
        return r;
    }
    bytes = format_characters(text.data, max, &count);
    fill = count < (size_t)o->width ? (size_t)o->width - count : 0;
    if (is_number && o->has_zeros && !o->is_left) {
        size_t sign = strchr("+-", text.data[0]) != NULL;

        buf_add(out, text.data, sign);
        for (; fill > 0; fill--) {
            buf_puts(out, "0");
        }
        buf_add(out, text.data + sign, bytes - sign);
        return 0;
    }
    buf_printf(out, "%*s", o->is_left ? 0 : (int)fill, "");
    buf_add(out, text.data, bytes);
    buf_printf(out, "%*s", o->is_left ? (int)fill : 0, "");
    return 0;
}

int template_printf(const char *format, json_t *const *args, size_t count, struct buf *out,
                    struct err *e)
{
    size_t used = 0;
    int r = 0;

    while (r == 0 && *format != '\0') {
        size_t len = strcspn(format, "%");
        struct verb verb;

        buf_add(out, format, len);
        format += len;
        if (*format == '\0') {
            break;
        }
        format++;
        if (*format == '%') {
            buf_add(out, format++, 1);
            continue;
        }
        r = read_verb(&format, &verb, e);
        if (r == 0 && used == count) {
            r = err_new(e, EINVAL, "printf: there are fewer values than its format has");
        }
        r = r < 0 ? r : put_verb(&verb, args[used++], out, e);
    }
    if (r == 0 && used < count) {
        r = err_new(e, EINVAL, "printf: there are more values than its format has");
    }
    return r;
}
