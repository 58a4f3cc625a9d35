/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running container as other commands reach it: its first process and its end. Everything here
 * goes by pidfd and by the lock, so a container that ends meanwhile is noticed. Host side. */
#ifndef RBOX_BOX_CONTROL_H
#define RBOX_BOX_CONTROL_H

#include "base/err.h"
#include "box/find.h"

#include <stdint.h>

enum {
    CONTROL_FOREVER = -1
};

/* The first process of @f: on success the caller owns *ret_pidfd. Errors: -ESRCH it has ended. */
int control_open(const struct found *f, int *ret_pidfd, struct err *e);

/* Its pid as the host counts, as it was told; 0: it is being made. */
int control_pid(const struct found *f, int64_t *ret, struct err *e);

/* Send @signo by rbox's rule (signals.h): what would end a program, and PID 1 does not handle, ends
 * the container, by SIGKILL. Errors: -ESRCH. */
int control_signal(const struct found *f, int signo, struct err *e);

/* Has its supervisor gone? */
int control_has_ended(const struct found *f);

/* End it, and no restart policy brings it back: @signo, and KILL when that did not help in
 * @timeout_ms (CONTROL_FOREVER: never). Success when it ends, whatever ended it. In two halves for
 * many at once: signal them all first, and then wait for each. */
int control_stop_begin(const struct found *f, int signo, struct err *e);
int control_stop_end(const struct found *f, int64_t timeout_ms, struct err *e);

/* Wait until the supervisor has put everything away. Errors: -ETIMEDOUT after @timeout_ms. */
int control_wait(const struct found *f, int64_t timeout_ms, struct err *e);

#endif
