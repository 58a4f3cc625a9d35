/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include "base/exitcode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text that is cut ends in "..." so that nobody takes the cut for the end. */
static void copy_cut(char *dst, size_t size, const char *src)
{
    size_t len = strlen(src);

    if (len < size) {
        memcpy(dst, src, len + 1);
        return;
    }
    memcpy(dst, src, size - 4);
    memcpy(dst + size - 4, "...", 4);
}

static int set_message(struct err *e, int errnum, const char *text, const char *reason)
{
    char buf[1024];

    if (reason != NULL) {
        (void)snprintf(buf, sizeof(buf), "%s: %s", text, reason);
    } else {
        (void)snprintf(buf, sizeof(buf), "%s", text);
    }
    copy_cut(e->msg, sizeof(e->msg), buf);
    e->errnum = errnum > 0 ? errnum : EIO;
    e->exit_code = 0;
    e->hint[0] = '\0';
    return -e->errnum;
}

int err_set(struct err *e, int errnum, const char *fmt, ...)
{
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return set_message(e, errnum, text, strerror(errnum > 0 ? errnum : EIO));
}

int err_new(struct err *e, int errnum, const char *fmt, ...)
{
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return set_message(e, errnum, text, NULL);
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char text[400];
    char buf[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)snprintf(buf, sizeof(buf), "%s: %s", text, e->msg);
    copy_cut(e->msg, sizeof(e->msg), buf);
    return -e->errnum;
}

int err_hint(struct err *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    copy_cut(e->hint, sizeof(e->hint), text);
    return -e->errnum;
}

int err_exit(struct err *e, int exit_code)
{
    e->exit_code = exit_code;
    return -e->errnum;
}

/* Names come from images and archives: an escape sequence in one must not drive the user's
 * terminal. */
void err_print_line(const char *prefix, const char *text)
{
    char buf[4 * sizeof(((struct err *)0)->msg) + 64];
    size_t n = 0;

    for (const char *p = prefix; *p != '\0' && n < 60; p++) {
        buf[n++] = *p;
    }
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && n + 8 < sizeof(buf);
         p++) {
        if (*p < 0x20 || *p == 0x7f) {
            n += (size_t)snprintf(buf + n, sizeof(buf) - n, "\\x%02x", *p);
        } else {
            buf[n++] = (char)*p;
        }
    }
    buf[n] = '\0';
    (void)fprintf(stderr, "%s\n", buf);
}

void err_print(const struct err *e, const char *program)
{
    char prefix[64];

    (void)snprintf(prefix, sizeof(prefix), "%s: ", program);
    err_print_line(prefix, e->msg[0] != '\0' ? e->msg : "unknown error");
    if (e->hint[0] != '\0') {
        err_print_line("  hint: ", e->hint);
    }
}

int err_received(struct err *e)
{
    e->msg[sizeof(e->msg) - 1] = '\0';
    e->hint[sizeof(e->hint) - 1] = '\0';
    return e->errnum >= 0 && e->exit_code >= 0 && e->exit_code <= 255 ? 0 : -EPROTO;
}

void err_clear(struct err *e)
{
    memset(e, 0, sizeof(*e));
}

void err_add(struct err *all, struct err *e)
{
    if (all->errnum != 0) {
        if (strcmp(all->hint, e->hint) == 0) {
            all->hint[0] = '\0';
        }
        err_print(all, "rbox");
    }
    if (all->errnum != 0 && (all->errnum != ENOENT || e->errnum == ENOENT)) {
        e->errnum = all->errnum;
        e->exit_code = all->exit_code;
    }
    *all = *e;
    err_clear(e);
}
