/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks as data: what an image's HEALTHCHECK or --health-cmd asks for. JSON is docker's
 * object "Healthcheck", whose times are in nanoseconds. Pure. */
#ifndef RBOX_SPEC_SPEC_HEALTH_H
#define RBOX_SPEC_SPEC_HEALTH_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdint.h>

enum spec_health_action {
    SPEC_HEALTH_NONE = 0,
    SPEC_HEALTH_KILL,
    SPEC_HEALTH_RESTART,
    SPEC_HEALTH_STOP
};

enum {
    SPEC_HEALTH_BY_HAND = -1 /* interval: no timer, `rbox healthcheck run` alone */
};

struct spec_health {
    struct strv test;    /* CMD and words, CMD-SHELL and a line, or NONE; empty: not said */
    int64_t interval_ms; /* these four: 0 is "not said" */
    int64_t timeout_ms;
    int64_t start_period_ms;
    int64_t retries;
    enum spec_health_action on_failure;
};

/* Is there a check to run? */
int spec_health_is_on(const struct spec_health *h);

/* The words to execute. Appended to @ret. */
void spec_health_command(const struct spec_health *h, struct strv *ret);

/* Into @h goes what it does not say itself: from @image first, then podman's defaults. */
void spec_health_complete(struct spec_health *h, const struct spec_health *image);

void spec_health_done(struct spec_health *h);

/* New reference; NULL when there is no check. */
json_t *spec_health_write(const struct spec_health *h);

/* NULL and null say nothing. Returns 0 or -EINVAL. */
int spec_health_read(const json_t *o, struct spec_health *ret);

/* Parsers of options, as in spec_parse.h. @health: a struct spec_health. */
int spec_parse_health_cmd(const char *value, void *health, struct err *e);
int spec_parse_health_interval(const char *value, void *number, struct err *e);
int spec_parse_health_time(const char *value, void *number, struct err *e);
int spec_parse_health_retries(const char *value, void *number, struct err *e);
int spec_parse_health_on_failure(const char *value, void *action, struct err *e);

/* For --no-healthcheck. */
void spec_health_switch_off(struct spec_health *h);

#endif
