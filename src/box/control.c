/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/control.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "box/signals.h"
#include "box/state.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    POLL_MS = 10,
    START_POLLS = 500, /* a container that is being made has no first process yet */
    PUT_AWAY_MS = 2000
};

int control_has_ended(const struct found *f)
{
    if (f->run_fd < 0 || flock(f->run_fd, LOCK_SH | LOCK_NB) == 0) {
        if (f->run_fd >= 0) {
            (void)flock(f->run_fd, LOCK_UN);
        }
        return 1;
    }
    return 0;
}

static int ended(const struct found *f, struct err *e)
{
    return err_new(e, ESRCH, "container '%s' does not run", f->name);
}

int control_pid(const struct found *f, int64_t *ret, struct err *e)
{
    struct state_running running = {0};
    int r = state_read_running(f->run_fd, &running, e);

    if (r == -ENOENT) {
        err_clear(e);
        r = 0;
    }
    *ret = running.pid;
    return r;
}

int control_open(const struct found *f, int *ret_pidfd, struct err *e)
{
    autoclose int pidfd = -1;
    int64_t pid = 0;
    int r = 0;

    for (int i = 0; r == 0 && pid == 0 && i < START_POLLS && !control_has_ended(f); i++) {
        r = control_pid(f, &pid, e);
        if (pid == 0) {
            clock_sleep_ms(POLL_MS);
        }
    }
    if (r < 0) {
        return r;
    }
    if (pid > 0) {
        pidfd = proc_open((pid_t)pid);
    }
    /* Looked at after the opening: while the lock is held, the pid is nobody else's. */
    if (pidfd < 0 || control_has_ended(f)) {
        return ended(f, e);
    }
    *ret_pidfd = steal_fd(&pidfd);
    return 0;
}

int control_signal(const struct found *f, int signo, struct err *e)
{
    autoclose int pidfd = -1;
    int r = control_open(f, &pidfd, e);

    if (r < 0) {
        return r;
    }
    if (signals_terminates(signo) && signals_handled(signals_host_pid(pidfd), signo) == 0) {
        signo = SIGKILL;
    }
    r = proc_signal(pidfd, signo);
    if (r == -ESRCH) {
        return ended(f, e);
    }
    return r < 0 ? err_set(e, -r, "cannot send a signal to container '%s'", f->name) : 0;
}

int control_wait(const struct found *f, int64_t timeout_ms, struct err *e)
{
    for (int64_t waited = 0; !control_has_ended(f); waited += POLL_MS) {
        if (timeout_ms != CONTROL_FOREVER && waited >= timeout_ms) {
            return err_new(e, ETIMEDOUT, "container '%s' did not end", f->name);
        }
        clock_sleep_ms(POLL_MS);
    }
    return 0;
}

static int signal_living(const struct found *f, int signo, struct err *e)
{
    int r = control_signal(f, signo, e);

    if (r == -ESRCH) { /* it ended by itself, or waits for its restart, which will not come */
        err_clear(e);
        r = 0;
    }
    return r;
}

int control_stop_begin(const struct found *f, int signo, struct err *e)
{
    int r = state_mark_stopping(f->run_fd, e);

    return r < 0 ? r : signal_living(f, signo, e);
}

/* A supervisor that somebody has stopped (SIGSTOP) reaps nothing and puts nothing away. */
static int wake_supervisor(const struct found *f, struct err *e)
{
    pid_t supervisor = 0;
    int64_t pid = 0;
    int r = control_pid(f, &pid, e);

    if (r == 0 && pid == 0) {
        (void)err_new(e, ETIMEDOUT, "the start of container '%s' goes neither on nor back",
                      f->name);
        return err_hint(e, "pgrep -au %u rbox: kill -9 the one that starts it",
                        (unsigned int)getuid());
    }
    if (r < 0) {
        return r;
    }
    supervisor = proc_parent((pid_t)pid);
    if (supervisor > 1) {
        (void)kill(supervisor, SIGCONT);
    }
    return 0;
}

int control_stop_end(const struct found *f, int64_t timeout_ms, struct err *e)
{
    int is_killed = timeout_ms == CONTROL_FOREVER;
    int r = control_wait(f, is_killed ? PUT_AWAY_MS : timeout_ms, e);

    if (r == -ETIMEDOUT && !is_killed) {
        notice("container '%s' did not end by itself", f->name);
        err_clear(e);
        r = signal_living(f, SIGKILL, e);
        r = r < 0 ? r : control_wait(f, PUT_AWAY_MS, e);
    }
    if (r == -ETIMEDOUT) {
        err_clear(e);
        r = wake_supervisor(f, e);
        r = r < 0 ? r : control_wait(f, CONTROL_FOREVER, e);
    }
    return r;
}
