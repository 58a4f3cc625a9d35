/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template_functions.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/format.h"
#include "cli/template_printf.h"
#include "cli/template_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *take_string(char *s)
{
    json_t *v = json_str(s);

    free(s);
    return v;
}

static char *printed(const json_t *v)
{
    struct buf b = {0};

    buf_puts(&b, "");
    value_print(v, &b);
    return b.data;
}

/* ---- text */

static int fn_json(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = take_string(json_text(args[0]));
    return 0;
}

static json_t *mapped(const json_t *v, int (*map)(int))
{
    char *s = printed(v);

    for (char *p = s; *p != '\0'; p++) {
        *p = (char)map((unsigned char)*p);
    }
    return take_string(s);
}

static int fn_upper(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = mapped(args[0], toupper);
    return 0;
}

static int fn_lower(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = mapped(args[0], tolower);
    return 0;
}

/* The first letter of each word in upper case. */
static int fn_title(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    char *s = printed(args[0]);
    int is_first = 1;

    (void)count;
    (void)e;
    for (char *p = s; *p != '\0'; p++) {
        *p = is_first ? (char)toupper((unsigned char)*p) : *p;
        is_first = isspace((unsigned char)*p) != 0;
    }
    *ret = take_string(s);
    return 0;
}

static int fn_join(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    struct buf b = {0};

    (void)count;
    if (!json_is_array(args[0]) || !json_is_string(args[1])) {
        return err_new(e, EINVAL, "join takes a list and a string");
    }
    buf_puts(&b, "");
    for (size_t i = 0; i < json_array_size(args[0]); i++) {
        buf_puts(&b, i > 0 ? json_string_value(args[1]) : "");
        value_print(json_array_get(args[0], i), &b);
    }
    *ret = take_string(b.data);
    return 0;
}

/* {{split .Image "/"}} */
static int fn_split(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    const char *text = json_string_value(args[0]);
    const char *gap = json_string_value(args[1]);
    json_t *list = NULL;

    (void)count;
    if (text == NULL || gap == NULL || *gap == '\0') {
        return err_new(e, EINVAL, "split takes a string and what is between its parts");
    }
    list = json_array();
    for (const char *end = NULL; (end = strstr(text, gap)) != NULL; text = end + strlen(gap)) {
        (void)json_array_append_new(list, take_string(xstrndup(text, (size_t)(end - text))));
    }
    (void)json_array_append_new(list, json_str(text));
    *ret = list;
    return 0;
}

/* {{truncate .Names 10}}: not more than so many characters. */
static int fn_truncate(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    const char *text = json_string_value(args[0]);
    json_int_t max = json_integer_value(args[1]);

    if (text == NULL || !json_is_integer(args[1])) {
        return err_new(e, EINVAL, "truncate takes a string and a number");
    }
    *ret = take_string(xstrndup(text, format_characters(text, max > 0 ? (size_t)max : 0, &count)));
    return 0;
}

/* {{pad .Names 1 2}}: blanks before and behind, if there is anything. */
static int fn_pad(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    const char *text = json_string_value(args[0]);
    json_int_t before = json_integer_value(args[1]);
    json_int_t behind = json_integer_value(args[2]);

    (void)count;
    if (text == NULL || before < 0 || behind < 0 || before > TEMPLATE_WIDTH_MAX ||
        behind > TEMPLATE_WIDTH_MAX) {
        return err_new(e, EINVAL, "pad takes a string and two numbers");
    }
    *ret = *text == '\0'
               ? json_string("")
               : take_string(xasprintf("%*s%s%*s", (int)before, "", text, (int)behind, ""));
    return 0;
}

/* With blanks between values neither of which is a string. */
static int fn_print(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    struct buf b = {0};

    (void)e;
    buf_puts(&b, "");
    for (size_t i = 0; i < count; i++) {
        int has_gap = i > 0 && !json_is_string(args[i]) && !json_is_string(args[i - 1]);

        buf_puts(&b, has_gap ? " " : "");
        value_print(args[i], &b);
    }
    *ret = take_string(b.data);
    return 0;
}

static int fn_println(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    struct buf b = {0};

    (void)e;
    for (size_t i = 0; i < count; i++) {
        buf_puts(&b, i > 0 ? " " : "");
        value_print(args[i], &b);
    }
    buf_puts(&b, "\n");
    *ret = take_string(b.data);
    return 0;
}

static int fn_printf(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    autobuf struct buf b = {0};
    int r = 0;

    buf_puts(&b, "");
    if (!json_is_string(args[0])) {
        return err_new(e, EINVAL, "printf takes a format first");
    }
    r = template_printf(json_string_value(args[0]), args + 1, count - 1, &b, e);
    *ret = r < 0 ? NULL : json_str(b.data);
    return r;
}

/* ---- parts */

static int fn_len(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    const json_t *v = args[0];

    (void)count;
    if (json_is_string(v)) {
        *ret = json_integer((json_int_t)json_string_length(v));
    } else if (json_is_array(v) || json_is_object(v)) {
        *ret =
            json_integer((json_int_t)(json_is_array(v) ? json_array_size(v) : json_object_size(v)));
    } else {
        return err_new(e, EINVAL, "len: the value has no length");
    }
    return 0;
}

/* One step of {{index .A "key" 0}}. Borrowed. */
static int element(json_t *of, const json_t *at, json_t **ret, struct err *e)
{
    json_t *v = NULL;

    if (json_is_array(of) && json_is_integer(at) && json_integer_value(at) >= 0) {
        v = json_array_get(of, (size_t)json_integer_value(at));
        if (v == NULL) {
            return err_new(e, EINVAL, "index: there is no element %" JSON_INTEGER_FORMAT,
                           json_integer_value(at));
        }
    } else if (json_is_object(of) && json_is_string(at)) {
        v = json_object_get(of, json_string_value(at));
    } else {
        return err_new(e, EINVAL, "index takes a list and a number, or an object and a string");
    }
    *ret = v;
    return 0;
}

/* A key that is not there is "", as in Go's maps of strings. */
static int fn_index(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    json_t *v = args[0];
    int r = 0;

    for (size_t i = 1; r == 0 && v != NULL && i < count; i++) {
        r = element(v, args[i], &v, e);
    }
    *ret = r < 0 ? NULL : v != NULL ? json_incref(v) : json_string("");
    return r;
}

/* {{slice .ID 0 12}}: of a string by bytes, or of a list. */
static int fn_slice(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    int is_text = json_is_string(args[0]);
    size_t len = is_text ? json_string_length(args[0]) : json_array_size(args[0]);
    size_t limits[2] = {0, len};
    json_t *list = NULL;

    if (!is_text && !json_is_array(args[0])) {
        return err_new(e, EINVAL, "slice takes a string or a list, and one or two numbers");
    }
    for (size_t i = 1; i < count; i++) {
        if (!json_is_integer(args[i]) || json_integer_value(args[i]) < 0 ||
            (size_t)json_integer_value(args[i]) > len) {
            return err_new(e, EINVAL, "slice: the value has %zu elements", len);
        }
        limits[i - 1] = (size_t)json_integer_value(args[i]);
    }
    if (limits[0] > limits[1]) {
        return err_new(e, EINVAL, "slice: the end is before the start");
    }
    if (is_text) {
        *ret = take_string(xstrndup(json_string_value(args[0]) + limits[0], limits[1] - limits[0]));
        return 0;
    }
    list = json_array();
    for (size_t i = limits[0]; i < limits[1]; i++) {
        (void)json_array_append(list, json_array_get(args[0], i));
    }
    *ret = list;
    return 0;
}

/* ---- truth */

/* The first is one of the others. */
static int fn_eq(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    int is_equal = 0;

    (void)e;
    for (size_t i = 1; i < count; i++) {
        is_equal |= json_equal(args[0], args[i]);
    }
    *ret = json_boolean(is_equal);
    return 0;
}

static int fn_ne(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = json_boolean(!json_equal(args[0], args[1]));
    return 0;
}

/* Below, at or above 0, as the first is less, equal or greater. */
static int order(json_t *const *args, int *ret, struct err *e)
{
    double difference = 0;

    if (json_is_number(args[0]) && json_is_number(args[1])) {
        difference = json_number_value(args[0]) - json_number_value(args[1]);
    } else if (json_is_string(args[0]) && json_is_string(args[1])) {
        difference = strcmp(json_string_value(args[0]), json_string_value(args[1]));
    } else {
        return err_new(e, EINVAL, "only two numbers or two strings are less or greater");
    }
    *ret = (difference > 0) - (difference < 0);
    return 0;
}

/* Is the order of the two between @least and @most? */
static int ordered(json_t *const *args, int least, int most, json_t **ret, struct err *e)
{
    int way = 0;
    int r = order(args, &way, e);

    *ret = r < 0 ? NULL : json_boolean(way >= least && way <= most);
    return r;
}

static int fn_lt(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    return ordered(args, -1, -1, ret, e);
}

static int fn_le(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    return ordered(args, -1, 0, ret, e);
}

static int fn_gt(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    return ordered(args, 1, 1, ret, e);
}

static int fn_ge(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    return ordered(args, 0, 1, ret, e);
}

static int fn_not(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = json_boolean(!value_is_true(args[0]));
    return 0;
}

/* and, or: the first value that decides, as in Go. */
static int fn_and(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    size_t i = 0;

    (void)e;
    while (i + 1 < count && value_is_true(args[i])) {
        i++;
    }
    *ret = json_incref(args[i]);
    return 0;
}

static int fn_or(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    size_t i = 0;

    (void)e;
    while (i + 1 < count && !value_is_true(args[i])) {
        i++;
    }
    *ret = json_incref(args[i]);
    return 0;
}

static const struct template_function FUNCTIONS[] = {
    {"json", fn_json, 1, 1},
    {"upper", fn_upper, 1, 1},
    {"lower", fn_lower, 1, 1},
    {"title", fn_title, 1, 1},
    {"join", fn_join, 2, 2},
    {"split", fn_split, 2, 2},
    {"truncate", fn_truncate, 2, 2},
    {"pad", fn_pad, 3, 3},
    {"print", fn_print, 0, TEMPLATE_ARGS_MAX},
    {"println", fn_println, 0, TEMPLATE_ARGS_MAX},
    {"printf", fn_printf, 1, TEMPLATE_ARGS_MAX},
    {"len", fn_len, 1, 1},
    {"index", fn_index, 2, TEMPLATE_ARGS_MAX},
    {"slice", fn_slice, 2, 3},
    {"eq", fn_eq, 2, TEMPLATE_ARGS_MAX},
    {"ne", fn_ne, 2, 2},
    {"lt", fn_lt, 2, 2},
    {"le", fn_le, 2, 2},
    {"gt", fn_gt, 2, 2},
    {"ge", fn_ge, 2, 2},
    {"not", fn_not, 1, 1},
    {"and", fn_and, 1, TEMPLATE_ARGS_MAX},
    {"or", fn_or, 1, TEMPLATE_ARGS_MAX},
};

const struct template_function *template_function_find(const char *name)
{
    for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]); i++) {
        if (strcmp(FUNCTIONS[i].name, name) == 0) {
            return &FUNCTIONS[i];
        }
    }
    return NULL;
}
