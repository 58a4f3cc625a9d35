/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template_value.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/template_functions.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Objects whose keys are the user's: in Go these are maps, where a key that is not there is no
 * error. */
static int is_map(const char *name, size_t len)
{
    static const char *const MAPS[] = {"Labels",   "Annotations", "Ports",
                                       "Networks", "Options",     "PortBindings"};

    for (size_t i = 0; i < sizeof(MAPS) / sizeof(MAPS[0]); i++) {
        if (strlen(MAPS[i]) == len && strncmp(name, MAPS[i], len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Is @key, of JSON ("ipv6_enabled"), what Go's struct calls @name ("IPv6Enabled")? */
static int is_same_field(const char *name, const char *key)
{
    for (; *key != '\0'; key++) {
        if (*key == '_') {
            continue;
        }
        if (isupper((unsigned char)*key) || tolower((unsigned char)*name) != *key) {
            return 0;
        }
        name++;
    }
    return *name == '\0';
}

/* docker's and podman's objects write the id in one way or the other; podman's of networks have
 * their fields in JSON's way, and templates in Go's. */
static json_t *find_other_spelling(json_t *v, const char *name)
{
    const char *key = NULL;
    json_t *value = NULL;

    if (strcmp(name, "ID") == 0 && (value = json_object_get(v, "Id")) != NULL) {
        return value;
    }
    if (strcmp(name, "Id") == 0 && (value = json_object_get(v, "ID")) != NULL) {
        return value;
    }
    json_object_foreach(v, key, value)
    {
        if (isupper((unsigned char)name[0]) && is_same_field(name, key)) {
            return value;
        }
    }
    return NULL;
}

/* Follow @path (".A.B", or "" for the value itself) from @v. Borrowed. */
static int follow(json_t *v, const char *path, json_t **ret, struct err *e)
{
    const char *parent = path; /* the name before, none at first */
    size_t parent_len = 0;

    while (*path == '.' && path[1] != '\0') {
        size_t len = strcspn(path + 1, ".");
        char room[64]; /* for all but some labels' */
        autofree char *longer = len < sizeof(room) ? NULL : xstrndup(path + 1, len);
        const char *name = longer != NULL ? longer : room;
        json_t *next = NULL;

        if (longer == NULL) {
            memcpy(room, path + 1, len);
            room[len] = '\0';
        }
        next = json_object_get(v, name);
        if (next == NULL && !is_map(parent, parent_len)) {
            next = find_other_spelling(v, name);
            if (next == NULL) {
                return no_field(name, v, e);
            }
        }
        v = next != NULL ? next : json_null();
        parent = path + 1;
        parent_len = len;
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
    double real = 0;
    char *end = NULL;
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
    } else if (isdigit((unsigned char)word[0]) &&
               (real = strtod(word, &end), *end == '\0' && isfinite(real))) {
        err_clear(e);
        *ret = json_real(real);
        return 0;
    } else {
        return err_new(e, EINVAL, "'%s' is neither a field nor a function", word);
    }
    if (r == 0) {
        *ret = json_incref(v);
    }
    return r;
}

/* ---- pipelines */

/* Where the words of a pipeline are read. */
struct words {
    char *const *v;
    size_t count;
    size_t at;
    int depth; /* of parentheses */
};

enum {
    PARENTHESES_MAX = 16
};

static int ends_command(const struct words *w)
{
    return w->at == w->count || w->v[w->at][0] == '|' || w->v[w->at][0] == ')';
}

static int pipeline(struct words *w, const struct scope *s, json_t **ret, struct err *e);

/* A word, or a pipeline in parentheses and the fields behind them. New reference. */
static int argument(struct words *w, const struct scope *s, json_t **ret, struct err *e)
{
    json_auto_t *inner = NULL;
    json_t *v = NULL;
    int r = 0;

    if (w->v[w->at][0] != '(') {
        return operand(w->v[w->at++], s, ret, e);
    }
    if (++w->depth > PARENTHESES_MAX) {
        return err_new(e, EINVAL, "the template is nested too deeply");
    }
    w->at++;
    r = pipeline(w, s, &inner, e);
    if (r == 0 && (w->at == w->count || w->v[w->at][0] != ')')) {
        r = err_new(e, EINVAL, "the template has ( without )");
    }
    r = r < 0 ? r : follow(inner, w->v[w->at++] + 1, &v, e);
    w->depth--;
    *ret = r < 0 ? NULL : json_incref(v);
    return r;
}

/* docker's {{.Label "KEY"}} of listings. */
static int label(struct words *w, const struct scope *s, json_t **ret, struct err *e)
{
    json_auto_t *labels = NULL;
    json_auto_t *key = NULL;
    int r = operand(".Labels", s, &labels, e);

    w->at++;
    r = r < 0 ? r : argument(w, s, &key, e);
    if (r == 0) {
        json_t *v = json_object_get(labels, json_is_string(key) ? json_string_value(key) : "");
        *ret = v != NULL ? json_incref(v) : json_string("");
    }
    return r;
}

/* One command of a pipeline: an operand alone, or a function and its operands, of which @piped is
 * the last, or NULL. */
static int command(struct words *w, const struct scope *s, json_t *piped, json_t **ret,
                   struct err *e)
{
    const char *name = w->at < w->count ? w->v[w->at] : "|";
    const struct template_function *f = name[0] == '.' ? NULL : template_function_find(name);
    json_t *args[TEMPLATE_ARGS_MAX] = {NULL};
    size_t count = 0;
    int r = 0;

    if (name[0] == '|' || name[0] == ')') {
        return err_new(e, EINVAL, "the template has '%c' where it cannot be", name[0]);
    }
    if (f == NULL) {
        r = strcmp(name, ".Label") == 0 && w->at + 1 < w->count ? label(w, s, ret, e)
                                                                : argument(w, s, ret, e);
        if (r == 0 && (!ends_command(w) || piped != NULL)) {
            json_decref(*ret);
            *ret = NULL;
            r = err_new(e, EINVAL, "'%s' is not a function", name);
        }
        return r;
    }
    w->at++;
    while (r == 0 && !ends_command(w)) {
        r = count == TEMPLATE_ARGS_MAX ? err_new(e, EINVAL, "%s: too many values", name)
                                       : argument(w, s, &args[count], e);
        count += r == 0;
    }
    if (r == 0 && piped != NULL && count < TEMPLATE_ARGS_MAX) {
        args[count++] = json_incref(piped);
    }
    if (r == 0 && (count < f->min || count > f->max)) {
        r = err_new(e, EINVAL, "%s takes %zu value%s", name, f->min, f->min == 1 ? "" : "s");
    }
    r = r < 0 ? r : f->call(args, count, ret, e);
    for (size_t i = 0; i < count; i++) {
        json_decref(args[i]);
    }
    return r;
}

static int pipeline(struct words *w, const struct scope *s, json_t **ret, struct err *e)
{
    json_t *v = NULL;
    int r = command(w, s, NULL, &v, e);

    while (r == 0 && w->at < w->count && w->v[w->at][0] == '|') {
        json_auto_t *piped = v;

        v = NULL;
        w->at++;
        r = command(w, s, piped, &v, e);
    }
    *ret = v;
    return r;
}

int value_eval(const struct strv *words, const struct scope *s, json_t **ret, struct err *e)
{
    struct words w = {.v = words->v, .count = words->len};
    json_t *v = NULL;
    int r = pipeline(&w, s, &v, e);

    if (r == 0 && w.at < w.count) {
        json_decref(v);
        return err_new(e, EINVAL, "the template has ')' where it cannot be");
    }
    *ret = v;
    return r;
}
