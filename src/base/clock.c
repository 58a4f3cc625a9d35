/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum {
    MS_PER_S = 1000,
    NS_PER_MS = 1000 * 1000
};

static const int64_t NS_PER_S = 1000000000;

int64_t clock_monotonic_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

int64_t clock_realtime_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void clock_sleep_ms(int64_t ms)
{
    const struct timespec t = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};

    (void)nanosleep(&t, NULL);
}

char *clock_text(int64_t ns, char ret[CLOCK_TEXT_BYTES])
{
    time_t s = (time_t)(ns / 1000000000);
    struct tm tm;
    size_t len = 0;

    (void)gmtime_r(&s, &tm);
    len = strftime(ret, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(ret + len, CLOCK_TEXT_BYTES - len, ".%09lldZ", (long long)(ns % 1000000000));
    return ret;
}
