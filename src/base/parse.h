/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and units as people type them. Nothing wraps, nothing is skipped: a value that is not
 * wholly understood is refused, in words that can follow the option's name. */
#ifndef RBOX_BASE_PARSE_H
#define RBOX_BASE_PARSE_H

#include "base/err.h"

#include <stdint.h>

/* A decimal whole number from @min to @max; a sign is allowed where the range has it. */
int parse_int64(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *e);

/* A size: "4096", "64k", "1.5g", "2GiB"; units b k m g t p of 1024, in either case, with or without
 * "b" or "ib" behind. Never negative. */
int parse_bytes(const char *s, int64_t *ret_bytes, struct err *e);

/* A time: "10" (seconds), "1.5s", "300ms", "1m30s", "2h". Never negative. */
int parse_duration_ms(const char *s, int64_t *ret_ms, struct err *e);

/* A moment, in nanoseconds since 1970: 2026-11-27, 2026-11-27T05:56[:38[.25]] with Z or +01:00
 * behind (without: local time), seconds since 1970, or a time ago such as 10m or 1h30m. */
int parse_time_ns(const char *s, int64_t *ret_ns, struct err *e);

/* A decimal number times @unit: "1.5" with 100000 gives 150000. Never negative. */
int parse_decimal(const char *s, int64_t unit, int64_t *ret, struct err *e);

/* The place of @s among @words, which end with NULL. */
int parse_word(const char *s, const char *const *words, int *ret, struct err *e);

/* true false, t f, 1 0, yes no; in either case. */
int parse_bool(const char *s, int *ret, struct err *e);

#endif
