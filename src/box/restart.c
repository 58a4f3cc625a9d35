/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/restart.h"

#include <poll.h>

enum {
    RESTART_PAUSE_MS = 100,           /* before the first; twice as long before each next one … */
    RESTART_PAUSE_MAX_MS = 60 * 1000, /* … up to this */
    RESTART_WELL_MS = 10 * 1000,      /* one that ran so long begins anew with short pauses */
    STOP_LOOK_MS = 50
};

int64_t restart_next_pause_ms(int64_t lived_ms, int64_t pause_ms)
{
    if (pause_ms == 0 || lived_ms >= RESTART_WELL_MS) {
        return RESTART_PAUSE_MS;
    }
    return pause_ms * 2 < RESTART_PAUSE_MAX_MS ? pause_ms * 2 : RESTART_PAUSE_MAX_MS;
}

int restart_pause(const struct state *st, int stop_fd, int64_t pause_ms)
{
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};

    for (int64_t waited = 0; waited < pause_ms; waited += STOP_LOOK_MS) {
        if (state_is_stopping(st) || poll(&p, 1, STOP_LOOK_MS) > 0) {
            return 0;
        }
    }
    return 1;
}
