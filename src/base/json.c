/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e)
{
    json_error_t je;
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

    if (v == NULL) {
        return err_new(e, EINVAL, "%s is not valid JSON: %s (line %d, column %d)", what, je.text,
                       je.line, je.column);
    }
    *ret = v;
    return 0;
}

char *json_text(const json_t *v)
{
    char *s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    return s != NULL ? s : xstrdup("null");
}

/* The object that holds the last part of @path below @root, which goes to *ret_key. Missing
 * sections are made when @make. */
static json_t *section(json_t *root, const char *path, int make, const char **ret_key)
{
    json_t *at = root;
    const char *dot = NULL;

    while (at != NULL && (dot = strchr(path, '.')) != NULL) {
        autofree char *name = xstrndup(path, (size_t)(dot - path));
        json_t *next = json_object_get(at, name);

        if (next == NULL && make) {
            next = json_object();
            (void)json_object_set_new(at, name, next);
        }
        at = json_is_object(next) ? next : NULL;
        path = dot + 1;
    }
    *ret_key = path;
    return at;
}

json_t *json_path_get(json_t *root, const char *path)
{
    const char *key = NULL;
    json_t *at = section(root, path, 0, &key);

    return json_object_get(at, key);
}

void json_path_set(json_t *root, const char *path, json_t *value)
{
    const char *key = NULL;
    json_t *at = section(root, path, 1, &key);

    (void)json_object_set_new(at, key, value);
}

/* The field, or NULL where it is missing or null. */
static json_t *field(const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);

    return json_is_null(v) ? NULL : v;
}

static int wrong_type(const char *key, const char *what, const char *wanted, struct err *e)
{
    return err_new(e, EINVAL, "%s: field '%s' is not %s", what, key, wanted);
}

int json_get_string(const json_t *o, const char *key, const char *what, const char **ret,
                    struct err *e)
{
    json_t *v = field(o, key);

    if (v == NULL) {
        return 0;
    }
    if (!json_is_string(v)) {
        return wrong_type(key, what, "a string", e);
    }
    *ret = json_string_value(v);
    return 0;
}

int json_get_int(const json_t *o, const char *key, const char *what, int64_t *ret, struct err *e)
{
    json_t *v = field(o, key);

    if (v == NULL) {
        return 0;
    }
    if (!json_is_integer(v)) {
        return wrong_type(key, what, "an integer", e);
    }
    *ret = json_integer_value(v);
    return 0;
}

int json_get_bool(const json_t *o, const char *key, const char *what, int *ret, struct err *e)
{
    json_t *v = field(o, key);

    if (v == NULL) {
        return 0;
    }
    if (!json_is_boolean(v)) {
        return wrong_type(key, what, "true or false", e);
    }
    *ret = json_is_true(v);
    return 0;
}

int json_get_object(const json_t *o, const char *key, const char *what, json_t **ret, struct err *e)
{
    json_t *v = field(o, key);

    if (v == NULL) {
        return 0;
    }
    if (!json_is_object(v)) {
        return wrong_type(key, what, "an object", e);
    }
    *ret = v;
    return 0;
}

int json_get_array(const json_t *o, const char *key, const char *what, json_t **ret, struct err *e)
{
    json_t *v = field(o, key);

    if (v == NULL) {
        return 0;
    }
    if (!json_is_array(v)) {
        return wrong_type(key, what, "an array", e);
    }
    *ret = v;
    return 0;
}

int json_get_strv(const json_t *o, const char *key, const char *what, struct strv *ret,
                  struct err *e)
{
    json_t *array = NULL;
    json_t *v = NULL;
    size_t i = 0;
    int r = json_get_array(o, key, what, &array, e);

    if (r < 0 || array == NULL) {
        return r;
    }
    json_array_foreach(array, i, v)
    {
        if (!json_is_string(v)) {
            return wrong_type(key, what, "an array of strings", e);
        }
        strv_push(ret, json_string_value(v));
    }
    return 0;
}

json_t *json_from_strv(const struct strv *l)
{
    json_t *array = json_array();

    for (size_t i = 0; i < l->len; i++) {
        (void)json_array_append_new(array, json_str(l->v[i]));
    }
    return array;
}

json_t *json_from_pairs(const struct strv *l)
{
    json_t *o = json_object();

    for (size_t i = 0; i < l->len; i++) {
        autofree char *key = xstrndup(l->v[i], strcspn(l->v[i], "="));
        const char *value = l->v[i] + strlen(key);

        (void)json_object_set_new(o, key, json_str(*value == '=' ? value + 1 : value));
    }
    return o;
}

void json_to_pairs(const json_t *o, struct strv *ret)
{
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        strv_pushf(ret, "%s=%s", key, json_is_string(value) ? json_string_value(value) : "");
    }
}

json_t *json_str(const char *s)
{
    json_t *v = json_string(s);
    autobuf struct buf b = {0};

    if (v != NULL) {
        return v;
    }
    buf_puts(&b, "");
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
        if (*p < 0x80) {
            buf_add(&b, p, 1);
        } else {
            buf_printf(&b, "\\x%02x", *p);
        }
    }
    return json_string(b.data);
}
