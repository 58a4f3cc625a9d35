/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/health.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/enter.h"
#include "box/events.h"
#include "box/signals.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static const char NAME[] = "health.json";
static const int64_t NS_PER_MS = 1000000;

enum {
    FILE_BYTES_MAX = 256 << 10,
    OUTPUT_BYTES_MAX = 500, /* these two: podman's */
    LOG_MAX = 5,
    GRACE_MS = 10 * 1000, /* for a check to end by itself after its time */
    LOST_LOOK_MS = 100
};

/* ---- what came of it */

static json_t *new_state(void)
{
    return json_pack("{s:s, s:i, s:[]}", "Status", HEALTH_STARTING, "FailingStreak", 0, "Log");
}

json_t *health_read(int dir_fd)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    json_t *o = NULL;
    size_t len = 0;

    if (file_read(dir_fd, NAME, FILE_BYTES_MAX, &text, &len, &ignored) < 0 ||
        json_parse(text, len, NAME, &o, &ignored) < 0) {
        return NULL;
    }
    return o;
}

static int write_state(int dir_fd, const json_t *state)
{
    autofree char *text = json_text(state);
    struct err ignored = {0};

    return file_write(dir_fd, NAME, text, strlen(text), FILE_PRIVATE, &ignored);
}

static void add_log(json_t *state, const struct health_result *r)
{
    char start[CLOCK_TEXT_BYTES];
    char end[CLOCK_TEXT_BYTES];
    json_t *log = json_object_get(state, "Log");

    if (!json_is_array(log)) {
        log = json_array();
        (void)json_object_set_new(state, "Log", log);
    }
    (void)json_array_append_new(log, json_pack("{s:s, s:s, s:i, s:o}", "Start",
                                               clock_text(r->start_ns, start), "End",
                                               clock_text(r->end_ns, end), "ExitCode", r->status,
                                               "Output", json_str(r->output)));
    while (json_array_size(log) > LOG_MAX) {
        (void)json_array_remove(log, 0);
    }
}

/* In the start period a failure says nothing yet; a success ends it. */
void health_take(json_t *state, const struct spec_health *h, const struct health_result *r)
{
    json_int_t streak = json_integer_value(json_object_get(state, "FailingStreak"));
    const char *status = json_string_value(json_object_get(state, "Status"));
    int is_early = r->in_start_period && !str_eq(status, HEALTH_HEALTHY);

    add_log(state, r);
    if (r->status == 0) {
        streak = 0;
        (void)json_object_set_new(state, "Status", json_string(HEALTH_HEALTHY));
    } else if (!is_early) {
        streak++;
    }
    if (streak >= h->retries) {
        (void)json_object_set_new(state, "Status", json_string(HEALTH_UNHEALTHY));
    }
    (void)json_object_set_new(state, "FailingStreak", json_integer(streak));
}

/* ---- the check */

static int record(const struct health_check *c, const struct health_result *r)
{
    /* A check by hand and the timer's may end together. */
    autoclose int lock_fd =
        openat(c->dir_fd, "health.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    json_auto_t *read =
        lock_fd >= 0 && flock(lock_fd, LOCK_EX) == 0 ? health_read(c->dir_fd) : NULL;
    json_auto_t *state = json_is_object(read) ? json_incref(read) : new_state();
    const char *status = NULL;

    health_take(state, &c->spec->box.health, r);
    if (write_state(c->dir_fd, state) < 0) {
        return HEALTH_NO_CHECK;
    }
    status = json_string_value(json_object_get(state, "Status"));
    events_add_container(c->store, c->spec, "health_status",
                         json_pack("{s:s}", "health_status", status));
    return r->status == 0                     ? HEALTH_PASSED
           : str_eq(status, HEALTH_UNHEALTHY) ? HEALTH_IS_UNHEALTHY
                                              : HEALTH_FAILED;
}

/* As the command of an exec without options. */
static void set_process(struct spec *s)
{
    s->process.terminal = 0;
    s->box.interactive = 1; /* its descriptors are there already */
    s->box.preserve_fds = 0;
    strv_done(&s->process.args);
    spec_health_command(&s->box.health, &s->process.args);
}

int health_check(const struct health_check *c)
{
    const struct spec_health *h = &c->spec->box.health;
    const pid_t host_pid = signals_host_pid(c->pidfd);
    autoclose int proc_fd = proc_open_fs(); /* the host's */
    autobuf struct buf output = {0};
    autoclose int place_fd =
        c->join_fd >= 0 && c->spec->box.systemd ? cgroup_open_place(host_pid) : -1;
    struct health_result result = {.start_ns = clock_realtime_ns(), .status = -1};
    struct err e = {0};
    int r = 0;

    set_process(c->spec);
    buf_puts(&output, "");
    r = enter_capture(&(struct enter_capture){.spec = c->spec,
                                              .filter = c->filter,
                                              .pidfd = c->pidfd,
                                              .join_fd = place_fd >= 0 ? place_fd : c->join_fd,
                                              .dir_fd = c->dir_fd,
                                              .is_inside = c->is_inside,
                                              .timeout_ms = h->timeout_ms,
                                              .output_max = OUTPUT_BYTES_MAX},
                      &result.status, &output, &e);
    if ((r < 0 || result.status != 0) && proc_is_exiting(proc_fd, host_pid)) {
        return HEALTH_NO_CHECK; /* that says nothing of its health */
    }
    if (r == -ETIMEDOUT) {
        buf_printf(&output, "%sthe check was ended after its time, %lld ms",
                   output.len > 0 ? "\n" : "", (long long)h->timeout_ms);
    } else if (r < 0) {
        result.status = e.exit_code != 0 ? e.exit_code : EXITCODE_RBOX;
        buf_puts(&output, e.msg);
    }
    result.end_ns = clock_realtime_ns();
    result.output = output.data;
    result.in_start_period = result.start_ns - c->started_ns < h->start_period_ms * NS_PER_MS;
    return record(c, &result);
}

/* ---- the timer */

void health_begin(struct health *h)
{
    json_auto_t *state = NULL;

    h->pidfd = -1;
    h->asked = SPEC_HEALTH_NONE;
    h->has_passed = 0;
    h->next_ms = 0;
    if (!spec_health_is_on(&h->check.spec->box.health)) {
        return;
    }
    state = new_state();
    (void)write_state(h->check.dir_fd, state);
    if (h->check.spec->box.health.interval_ms != SPEC_HEALTH_BY_HAND) {
        h->next_ms = clock_monotonic_ms();
    }
}

static int64_t now_and(int64_t ms)
{
    return clock_monotonic_ms() + ms;
}

static void start(struct health *h)
{
    const struct spec_health *asked = &h->check.spec->box.health;
    struct err ignored = {0};
    pid_t pid = -1;

    h->lost = 0;
    h->next_ms = now_and(asked->interval_ms);
    if (cgroup_is_paused(h->run_fd)) { /* it answers nothing, and is not ill */
        return;
    }
    pid = ns_clone(0, -1, &h->pidfd, &ignored);
    if (pid == 0) {
        h->become_child(h->arg);
        _exit(health_check(&h->check));
    }
    if (pid > 0) {
        h->next_ms = now_and(asked->timeout_ms + GRACE_MS);
    }
}

/* A check that was killed leaves its command to the supervisor, and as long as that is not reaped
 * the kernel lets no PID 1 of its namespace end. The first process itself is for watch.c. */
static void reap_lost(struct health *h)
{
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0 &&
           info.si_pid != h->first_pid) {
        (void)waitpid(info.si_pid, NULL, 0);
        info.si_pid = 0;
        h->lost = 0;
    }
}

struct pollfd health_poll(const struct health *h)
{
    return (struct pollfd){.fd = h->pidfd, .events = POLLIN};
}

int64_t health_timeout_ms(const struct health *h)
{
    int64_t left = h->next_ms - clock_monotonic_ms();

    if (h->lost) {
        return LOST_LOOK_MS;
    }
    return h->next_ms == 0 ? -1 : left > 0 ? left : 0;
}

static void take_end(struct health *h)
{
    const struct spec_health *asked = &h->check.spec->box.health;
    struct err ignored = {0};
    int status = HEALTH_NO_CHECK;

    (void)proc_wait(h->pidfd, PROC_FOREVER, &status, &ignored);
    close_fd(&h->pidfd);
    h->lost |= status > 128;
    h->next_ms = now_and(asked->interval_ms);
    h->has_passed |= status == HEALTH_PASSED;
    if (status == HEALTH_IS_UNHEALTHY) {
        h->asked = asked->on_failure;
    }
}

enum spec_health_action health_serve(struct health *h)
{
    struct pollfd p = health_poll(h);
    int is_due = h->next_ms != 0 && clock_monotonic_ms() >= h->next_ms;

    if (h->lost) {
        reap_lost(h);
    }
    if (h->pidfd >= 0 && is_due) {
        (void)proc_signal(h->pidfd, SIGKILL);
    }
    if (h->pidfd >= 0 && (is_due || (poll(&p, 1, 0) > 0 && p.revents != 0))) {
        enum spec_health_action before = h->asked;

        take_end(h);
        return before == SPEC_HEALTH_NONE ? h->asked : SPEC_HEALTH_NONE;
    }
    if (h->pidfd < 0 && is_due) {
        start(h);
    }
    return SPEC_HEALTH_NONE;
}

void health_end(struct health *h)
{
    proc_kill_reap(&h->pidfd);
    h->next_ms = 0;
}
