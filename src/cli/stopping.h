/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending containers as stop, restart and rm --force do: a signal first, KILL when that does not
 * help in time. Several are signalled first and then waited for, so that they end side by side. */
#ifndef RBOX_CLI_STOPPING_H
#define RBOX_CLI_STOPPING_H

#include "base/err.h"
#include "box/find.h"

#include <stdint.h>

struct stopping {
    int signal;       /* 0: the container's own (--stop-signal, its image's, TERM) */
    int64_t time_ms;  /* -1: the container's own (--stop-timeout); 0: KILL at once */
    int64_t begun_ms; /* 0: not yet */
};

/* The options of stop and restart that say how: rows for options with the member @field, a struct
 * stopping. */
#define STOPPING_ROWS(type, field)                                                                \
    {"time",                                                                                      \
     't',                                                                                         \
     "SECONDS",                                                                                   \
     OPT_DURATION,                                                                                \
     offsetof(type, field.time_ms),                                                               \
     "how long to wait before KILL (default: --stop-timeout of run, else 10)",                    \
     NULL},                                                                                       \
        {"timeout", 0, "SECONDS", OPT_DURATION, offsetof(type, field.time_ms), "the same", NULL}, \
    {                                                                                             \
        "signal", 's', "SIGNAL", OPT_PARSE, offsetof(type, field.signal),                         \
            "the first signal (default: --stop-signal of run, else the image's, else TERM)",      \
            spec_parse_signal                                                                     \
    }

#define STOPPING_INIT ((struct stopping){.time_ms = -1})

/* Signal @f, and no restart policy brings it back. One that has ended or is gone is a success. */
int stopping_begin(struct stopping *s, const struct found *f, struct err *e);

/* Wait for what is left of the time, then KILL, then wait for its end. */
int stopping_end(const struct stopping *s, const struct found *f, struct err *e);

#endif
