/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"

#include "base/exitcode.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
    static const char text[] = "rbox: out of memory\n";

    if (p == NULL) {
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
        _exit(EXITCODE_RBOX);
    }
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *p, size_t count, size_t size)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return checked(NULL);
    }
    return checked(realloc(p, bytes > 0 ? bytes : 1));
}

char *xstrdup(const char *s)
{
    return checked(strdup(s));
}

char *xstrdup_null(const char *s)
{
    return s != NULL ? xstrdup(s) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

void xreplace(char **s, const char *by)
{
    if (by != NULL) {
        char *copy = xstrdup(by);

        free(*s);
        *s = copy;
    }
}

void *xmemdup(const void *p, size_t size)
{
    void *copy = xmalloc(size);

    memcpy(copy, p, size);
    return copy;
}

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
    char *s = NULL;

    if (vasprintf(&s, fmt, ap) < 0) {
        return checked(NULL);
    }
    return s;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;

    va_start(ap, fmt);
    s = format(fmt, ap);
    va_end(ap);
    return s;
}

void strv_take(struct strv *l, char *s)
{
    /* Powers of two: room is added when the count reaches one (terminator included). */
    size_t need = l->len + 2;

    if (l->v == NULL || (need & (need - 1)) == 0) {
        size_t cap = 4;

        while (cap < need + 1) {
            cap *= 2;
        }
        l->v = xrealloc(l->v, cap, sizeof(*l->v));
    }
    l->v[l->len++] = s;
    l->v[l->len] = NULL;
}

void strv_push(struct strv *l, const char *s)
{
    strv_take(l, xstrdup(s));
}

void strv_pushf(struct strv *l, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strv_take(l, format(fmt, ap));
    va_end(ap);
}

void strv_append(struct strv *l, const struct strv *other)
{
    for (size_t i = 0; i < other->len; i++) {
        strv_push(l, other->v[i]);
    }
}

void strv_split(struct strv *l, const char *s, char sep)
{
    while (*s != '\0') {
        const char *end = strchrnul(s, sep);

        strv_take(l, xstrndup(s, (size_t)(end - s)));
        if (*end == '\0') {
            return;
        }
        s = end + 1;
        if (*s == '\0') {
            strv_push(l, "");
        }
    }
}

void strv_remove(struct strv *l, size_t i)
{
    free(l->v[i]);
    memmove(&l->v[i], &l->v[i + 1], (l->len - i) * sizeof(*l->v));
    l->len--;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
    if (l->len > 1) {
        qsort(l->v, l->len, sizeof(*l->v), compare_strings);
    }
}

int strv_has_sorted(const struct strv *l, const char *s)
{
    return l->len > 0 && bsearch(&s, l->v, l->len, sizeof(*l->v), compare_strings) != NULL;
}

void strv_done(struct strv *l)
{
    for (size_t i = 0; i < l->len; i++) {
        free(l->v[i]);
    }
    free(l->v);
    l->v = NULL;
    l->len = 0;
}

int strv_has(const struct strv *l, const char *s)
{
    for (size_t i = 0; l != NULL && i < l->len; i++) {
        if (strcmp(l->v[i], s) == 0) {
            return 1;
        }
    }
    return 0;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len >= SIZE_MAX / 2 - b->len) {
        (void)checked(NULL);
    }
    if (b->len + len + 1 > b->cap) {
        size_t cap = b->cap > 0 ? b->cap : 128;

        while (cap < b->len + len + 1) {
            cap *= 2;
        }
        b->data = xrealloc(b->data, cap, 1);
        b->cap = cap;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;

    va_start(ap, fmt);
    s = format(fmt, ap);
    va_end(ap);
    buf_puts(b, s);
    free(s);
}

void buf_done(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

const char *str_after(const char *s, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(s, prefix, len) == 0 ? s + len : NULL;
}

int str_is_below(const char *path, const char *folder)
{
    const char *rest = str_after(path, folder);

    return rest != NULL && (*rest == '\0' || *rest == '/' || strcmp(folder, "/") == 0);
}

int str_eq(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

int str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s);
    size_t m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

char *str_shell(const char *s)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=,@%+";
    struct buf b = {0};

    if (*s != '\0' && s[strspn(s, PLAIN)] == '\0') {
        return xstrdup(s);
    }
    buf_puts(&b, "'");
    for (; *s != '\0'; s++) {
        buf_puts(&b, *s == '\'' ? "'\\'" : "");
        buf_add(&b, s, 1);
    }
    buf_puts(&b, "'");
    return b.data;
}
