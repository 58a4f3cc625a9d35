/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few members out of a document, declared in json.h. What is not wanted is stepped over, not
 * parsed: that takes a twentieth of the time. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES = 128
};

struct some {
    const char *end;
    const char *const *paths;
    char path[PATH_BYTES]; /* of the member at hand */
};

static const char *skip_space(const struct some *s, const char *p)
{
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) {
        p++;
    }
    return p;
}

/* @p is behind the opening quote; NULL: there is no closing one. Most of a document is strings. */
static const char *skip_string(const struct some *s, const char *p)
{
    const char *quote = NULL;

    while ((quote = memchr(p, '"', (size_t)(s->end - p))) != NULL) {
        const char *escape = memchr(p, '\\', (size_t)(quote - p));

        if (escape == NULL) {
            return quote + 1;
        }
        p = escape + 2; /* whatever follows it, a quote too, is part of the string */
        if (p > s->end) {
            return NULL;
        }
    }
    return NULL;
}

/* Behind the value at @p. Brackets are counted, not matched: who parses what is wanted sees to
 * that, and what is not wanted matters to nobody. */
static const char *skip_value(const struct some *s, const char *p)
{
    int depth = 0;

    for (; p != NULL && p < s->end; p++) {
        if (*p == '"') {
            p = skip_string(s, p + 1);
            if (p == NULL || depth == 0) {
                return p;
            }
            p--;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']' || *p == ',') {
            if (depth == 0) {
                return p;
            }
            depth -= *p != ',';
            if (depth == 0 && *p != ',') {
                return p + 1;
            }
        }
    }
    return NULL;
}

/* An array of strings without escapes; NULL: something else. */
static json_t *simple_array(const char *p, const char *end)
{
    json_t *list = json_array();

    for (p++; p < end && *p == '"'; p++) {
        const char *quote = memchr(p + 1, '"', (size_t)(end - (p + 1)));

        if (quote == NULL || memchr(p, '\\', (size_t)(quote - p)) != NULL ||
            json_array_append_new(list, json_stringn(p + 1, (size_t)(quote - (p + 1)))) < 0) {
            break;
        }
        p = quote + 1;
        if (p < end && *p != ',') {
            break;
        }
    }
    if (p + 1 == end && *p == ']') {
        return list;
    }
    json_decref(list);
    return NULL;
}

/* What most values are, without the parser: it takes a byte at a time. NULL: something else. */
static json_t *simple_value(const char *p, const char *end)
{
    size_t len = (size_t)(end - p);
    char number[24];

    if (*p == '"') {
        return memchr(p, '\\', len) == NULL ? json_stringn(p + 1, len - 2) : NULL;
    }
    if (len < sizeof(number) && strspn(p, "-0123456789") >= len) {
        char *stop = NULL;
        json_int_t n = 0;

        memcpy(number, p, len);
        number[len] = '\0';
        errno = 0;
        n = strtoll(number, &stop, 10);
        return len > 0 && *stop == '\0' && errno == 0 ? json_integer(n) : NULL;
    }
    if (len == 4 && strncmp(p, "true", len) == 0) {
        return json_true();
    }
    if (len == 5 && strncmp(p, "false", len) == 0) {
        return json_false();
    }
    return *p == '[' ? simple_array(p, end) : NULL;
}

enum want {
    WANT_NOTHING,
    WANT_PARTS,
    WANT_ALL
};

static enum want wanted(const struct some *s)
{
    size_t len = strlen(s->path);

    for (size_t i = 0; s->paths[i] != NULL; i++) {
        if (strncmp(s->paths[i], s->path, len) == 0) {
            if (s->paths[i][len] == '\0') {
                return WANT_ALL;
            }
            if (s->paths[i][len] == '.') {
                return WANT_PARTS;
            }
        }
    }
    return WANT_NOTHING;
}

static int pick_object(struct some *s, const char **at, json_t *ret);

/* The member @key, the end of s->path, with the value at *at. */
static int pick_member(struct some *s, const char *key, const char **at, json_t *ret)
{
    enum want want = wanted(s);
    const char *value = *at;
    json_t *v = NULL;

    if (want == WANT_PARTS && *value == '{') {
        v = json_object();
        if (pick_object(s, at, v) < 0) {
            json_decref(v);
            return -EINVAL;
        }
        return json_object_set_new(ret, key, v);
    }
    *at = skip_value(s, value);
    if (*at == NULL) {
        return -EINVAL;
    }
    if (want == WANT_ALL) {
        v = simple_value(value, *at);
        v = v != NULL ? v
                      : json_loadb(value, (size_t)(*at - value),
                                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        return v != NULL ? json_object_set_new(ret, key, v) : -EINVAL;
    }
    return 0;
}

/* Add the @len bytes of @key to s->path, which is @base long. NULL: they do not fit. */
static const char *extend_path(struct some *s, size_t base, const char *key, size_t len)
{
    char *at = s->path + base;

    if (base + len + 2 > sizeof(s->path)) {
        return NULL;
    }
    if (base > 0) {
        *at++ = '.';
    }
    memcpy(at, key, len);
    at[len] = '\0';
    return at;
}

/* The object at *at, which is '{'; *at ends up behind it. Objects within it come here only while
 * s->path is the beginning of a wanted one: these, not the document, bound how deep it gets. */
static int pick_object(struct some *s, const char **at, json_t *ret)
{
    const char *p = skip_space(s, *at + 1);
    size_t base = strlen(s->path);

    while (p < s->end && *p == '"') {
        const char *end = skip_string(s, p + 1);
        const char *key =
            end != NULL ? extend_path(s, base, p + 1, (size_t)(end - 1 - (p + 1))) : NULL;

        if (key == NULL) {
            return -EINVAL;
        }
        p = skip_space(s, end);
        p = p < s->end && *p == ':' ? skip_space(s, p + 1) : s->end;
        if (p == s->end || pick_member(s, key, &p, ret) < 0) {
            return -EINVAL;
        }
        s->path[base] = '\0';
        p = skip_space(s, p);
        if (p < s->end && *p == ',') {
            p = skip_space(s, p + 1);
        }
    }
    *at = p + 1;
    return p < s->end && *p == '}' ? 0 : -EINVAL;
}

int json_parse_some(const char *text, size_t len, const char *what, const char *const *paths,
                    json_t **ret, struct err *e)
{
    struct some s = {.end = text + len, .paths = paths};
    const char *p = skip_space(&s, text);
    json_t *root = json_object();

    if (p < s.end && *p == '{' && pick_object(&s, &p, root) == 0 && skip_space(&s, p) == s.end) {
        *ret = root;
        return 0;
    }
    json_decref(root);
    /* Whoever parses all of it says what is wrong. */
    return json_parse(text, len, what, ret, e);
}
