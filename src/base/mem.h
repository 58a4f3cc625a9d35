/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and strings that cannot fail.
 *
 * Out of memory ends the process with EXITCODE_RBOX: each process here is small and crash-only
 * (locks, namespaces and pidfds fall with their holder), so unwinding through every caller would
 * only add paths no test reaches. Sizes that foreign bytes choose are checked against a limit
 * before they come here. */
#ifndef RBOX_BASE_MEM_H
#define RBOX_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t count, size_t size); /* count * size, overflow checked */
char *xstrdup(const char *s);
char *xstrdup_null(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
void xreplace(char **s, const char *by); /* by a copy, the old one freed; NULL keeps it */
void *xmemdup(const void *p, size_t size);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);

/* A growing, NULL-terminated list of strings: argument vectors, environments, lists of options.
 * Zero-initialise; the strings belong to the list. */
struct strv {
    char **v;   /* NULL when empty, else NULL-terminated */
    size_t len; /* without the terminator */
};

void strv_push(struct strv *l, const char *s); /* copies */
void strv_take(struct strv *l, char *s);       /* takes ownership */
__attribute__((format(printf, 2, 3))) void strv_pushf(struct strv *l, const char *fmt, ...);
void strv_append(struct strv *l, const struct strv *other); /* copies */
void strv_split(struct strv *l, const char *s,
                char sep); /* pushes each part of @s; "" pushes nothing */
void strv_remove(struct strv *l, size_t i);
void strv_sort(struct strv *l); /* by strcmp() */
void strv_done(struct strv *l); /* frees strings and list, leaves it empty */

/* Is @s in @l? NULL-safe. */
int strv_has(const struct strv *l, const char *s);
int strv_has_sorted(const struct strv *l, const char *s); /* by strv_sort() */

#define autostrv __attribute__((cleanup(strv_done)))

/* A growing buffer of bytes; data is NUL-terminated one past len. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
void buf_done(struct buf *b);

#define autobuf __attribute__((cleanup(buf_done)))

/* Does @s begin with @prefix? If so returns what follows, else NULL. */
const char *str_after(const char *s, const char *prefix);
/* Is the path @path @folder or below it? Both are clean and absolute. */
int str_is_below(const char *path, const char *folder);
int str_eq(const char *a, const char *b); /* NULL-safe equality */
int str_ends(const char *s, const char *suffix);
/* @s as one word of a shell: as it is, or quoted. The caller owns it. */
char *str_shell(const char *s);

#endif
