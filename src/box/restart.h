/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time between a container's lives. Runs in the supervisor. */
#ifndef RBOX_BOX_RESTART_H
#define RBOX_BOX_RESTART_H

#include "box/state.h"

#include <stdint.h>

/* How long to wait before the next life when the last one was of @lived_ms, after a pause of
 * @pause_ms (0: it was the first). Pure. */
int64_t restart_next_pause_ms(int64_t lived_ms, int64_t pause_ms);

/* Wait. Returns 0 when somebody stops the container meanwhile, or @stop_fd (or -1) is readable. */
int restart_pause(const struct state *st, int stop_fd, int64_t pause_ms);

#endif
