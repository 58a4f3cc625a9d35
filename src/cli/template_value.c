/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template_value.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARGS_MAX = 8
};

int value_is_true(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
    case JSON_FALSE:
        return 0;
    case JSON_TRUE:
        return 1;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_INTEGER:
        return json_integer_value(v) != 0;
    case JSON_REAL:
        return json_real_value(v) != 0.0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    }
    return 0;
}

static void print_list(const json_t *v, struct buf *out)
{
    size_t count = json_array_size(v);

    buf_puts(out, "[");
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? " " : "");
        value_print(json_array_get(v, i), out);
    }
    buf_puts(out, "]");
}

static void print_map(const json_t *v, struct buf *out)
{
    /* jansson's iterators want a value that is not const, and change nothing */
    json_t *map = (json_t *)(uintptr_t)v;
    const char *key = NULL;
    json_t *one = NULL;
    const char *gap = "";

    buf_puts(out, "map[");
    json_object_foreach(map, key, one)
    {
        buf_printf(out, "%s%s:", gap, key);
        value_print(one, out);
        gap = " ";
    }
    buf_puts(out, "]");
}

void value_print(const json_t *v, struct buf *out)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        buf_puts(out, json_string_value(v));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        buf_printf(out, "%g", json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_puts(out, json_is_true(v) ? "true" : "false");
        break;
    case JSON_ARRAY:
        print_list(v, out);
        break;
    case JSON_OBJECT:
        print_map(v, out);
        break;
    case JSON_NULL:
        buf_puts(out, "<no value>");
        break;
    }
}

/* ---- fields and variables */

static const struct scope *find_variable(const struct scope *s, const char *name, size_t len)
{
    for (; s != NULL; s = s->outer) {
        if (s->name != NULL && strlen(s->name) == len && strncmp(s->name, name, len) == 0) {
            return s;
        }
    }
    return NULL;
}

static int no_field(const char *name, const json_t *v, struct err *e)
{
    autobuf struct buf names = {0};
    void *at = json_object_iter((json_t *)(uintptr_t)v);

    (void)err_new(e, EINVAL, "there is no field '.%s'", name);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)v, at)) {
        buf_printf(&names, "%s.%s", names.len > 0 ? " " : "", json_object_iter_key(at));
    }
    return names.len > 0 ? err_hint(e, "%s", names.data) : -EINVAL;
}

/* Follow @path (".A.B", or "" for the value itself) from @v. Borrowed. */
static int follow(json_t *v, const char *path, json_t **ret, struct err *e)
{
    while (*path == '.' && path[1] != '\0') {
        size_t len = strcspn(path + 1, ".");
        autofree char *name = xstrndup(path + 1, len);
        json_t *next = json_object_get(v, name);

        if (next == NULL) {
            return no_field(name, v, e);
        }
        v = next;
        path += 1 + len;
    }
    if (path[0] != '\0' && strcmp(path, ".") != 0) {
        return err_new(e, EINVAL, "'%s' is not a field", path);
    }
    *ret = v;
    return 0;
}

/* One operand: .field, $variable.field, "string", number, true, false, nil. New reference. */
static int operand(const char *word, const struct scope *s, json_t **ret, struct err *e)
{
    json_t *v = NULL;
    int64_t number = 0;
    int r = 0;

    if (word[0] == '"') {
        *ret = json_str(word + 1);
        return 0;
    }
    if (word[0] == '.') {
        r = follow(s->dot, word, &v, e);
    } else if (word[0] == '$') {
        size_t len = strcspn(word, ".");
        const struct scope *variable = find_variable(s, word, len);

        if (variable == NULL) {
            return err_new(e, EINVAL, "there is no variable '%s'", word);
        }
        r = follow(variable->value, word + len, &v, e);
    } else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        v = json_boolean(word[0] == 't');
    } else if (strcmp(word, "nil") == 0) {
        v = json_null();
    } else if (parse_int64(word, INT64_MIN, INT64_MAX, &number, e) == 0) {
        *ret = json_integer(number);
        return 0;
    } else {
        return err_new(e, EINVAL, "'%s' is neither a field nor a function", word);
    }
    if (r == 0) {
        *ret = json_incref(v);
    }
    return r;
}

/* ---- functions; each gives a new reference */

typedef int function(json_t *const *args, size_t count, json_t **ret, struct err *e);

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

static int fn_index(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    json_t *v = NULL;

    (void)count;
    if (json_is_array(args[0]) && json_is_integer(args[1]) && json_integer_value(args[1]) >= 0) {
        v = json_array_get(args[0], (size_t)json_integer_value(args[1]));
        if (v == NULL) {
            return err_new(e, EINVAL, "index: there is no element %" JSON_INTEGER_FORMAT,
                           json_integer_value(args[1]));
        }
    } else if (json_is_object(args[0]) && json_is_string(args[1])) {
        v = json_object_get(args[0], json_string_value(args[1]));
    } else {
        return err_new(e, EINVAL, "index takes a list and a number, or an object and a string");
    }
    *ret = v != NULL ? json_incref(v) : json_null();
    return 0;
}

static int fn_eq(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = json_boolean(json_equal(args[0], args[1]));
    return 0;
}

static int fn_ne(json_t *const *args, size_t count, json_t **ret, struct err *e)
{
    (void)count;
    (void)e;
    *ret = json_boolean(!json_equal(args[0], args[1]));
    return 0;
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

static const struct {
    const char *name;
    function *call;
    size_t min;
    size_t max;
} FUNCTIONS[] = {
    {"json", fn_json, 1, 1},      {"upper", fn_upper, 1, 1},  {"lower", fn_lower, 1, 1},
    {"len", fn_len, 1, 1},        {"join", fn_join, 2, 2},    {"index", fn_index, 2, 2},
    {"eq", fn_eq, 2, 2},          {"ne", fn_ne, 2, 2},        {"not", fn_not, 1, 1},
    {"and", fn_and, 1, ARGS_MAX}, {"or", fn_or, 1, ARGS_MAX},
};

/* ---- pipelines */

/* One command of a pipeline: an operand alone, or a function and its operands. */
struct command {
    char *const *words;
    size_t count;
    json_t *piped; /* the last operand, or NULL */
};

static int eval_command(const struct command *c, const struct scope *s, json_t **ret, struct err *e)
{
    json_t *args[ARGS_MAX] = {NULL};
    size_t count = 0;
    size_t f = 0;
    int r = 0;

    while (f < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]) &&
           strcmp(FUNCTIONS[f].name, c->words[0]) != 0) {
        f++;
    }
    if (f == sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0])) {
        if (c->count > 1 || c->piped != NULL) {
            return err_new(e, EINVAL, "'%s' is not a function", c->words[0]);
        }
        return operand(c->words[0], s, ret, e);
    }
    for (size_t i = 1; r == 0 && i < c->count && count < ARGS_MAX; i++) {
        r = operand(c->words[i], s, &args[count], e);
        count += r == 0;
    }
    if (r == 0 && c->piped != NULL && count < ARGS_MAX) {
        args[count++] = json_incref(c->piped);
    }
    if (r == 0 && (count < FUNCTIONS[f].min || count > FUNCTIONS[f].max)) {
        r = err_new(e, EINVAL, "%s takes %zu value%s", FUNCTIONS[f].name, FUNCTIONS[f].min,
                    FUNCTIONS[f].min == 1 ? "" : "s");
    }
    r = r < 0 ? r : FUNCTIONS[f].call(args, count, ret, e);
    for (size_t i = 0; i < count; i++) {
        json_decref(args[i]);
    }
    return r;
}

int value_eval(const struct strv *words, const struct scope *s, json_t **ret, struct err *e)
{
    json_t *piped = NULL;
    size_t from = 0;

    while (from <= words->len) {
        size_t end = from;
        json_t *v = NULL;
        int r = 0;

        while (end < words->len && strcmp(words->v[end], "|") != 0) {
            end++;
        }
        r = end == from
                ? err_new(e, EINVAL, "the template has '|' where it cannot be")
                : eval_command(&(struct command){words->v + from, end - from, piped}, s, &v, e);
        json_decref(piped);
        if (r < 0) {
            return r;
        }
        piped = v;
        from = end + 1;
    }
    *ret = piped;
    return 0;
}
