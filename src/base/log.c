/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* The only mutable state at file scope in the project: what --debug set, and when. */
static int level;
static struct timespec start;

void log_set_level(int new_level)
{
    level = new_level;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
}

int log_level(void)
{
    return level;
}

/* One write per line: lines of several processes do not mix. */
__attribute__((format(printf, 2, 0))) static void print(const char *prefix, const char *fmt,
                                                        va_list ap)
{
    char text[1024];
    char line[1100];
    int saved = errno;
    int n = 0;

    (void)vsnprintf(text, sizeof(text), fmt, ap);
    n = snprintf(line, sizeof(line), "%s%s\n", prefix, text);
    (void)!write(STDERR_FILENO, line, (size_t)n);
    errno = saved;
}

void warn(const char *fmt, ...)
{
    va_list ap;

    if (level < 0) {
        return;
    }
    va_start(ap, fmt);
    print("rbox: warning: ", fmt, ap);
    va_end(ap);
}

void notice(const char *fmt, ...)
{
    va_list ap;

    if (level < 0) {
        return;
    }
    va_start(ap, fmt);
    print("rbox: ", fmt, ap);
    va_end(ap);
}

void debug(const char *fmt, ...)
{
    char prefix[64];
    struct timespec now;
    va_list ap;

    if (level < 1) {
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(prefix, sizeof(prefix), "rbox[%d] +%.2f ms: ", (int)getpid(),
                   (double)(now.tv_sec - start.tv_sec) * 1e3 +
                       (double)(now.tv_nsec - start.tv_nsec) / 1e6);
    va_start(ap, fmt);
    print(prefix, fmt, ap);
    va_end(ap);
}
