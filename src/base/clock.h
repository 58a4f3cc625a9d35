/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks of clock_gettime(2) that are used here, in one number. */
#ifndef RBOX_BASE_CLOCK_H
#define RBOX_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, for how long something takes: it never jumps. */
int64_t clock_monotonic_ms(void);

/* CLOCK_REALTIME, for when something was: nanoseconds since 1970. */
int64_t clock_realtime_ns(void);

/* Sleep, unless a signal ends it early. */
void clock_sleep_ms(int64_t ms);

/* "2026-11-29T20:00:00.000000000Z" (RFC 3339, in UTC) of nanoseconds since 1970. Returns @ret. */
enum {
    CLOCK_TEXT_BYTES = 48
};
char *clock_text(int64_t ns, char ret[CLOCK_TEXT_BYTES]);

#endif
