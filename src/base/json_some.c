/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few members out of a document, declared in json.h. What is not wanted is stepped over, not
 * parsed: that takes a twentieth of the time. */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct some {
    const char *end;
    const char *const *paths;
    json_see_fn *see;
    void *arg;
};

enum {
    PATHS_MAX = 64 /* bits of a set of them */
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
    const char *quote = p;

    while ((quote = memchr(quote, '"', (size_t)(s->end - quote))) != NULL) {
        const char *escapes = quote;

        while (escapes > p && escapes[-1] == '\\') {
            escapes--;
        }
        quote++;
        if ((quote - 1 - escapes) % 2 == 0) { /* else it is escaped itself */
            return quote;
        }
    }
    return NULL;
}

/* Behind the value at @p. Brackets are counted, not matched: who parses what is wanted sees to
 * that, and what is not wanted matters to nobody. */
static const char *skip_value(const struct some *s, const char *p)
{
    static const char MARKS[UCHAR_MAX + 1] = {
        ['"'] = '"', ['{'] = '{', ['['] = '{', ['}'] = '}', [']'] = '}', [','] = ','};
    int depth = 0;

    while (p != NULL && p < s->end) {
        char mark = MARKS[(unsigned char)*p];

        if ((mark == '}' || mark == ',') && depth == 0) {
            return p;
        }
        depth += mark == '{' ? 1 : mark == '}' ? -1 : 0;
        p = mark == '"' ? skip_string(s, p + 1) : p + 1;
        if (depth == 0 && (mark == '}' || mark == '"')) {
            return p;
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

/* Those of the paths @set, whose first @base bytes lead to the object at hand, that are @key or
 * lead into it. *ret_whole: the one that is @key, or NULL. */
static uint64_t wanted(const struct some *s, uint64_t set, size_t base, const char *key, size_t len,
                       const char *const **ret_whole)
{
    uint64_t parts = 0;

    *ret_whole = NULL;
    for (; set != 0; set &= set - 1) {
        int i = __builtin_ctzll(set);
        const char *name = s->paths[i] + base;

        if (*name != *key || strncmp(name, key, len) != 0) {
            continue;
        }
        if (name[len] == '\0') {
            *ret_whole = &s->paths[i];
            return 0;
        }
        if (name[len] == '.') {
            parts |= UINT64_C(1) << i;
        }
    }
    return parts;
}

/* The @len bytes of a value that is wanted, whose place in the list of paths is @path. */
static int see_value(const struct some *s, const char *const *path, const char *p, size_t len)
{
    json_t *v = simple_value(p, p + len);
    int r = 0;

    v = v != NULL ? v : json_loadb(p, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    r = v != NULL ? s->see(s->arg, (size_t)(path - s->paths), v) : -EINVAL;
    json_decref(v);
    return r;
}

/* The object at *at, which is '{'; *at ends up behind it. Objects within it come here only while
 * wanted paths lead into them: these, not the document, bound how deep it gets. */
static int see_object(const struct some *s, uint64_t set, size_t base, const char **at)
{
    const char *p = skip_space(s, *at + 1);

    while (p < s->end && *p == '"') {
        const char *key = p + 1;
        const char *end = skip_string(s, key);
        size_t len = end != NULL ? (size_t)(end - 1 - key) : 0;
        const char *const *whole = NULL;
        const char *value = NULL;
        uint64_t parts = 0;
        int r = 0;

        p = end != NULL ? skip_space(s, end) : s->end;
        p = p < s->end && *p == ':' ? skip_space(s, p + 1) : s->end;
        if (p == s->end) {
            return -EINVAL;
        }
        parts = wanted(s, set, base, key, len, &whole);
        value = p;
        if (parts != 0 && whole == NULL && *p == '{') {
            r = see_object(s, parts, base + len + 1, &p);
        } else {
            p = skip_value(s, p);
            r = p == NULL       ? -EINVAL
                : whole == NULL ? 0
                                : see_value(s, whole, value, (size_t)(p - value));
        }
        if (r != 0) {
            return r;
        }
        p = skip_space(s, p);
        if (p < s->end && *p == ',') {
            p = skip_space(s, p + 1);
        }
    }
    *at = p + 1;
    return p < s->end && *p == '}' ? 0 : -EINVAL;
}

int json_see_some(const char *text, size_t len, const char *const *paths, json_see_fn *see,
                  void *arg)
{
    struct some s = {.end = text + len, .paths = paths, .see = see, .arg = arg};
    const char *p = skip_space(&s, text);
    uint64_t set = 0;
    int r = -EINVAL;

    for (int i = 0; i < PATHS_MAX && paths[i] != NULL; i++) {
        set |= UINT64_C(1) << i;
    }
    if (p < s.end && *p == '{') {
        r = see_object(&s, set, 0, &p);
    }
    return r != 0 || skip_space(&s, p) == s.end ? r : -EINVAL;
}

struct gathered {
    const char *const *paths;
    json_t *root;
};

static int gather(void *arg, size_t i, json_t *v)
{
    const struct gathered *g = arg;

    json_path_set(g->root, g->paths[i], json_incref(v));
    return 0;
}

int json_parse_some(const char *text, size_t len, const char *what, const char *const *paths,
                    json_t **ret, struct err *e)
{
    struct gathered g = {.paths = paths, .root = json_object()};

    if (json_see_some(text, len, paths, gather, &g) == 0) {
        *ret = g.root;
        return 0;
    }
    json_decref(g.root);
    /* Whoever parses all of it says what is wrong. */
    return json_parse(text, len, what, ret, e);
}
