/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/parse.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t NS_PER_S = 1000000000;
static const int64_t NS_PER_MS = 1000000;

/* ".25" at *p, in nanoseconds; 0 without one. */
static int64_t fraction_ns(const char **p)
{
    int64_t ns = 0;
    int64_t unit = NS_PER_S;

    if (**p != '.') {
        return 0;
    }
    for ((*p)++; isdigit((unsigned char)**p); (*p)++) {
        unit /= 10;
        ns += (**p - '0') * unit;
    }
    return ns;
}

/* "Z", "+01:00" or nothing at @p, which must end the text: the seconds of @t, or -1. */
static int64_t in_zone(const char *p, struct tm *t)
{
    int hours = 0;
    int minutes = 0;

    if (*p == '\0') {
        t->tm_isdst = -1;
        return mktime(t);
    }
    if (strcmp(p, "Z") == 0) {
        return timegm(t);
    }
    if ((*p != '+' && *p != '-') || strlen(p) != 6 || p[3] != ':' ||
        strspn(p + 1, "0123456789:") != 5) {
        return -1;
    }
    hours = (p[1] - '0') * 10 + p[2] - '0';
    minutes = (p[4] - '0') * 10 + p[5] - '0';
    return timegm(t) - (*p == '+' ? 1 : -1) * (hours * 60 + minutes) * 60;
}

static int parse_date(const char *s, int64_t *ret_ns)
{
    static const char *const FORMATS[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
        struct tm t = {0};
        const char *rest = strptime(s, FORMATS[i], &t);
        int64_t ns = 0;
        int64_t seconds = 0;

        if (rest == NULL) {
            continue;
        }
        ns = fraction_ns(&rest);
        seconds = in_zone(rest, &t);
        if (seconds >= 0 && seconds < INT64_MAX / NS_PER_S) {
            *ret_ns = seconds * NS_PER_S + ns;
            return 0;
        }
    }
    return -EINVAL;
}

int parse_time_ns(const char *s, int64_t *ret_ns, struct err *e)
{
    struct err ignored = {0};
    int64_t ms = 0;

    if (strchr(s, '-') != NULL) {
        if (parse_date(s, ret_ns) == 0) {
            return 0;
        }
    } else if (parse_duration_ms(s, &ms, &ignored) == 0 && ms <= INT64_MAX / NS_PER_MS) {
        /* a bare number is a moment, a time with a unit is ago */
        *ret_ns = strspn(s, "0123456789.") == strlen(s) ? ms * NS_PER_MS
                                                        : clock_realtime_ns() - ms * NS_PER_MS;
        return 0;
    }
    return err_new(e, EINVAL, "'%s' is not a time such as 2026-11-27T05:56:38Z or 10m", s);
}
