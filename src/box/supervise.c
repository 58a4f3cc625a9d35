/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/supervise_end.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/events.h"
#include "box/explain.h"
#include "box/fuse.h"
#include "box/health.h"
#include "box/net.h"
#include "box/process.h"
#include "box/restart.h"
#include "box/second_stage.h"
#include "box/signals.h"
#include "box/storage.h"
#include "box/stragglers.h"
#include "box/streams.h"
#include "box/sync.h"
#include "box/watch.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char CHILD[] = "the container's first process";

int supervise_has_streams(const struct supervise *s)
{
    return (s->mode != SUPERVISE_FOREGROUND || process_needs_streams(s->spec)) &&
           !str_eq(s->spec->box.log_driver, "passthrough");
}

/* ---- start */

/* While it starts the container it listens to nobody: if the launcher goes now, it goes too, and
 * the kernel takes the rest. Afterwards it watches control_fd and can put things away itself.
 * PDEATHSIG holds: it never changes its ids. */
static int enter_role(const struct supervise *s, struct err *e)
{
    struct pollfd launcher = {.fd = s->control_fd};

    process_supervise("rbox-supervisor");
    (void)setsid();
    if (poll(&launcher, 1, 0) > 0 && (launcher.revents & POLLHUP) != 0) {
        return err_new(e, EPIPE, "the launcher is gone");
    }
    /* For the helpers that it executes: slirp4netns, fuse-overlayfs. */
    return proc_raise_ambient(e);
}

/* The cgroup namespace comes after the move, see child.c. */
static uint64_t clone_flags(const struct spec *s)
{
    return process_namespaces(s, /* only_new= */ 1) & ~(uint64_t)CLONE_NEWCGROUP;
}

static int await_host(const struct supervise *s, struct running *run, struct err *e)
{
    run->has_host = 1;
    return sync_wait_host(s->control_fd, &run->host, &run->join_fd, e);
}

static int is_two_stage(const struct supervise *s, const struct running *run)
{
    return s->spec->linux_.no_nested_userns || run->host.nproc_limit > 0;
}

/* Must the child not be cloned before the launcher is done? A second stage needs the ids. And a
 * process may only move between cgroups whose common parent is its user's (cgroups(7)): from the
 * supervisor's leaf to the container's, not from the caller's session. */
static int waits_for_host(const struct supervise *s)
{
    return s->spec->linux_.no_nested_userns || cgroup_wanted(s->spec);
}

/* The lock, and what clients say, are the supervisor's alone. */
static _Noreturn void become_child(struct supervise *s, struct running *run, const int ends[3])
{
    struct err e = {0};

    close_fd(&s->state->lock_fd);
    streams_close(run->streams);
    if (streams_become(ends, &e) < 0) {
        sync_send_err(s->child.sync_fd, &e);
        _exit(EXITCODE_RBOX);
    }
    child_main(&s->child);
}

static int clone_child(struct supervise *s, struct running *run, uint64_t flags, struct err *e)
{
    int pair[2] = {-1, -1};
    int ends[3] = {-1, -1, -1};
    int r = sync_pair(pair, e);
    pid_t pid = -1;

    if (r == 0 && supervise_has_streams(s) && !s->spec->process.terminal) {
        r = streams_pipes(run->streams, s->spec, s->state->dir_fd, ends, e);
    }
    if (r < 0) {
        return r;
    }
    if (fchdir(s->state->store->dir_fd) < 0) {
        return err_set(e, errno, "cannot enter the store");
    }
    pid = join_clone(&s->join, JOIN_FIRST_PROCESS, flags, &run->pidfd, e);
    run->health.first_pid = pid;
    if (pid == 0) {
        (void)close(pair[0]);
        s->child.sync_fd = pair[1];
        s->child.spec = s->spec;
        become_child(s, run, ends);
    }
    for (int fd = 0; fd <= 2; fd++) {
        close_fd(&ends[fd]);
    }
    (void)close(pair[1]);
    run->sync_fd = pair[0];
    return pid < 0 ? (int)pid : 0;
}

/* Where nothing is in the way the child is cloned at once, and sets out while the launcher still
 * maps the ids. */
static int start_child(struct supervise *s, struct running *run, struct err *e)
{
    int r = waits_for_host(s) && !run->has_host ? await_host(s, run, e) : 0;

    if (r < 0 || !is_two_stage(s, run)) {
        return r < 0 ? r : clone_child(s, run, clone_flags(s->spec), e);
    }
    r = second_stage_prepare(s->spec, run->host.nproc_limit, e);
    if (r == 0) {
        r = clone_child(s, run, clone_flags(s->spec) | CLONE_NEWUSER, e);
    }
    return r < 0 ? r : second_stage_map(s->spec, run->pidfd, e);
}

static int serve_root(const struct supervise *s, struct running *run, struct err *e)
{
    autoclose int fuse_fd = -1;
    int r = sync_wait(run->sync_fd, SYNC_SERVE_ROOT, CHILD, &fuse_fd, e);

    r = r < 0 ? r : fuse_serve(s->spec, fuse_fd, &run->fuse, e);
    return r < 0 || run->join_fd < 0 ? r
                                     : cgroup_attach_server(s->state->lock_fd, run->fuse.pid, e);
}

static int build(struct supervise *s, struct running *run, struct err *e)
{
    autoclose int netns_fd = -1;
    int r = sync_wait(run->sync_fd, SYNC_CHILD_READY, CHILD, &netns_fd, e);

    if (r == 0 && !run->has_host) {
        r = await_host(s, run, e);
    }
    if (r == 0) {
        r = sync_send(run->sync_fd, SYNC_HOST_READY, run->join_fd, e);
    }
    if (r == 0) {
        r = net_start(netns_fd, s->state->lock_fd, &s->net, e);
    }
    /* Nothing to wait for: the word lies there before the child asks for it, and it never stops. */
    if (r == 0 && !net_must_wait(&s->net)) {
        r = sync_send(run->sync_fd, SYNC_EXEC, -1, e);
    }
    if (r == 0 && str_eq(s->spec->box.storage_driver, STORAGE_FUSE)) {
        r = serve_root(s, run, e);
    }
    if (r == 0) {
        r = sync_wait(run->sync_fd, SYNC_ROOT_READY, CHILD, &run->master_fd, e);
        r = r < 0 ? fuse_explain(&run->fuse, e) : 0;
    }
    if (r == 0 && net_must_wait(&s->net)) {
        r = net_wait_ready(&s->net, e);
        r = r < 0 ? r : sync_send(run->sync_fd, SYNC_EXEC, -1, e);
    }
    return r;
}

/* In the fork that checks the container's health. */
static void become_checker(void *arg)
{
    struct running *run = arg;

    close_fd(&run->health.run_fd); /* the lock */
    streams_close(run->streams);
}

static void begin_health(const struct supervise *s, struct running *run)
{
    struct health *h = &run->health;

    h->check = (struct health_check){.store = s->state->store,
                                     .spec = s->spec,
                                     .filter = s->child.filter,
                                     .dir_fd = s->state->dir_fd,
                                     .pidfd = run->pidfd,
                                     .join_fd = run->join_fd,
                                     .is_inside = !is_two_stage(s, run),
                                     .started_ns = run->started_ns};
    h->run_fd = s->state->lock_fd;
    h->become_child = become_checker;
    h->arg = run;
    health_begin(h);
}

static void tell_started(const struct supervise *s, struct running *run)
{
    struct sync_msg msg = {.step = SYNC_STARTED};
    struct err ignored = {0};

    run->started_ns = clock_realtime_ns();
    begin_health(s, run); /* before anyone may ask for it */
    notify_started(&run->notify, s->mode != SUPERVISE_FOREGROUND);
    msg.u.started.pid = signals_host_pid(run->pidfd);
    if (s->spec->linux_.namespaces[SPEC_NS_PID].mode != SPEC_NS_PRIVATE) {
        stragglers_mark((pid_t)msg.u.started.pid, run->mount_mark);
    }
    (void)state_write_running(
        s->state,
        &(struct state_running){.pid = msg.u.started.pid,
                                .started_ns = run->started_ns,
                                .restarts = run->restarts,
                                .has_cgroup = cgroup_is_saved(s->state->lock_fd)},
        &ignored);
    if (run->restarts > 0) {
        events_add_container(s->state->store, s->spec, "restart", NULL);
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, 0); /* first: a detached start's launcher goes when it is told */
    streams_tell(run->streams, &msg);
    if (s->mode == SUPERVISE_DETACHED) {
        streams_detach_launcher(run->streams);
    }
    events_add_container(s->state->store, s->spec, "start", NULL);
}

/* From the clone to the command's exec. */
static int start(struct supervise *s, struct running *run, struct err *e)
{
    int r = start_child(s, run, e);

    if (r == 0) {
        autoclose int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        process_drop_stdio(null_fd); /* the child has the caller's now */
        fd_close_inherited();
        r = build(s, run, e);
    }
    if (r == 0 && run->master_fd >= 0) {
        streams_terminal(run->streams, run->master_fd);
        run->master_fd = -1;
    }
    r = r < 0 ? r : explain_meet(run->explain, run->sync_fd, CHILD, e);
    return r < 0 ? r : sync_await_exec(&run->sync_fd, CHILD, e);
}

/* ---- once more */

static int may_restart(const struct supervise *s, const struct running *run, int status)
{
    const struct spec_box *b = &s->spec->box;

    if (streams_owner_left(run->streams) || state_is_stopping(s->state) ||
        run->health.asked == SPEC_HEALTH_STOP) {
        return 0;
    }
    if (run->health.asked == SPEC_HEALTH_RESTART) {
        return 1;
    }
    if (b->restart == SPEC_RESTART_ON_FAILURE) {
        return status != 0 && (b->restart_max == 0 || run->restarts < b->restart_max);
    }
    return b->restart != SPEC_RESTART_NO;
}

/* A new first process with a new world; cgroup, ids, lock and clients stay. */
static int start_again(struct supervise *s, struct running *run, struct err *e)
{
    int r = 0;

    stragglers_kill(run->mount_mark);
    net_stop(&s->net);
    fuse_stop(&run->fuse);
    while (waitpid(-1, NULL, WNOHANG) > 0) { /* what net_stop() did not wait for, last time */
    }
    run->restarts++;
    r = net_open(s->spec, &s->seat, &s->net, e);
    return r < 0 ? r : start(s, run, e);
}

/* ---- the story */

/* Of a container that is nobody's: who ends a session, a service or the machine tells its
 * supervisor. A launcher passes signals on itself. */
static int listen_for_term(int *ret_fd, struct err *e)
{
    sigset_t term;

    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    *ret_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? err_set(e, errno, "cannot listen for SIGTERM") : 0;
}

static int open_role(struct supervise *s, struct running *run, struct err *e)
{
    int r = enter_role(s, e);

    run->streams = streams_new(s->control_fd, s->mode == SUPERVISE_FOREGROUND);
    run->explain = explain_new(s->spec, s->child.filter);
    if (r == 0 && supervise_has_streams(s)) {
        r = streams_listen(run->streams, s->spec, s->state, e);
    }
    r = r < 0 || s->mode == SUPERVISE_FOREGROUND ? r : listen_for_term(&run->stop_fd, e);
    return r < 0 ? r : notify_open(s->spec, s->state->lock_fd, &run->notify, e);
}

struct life {
    struct supervise *s;
    struct running *run;
};

/* A container that is nobody's has nobody who would start it again; the keeper of the networks is
 * everybody's. */
static int helper_died(void *arg, size_t helper)
{
    const struct life *l = arg;
    const int again = l->s->mode != SUPERVISE_FOREGROUND ||
                      (helper == NET_HELPER_BACKEND && l->s->seat.anchor_fd >= 0);
    autofree char *text = NULL;

    if (helper >= NET_HELPER_COUNT) {
        streams_notice(l->run->streams, "fuse-overlayfs died: the container has no files");
        return -1;
    }
    text = net_helper_died((enum net_helper_role)helper, again, &l->s->net);
    streams_notice(l->run->streams, text);
    return l->s->net.helpers[helper].pidfd;
}

static void stop_asked(void *arg)
{
    const struct life *l = arg;
    struct err ignored = {0};

    (void)state_mark_stopping(l->s->state->lock_fd, &ignored);
}

/* From the command's exec to its last end. */
static int watch(struct supervise *s, struct running *run)
{
    struct life life = {.s = s, .run = run};
    const struct net_helper *net = s->net.helpers;
    int status = 0;

    names_begin(s->spec, signals_host_pid(run->pidfd), &run->names);
    status = watch_run(
        &(struct watch){.pidfd = &run->pidfd,
                        .streams = run->streams,
                        .helper_pidfds = {[NET_HELPER_BACKEND] = net[NET_HELPER_BACKEND].pidfd,
                                          [NET_HELPER_PORTS] = net[NET_HELPER_PORTS].pidfd,
                                          [NET_HELPER_RESOLVER] = net[NET_HELPER_RESOLVER].pidfd,
                                          [NET_HELPER_COUNT] = run->fuse.pidfd},
                        .helper_count = NET_HELPER_COUNT + 1,
                        .helper_died = helper_died,
                        .stop_asked = stop_asked,
                        .stop_fd = run->stop_fd,
                        .arg = &life,
                        .notify = &run->notify,
                        .names = &run->names,
                        .explain = run->explain,
                        .timeout_ms = s->spec->box.timeout_ms,
                        .health = &run->health,
                        .stop_signal = s->spec->box.stop_signal,
                        .stop_timeout_ms = s->spec->box.stop_timeout_ms,
                        .ret_timed_out = &run->timed_out});
    names_end(&run->names);
    health_end(&run->health);
    return status;
}

static void live(struct supervise *s, struct running *run, struct state_exit *x)
{
    int64_t pause_ms = 0;
    struct err e = {0};
    int r = 0;

    for (;;) {
        tell_started(s, run);
        x->status = watch(s, run);
        x->oom_killed = 0;
        x->started_ns = run->started_ns;
        x->finished_ns = clock_realtime_ns();
        pause_ms = restart_next_pause_ms((x->finished_ns - x->started_ns) / 1000000, pause_ms);
        if (!may_restart(s, run, x->status) || !restart_pause(s->state, run->stop_fd, pause_ms)) {
            return;
        }
        supervise_end_life(s, run, x);
        r = start_again(s, run, &e);
        if (r < 0) {
            streams_notice(run->streams, e.msg);
            x->error = xstrdup(e.msg);
            return;
        }
    }
}

_Noreturn void supervise_main(struct supervise *s)
{
    struct running run = {.sync_fd = -1,
                          .pidfd = -1,
                          .join_fd = -1,
                          .master_fd = -1,
                          .stop_fd = -1,
                          .names = NAMES_INIT,
                          .notify = NOTIFY_INIT,
                          .fuse = {.pidfd = -1, .err_fd = -1}};
    struct sync_msg msg = {.step = SYNC_EXIT};
    struct state_exit x = {0};
    struct err e = {0};
    int r = open_role(s, &run, &e);

    if (r == 0) {
        r = start(s, &run, &e);
    }
    if (r < 0) {
        supervise_put_away(s, &run, &x, 0);
        sync_send_err(s->control_fd, &e);
        _exit(EXITCODE_RBOX);
    }
    live(s, &run, &x);
    x.restarts = run.restarts;
    supervise_put_away(s, &run, &x, 1);
    msg.u.exit =
        (struct sync_exit){.status = x.status, .oom_killed = x.oom_killed, .report = run.report};
    streams_tell(run.streams, &msg);
    _exit(0);
}
