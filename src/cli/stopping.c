/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/stopping.h"

#include "base/clock.h"
#include "box/control.h"
#include "cli/container.h"

#include <errno.h>
#include <signal.h>

/* How @f is to be stopped; one that is gone already (--rm) in no way: *ret_signo stays 0. */
static int read_way(const struct stopping *s, const struct found *f, int *ret_signo,
                    int64_t *ret_time_ms, struct err *e)
{
    struct container c;
    int r = f->run_fd >= 0 ? container_read(f, &c, e) : -ENOENT;

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    *ret_time_ms = s->time_ms >= 0 ? s->time_ms : c.spec.box.stop_timeout_ms;
    *ret_signo = *ret_time_ms == 0 ? SIGKILL : s->signal != 0 ? s->signal : c.spec.box.stop_signal;
    container_done(&c);
    return 0;
}

int stopping_begin(struct stopping *s, const struct found *f, struct err *e)
{
    int64_t time_ms = 0;
    int signo = 0;
    int r = read_way(s, f, &signo, &time_ms, e);

    s->begun_ms = clock_monotonic_ms();
    return r < 0 || signo == 0 ? r : control_stop_begin(f, signo, e);
}

int stopping_end(const struct stopping *s, const struct found *f, struct err *e)
{
    int64_t time_ms = 0;
    int64_t left_ms = 0;
    int signo = 0;
    int r = read_way(s, f, &signo, &time_ms, e);

    if (r < 0 || f->run_fd < 0) {
        return r;
    }
    left_ms = time_ms - (clock_monotonic_ms() - s->begun_ms);
    left_ms = signo == SIGKILL ? CONTROL_FOREVER : left_ms > 0 ? left_ms : 0;
    return control_stop_end(f, left_ms, e);
}
