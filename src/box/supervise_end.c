/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/supervise_end.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "box/cgroup.h"
#include "box/needed.h"
#include "box/net.h"
#include "box/strays.h"
#include "sys/proc.h"

#include <signal.h>

/* Why it ended, one of state.h's words. */
static const char *end_reason(const struct supervise *s, const struct running *run,
                              const struct state_exit *x)
{
    return x->oom_killed                                  ? STATE_OOM
           : run->timed_out                               ? STATE_TIMED_OUT
           : run->health.asked != SPEC_HEALTH_NONE        ? STATE_UNHEALTHY
           : x->status > 128 && state_is_killed(s->state) ? STATE_KILLED
           : state_is_stopping(s->state)                  ? STATE_STOPPED
           : x->status > 128                              ? STATE_SIGNALLED
                                                          : STATE_EXITED;
}

static void load_cgroup(const struct supervise *s, const struct running *run, struct cgroup *ret)
{
    struct err ignored = {0};

    if (run->join_fd >= 0) {
        (void)cgroup_load(s->state->lock_fd, ret, &ignored);
    }
}

/* What @c says of the life that is over, told in one line: the cgroup goes on counting through all
 * lives. Those figures are kept. A start that failed after it changes nothing of the life's end. */
static void tell_cgroup(const struct cgroup *c, struct running *run, struct state_exit *x)
{
    autofree char *why = NULL;
    struct cgroup_figures *f = &run->report.cgroup;
    struct cgroup_figures life;

    cgroup_figures_read(c->box_fd, f);
    life = *f;
    cgroup_figures_since(&run->told, &life);
    run->told = *f;
    why = cgroup_explain(&life);
    x->oom_killed = x->oom_killed || (life.oom_kills != CGROUP_UNKNOWN && life.oom_kills > 0);
    if (why != NULL) {
        streams_notice(run->streams, why);
    }
}

void supervise_end_life(const struct supervise *s, struct running *run, struct state_exit *x)
{
    autocgroup struct cgroup c = CGROUP_INIT;

    load_cgroup(s, run, &c);
    tell_cgroup(&c, run, x);
    x->reason = end_reason(s, run, x);
    state_tell_end(s->state->store, s->spec, x);
}

static void end_cgroup(const struct supervise *s, struct running *run, struct state_exit *x)
{
    autocgroup struct cgroup c = CGROUP_INIT;

    load_cgroup(s, run, &c);
    tell_cgroup(&c, run, x);
    cgroup_release(&c);
}

static void say(void *arg, const char *text)
{
    const struct running *run = arg;

    streams_notice(run->streams, text);
}

static void tell_net_log(struct supervise *s, struct running *run)
{
    autofree char *text = net_end_log(&s->net);

    if (text != NULL) {
        say(run, text);
    }
}

/* What the user should know of a life that is over. */
static void tell_findings(const struct supervise *s, struct running *run, int status)
{
    autofree char *strays = strays_find(s->spec, s->caller_uid, run->started_ns);

    if (strays != NULL) {
        say(run, strays);
    }
    explain_tell(run->explain, say, run);
    if (status == 128 + SIGSYS) {
        say(run, "the system call filter ended the command (SIGSYS); rbox run --explain names the "
                 "call");
    }
}

/* Does it go altogether? */
static int is_removed(const struct supervise *s, struct running *run, int started)
{
    if (!started) {
        return s->is_new;
    }
    if (s->spec->box.remove && needed_by_any(s->state->store, s->spec->box.id)) {
        autofree char *text =
            xasprintf("the container stays: others need it (rbox rm --depend %s)", s->state->name);

        say(run, text);
        return 0;
    }
    return s->spec->box.remove;
}

/* Everything goes in the order in which it can still be seen to go: processes, network, files,
 * lock. */
void supervise_put_away(struct supervise *s, struct running *run, struct state_exit *x, int started)
{
    struct err e = {0};
    int r = 0;

    proc_kill_reap(&run->pidfd);
    stragglers_kill(run->mount_mark);
    tell_net_log(s, run);
    report_take(x->finished_ns - x->started_ns, &run->report);
    net_stop(&s->net);
    fuse_stop(&run->fuse);
    end_cgroup(s, run, x);
    if (started) {
        tell_findings(s, run, x->status);
        x->reason = end_reason(s, run, x);
        state_tell_end(s->state->store, s->spec, x);
    }
    if (run->timed_out) {
        streams_notice(run->streams, "the container was killed: its --timeout had passed");
    }
    if (is_removed(s, run, started)) {
        r = state_remove(s->state, s->spec, /* with_volumes= */ 1, &e);
    } else if (started) {
        r = state_write_exit(s->state, x, &e);
    } else {
        state_release(s->state);
    }
    if (r < 0) {
        debug("putting away: %s", e.msg);
    }
}
