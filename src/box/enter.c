/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/enter.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "box/attach.h"
#include "box/cgroup.h"
#include "box/confine.h"
#include "box/control.h"
#include "box/mounts.h"
#include "box/process.h"
#include "box/signals.h"
#include "box/streams.h"
#include "box/sync.h"
#include "box/tty.h"
#include "box/watch.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/selinux.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char COMMAND[] = "the command's process";

struct enter {
    struct spec *spec;
    const struct enter_options *options; /* of start_command() and the launcher */
    struct seccomp_filter filter;
    struct winsize size;
    int pidfd;      /* of the container's first process */
    int join_fd;    /* cgroup.procs that the command itself joins, or -1 */
    uint64_t flags; /* of the namespaces to join */
    int is_free;    /* the command outlives whoever started it */
    int dir_fd;     /* its folder, borrowed: for pipes with its SELinux label */
    int proc_fd;    /* of selinux_exec_open(); the caller's */
    int control_fd; /* between launcher and supervisor */
    int sync_fd;    /* between supervisor and command */
};

/* What join_container() is told. */
struct joining {
    const struct enter *enter;
    const struct cgroup *cgroup;
};

/* ---- the command, in all namespaces of the container */

static int set_stdio(const struct enter *n, int root_fd, const struct user *user,
                     int *ret_master_fd, struct err *e)
{
    autoclose int slave_fd = -1;
    int r = 0;

    if (n->spec->process.terminal) {
        r = mounts_terminal(root_fd, ret_master_fd, &slave_fd, e);
    }
    return r < 0 ? r : process_set_stdio(n->spec, root_fd, slave_fd, &n->size, user, e);
}

/* A cgroup namespace of its own shows what the container's does. It can't be that: before Linux
 * 5.17 nobody may come into a cgroup from outside of his namespace. */
static int join_cgroup(const struct enter *n, struct err *e)
{
    return cgroup_join(n->join_fd, n->spec->linux_.namespaces[SPEC_NS_CGROUP].mode != SPEC_NS_HOST,
                       e);
}

static int become_command(const struct enter *n, struct user *user, struct err *e)
{
    struct spec *s = n->spec;
    autoclose int root_fd = -1;
    autoclose int master_fd = -1;
    int r = n->join_fd < 0 ? 0 : join_cgroup(n, e);

    r = r < 0 ? r : process_become_root(s, e);
    root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && root_fd < 0) {
        r = err_set(e, errno, "cannot open the container's root");
    }
    r = r < 0 ? r : user_resolve(root_fd, &s->process, user, e);
    r = r < 0 ? r : process_check_user(s, user, e);
    if (r == 0 && spec_env_get(&s->process.env, "HOME") == NULL) {
        spec_env_set(&s->process.env, "HOME", user->home);
    }
    r = r < 0 ? r : set_stdio(n, root_fd, user, &master_fd, e);
    r = r < 0 ? r : process_enter_cwd(s, root_fd, /* make= */ 0, e);
    return r < 0 ? r : sync_send(n->sync_fd, SYNC_ROOT_READY, master_fd, e);
}

static _Noreturn void command_main(const struct enter *n)
{
    struct spec *s = n->spec;
    struct user user = {0};
    struct err e = {0};
    int r = 0;

    process_reset();
    r = become_command(n, &user, &e);
    r = r < 0 ? r : selinux_exec_as(n->proc_fd, s->process.selinux_label, &e);
    if (r == 0) {
        process_close_descriptors(s->box.preserve_fds, n->sync_fd);
        r = process_set_limits(&s->process, &e);
    }
    if (r == 0) {
        (void)umask((mode_t)s->process.umask);
        r = confine(s, &user, &n->filter, n->sync_fd, &e);
    }
    if (r == 0) {
        /* Its supervisor's end is its own, however that comes about; a change of ids clears this.
         */
        (void)prctl(PR_SET_PDEATHSIG, n->is_free ? 0 : SIGKILL);
        (void)process_exec(s, s->process.args.v, &e);
    }
    sync_send_err(n->sync_fd, &e);
    _exit(e.exit_code != 0 ? e.exit_code : EXITCODE_RBOX);
}

/* ---- its supervisor, in all but the PID namespace */

/* Nobody in the container may read this process's memory or program, nor trace it. */
static int enter_namespaces(const struct enter *n, struct err *e)
{
    int r = process_set_oom_score(n->spec, e);

    if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0) {
        r = err_set(e, errno, "cannot shut the process from others");
    }
    return r < 0 ? r : ns_join(n->pidfd, (int)n->flags, e);
}

/* Returns its pid as counted here. @streams: NULL when it has no terminal, and what it writes goes
 * elsewhere. */
static pid_t start_command(struct enter *n, struct streams *streams, int null_fd, int *ret_pidfd,
                           struct err *e)
{
    autoclose int sync_fd = -1;
    int master_fd = -1;
    pid_t pid = -1;
    int r = 0;

    if (n->options->detach) {
        process_drop_stdio(null_fd);
    }
    pid = sync_fork(0, &sync_fd, ret_pidfd, e);
    if (pid == 0) {
        if (streams != NULL) {
            streams_close(streams);
        }
        n->sync_fd = sync_fd;
        command_main(n);
    }
    process_drop_stdio(null_fd);
    r = pid < 0 ? (int)pid : sync_wait(sync_fd, SYNC_ROOT_READY, COMMAND, &master_fd, e);
    if (master_fd >= 0) {
        streams_terminal(streams, master_fd);
    }
    r = r < 0 ? r : sync_await_exec(&sync_fd, COMMAND, e);
    return r < 0 ? r : pid;
}

/* Pipes in place of descriptors of the caller's that its label may not allow. Before the host's
 * /proc is out of sight. */
static int make_pipes(const struct enter *n, struct streams *streams, struct err *e)
{
    int ends[3] = {-1, -1, -1};
    int r = 0;

    if (n->spec->process.terminal || n->options->detach || !process_needs_streams(n->spec)) {
        return 0;
    }
    r = streams_pipes(streams, n->spec, n->dir_fd, ends, e);
    r = r < 0 ? r : streams_become(ends, e);
    for (int fd = 0; fd <= 2; fd++) {
        close_fd(&ends[fd]);
    }
    return r;
}

/* Wait for the launcher: it moves this process into the container's cgroup. */
static int await_host(const struct enter *n, struct err *e)
{
    struct sync_host host;
    int join_fd = -1;

    return sync_wait_host(n->control_fd, &host, &join_fd, e);
}

static _Noreturn void supervise(struct enter *n)
{
    struct streams *streams = streams_new(n->control_fd, /* is_owner= */ 1);
    struct sync_msg msg = {.step = SYNC_STARTED};
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* the host's: not the one inside */
    int pidfd = -1;
    struct err e = {0};
    int r = 0;

    process_supervise("rbox-exec");
    r = await_host(n, &e);
    r = r < 0 ? r : make_pipes(n, streams, &e);
    r = r < 0 ? r : enter_namespaces(n, &e);
    r = r < 0 ? r : (int)start_command(n, streams, null_fd, &pidfd, &e);
    if (r < 0) {
        proc_kill_reap(&pidfd);
        sync_send_err(n->control_fd, &e);
        _exit(EXITCODE_RBOX);
    }
    (void)prctl(PR_SET_PDEATHSIG, 0); /* from here the launcher's going is seen by its socket */
    streams_tell(streams, &msg);
    if (n->options->detach) {
        streams_detach_launcher(streams);
    }
    msg = (struct sync_msg){.step = SYNC_EXIT};
    msg.u.exit.status =
        watch_run(&(struct watch){.pidfd = &pidfd, .streams = streams, .stop_fd = -1});
    streams_tell(streams, &msg);
    _exit(0);
}

/* ---- one whose output is caught, in a fork that is there for nothing else */

struct capture {
    int out_fd;
    int pidfd;
    int64_t until_ms;
    size_t max;
};

/* Keep the first bytes, and let the rest go by. Returns 0 when there is nothing now. */
static int read_some(const struct capture *c, struct buf *ret)
{
    char chunk[4096];
    ssize_t n = read(c->out_fd, chunk, sizeof(chunk));

    if (n > 0 && ret->len < c->max) {
        buf_add(ret, chunk, (size_t)n < c->max - ret->len ? (size_t)n : c->max - ret->len);
    }
    return n > 0;
}

/* To the command's end, not that of the pipe: what it left in the background has it still. */
static int catch_output(const struct capture *c, struct buf *ret)
{
    int64_t left = c->until_ms - clock_monotonic_ms();
    int open_fd = c->out_fd;

    for (; left > 0; left = c->until_ms - clock_monotonic_ms()) {
        struct pollfd p[2] = {{.fd = c->pidfd, .events = POLLIN},
                              {.fd = open_fd, .events = POLLIN}};

        (void)poll(p, 2, left < INT32_MAX ? (int)left : INT32_MAX);
        if ((p[1].revents & POLLIN) != 0) {
            (void)read_some(c, ret);
        } else if (p[1].revents != 0) {
            open_fd = -1; /* all who could write are gone */
        }
        if (p[0].revents != 0) {
            while (clock_monotonic_ms() < c->until_ms && read_some(c, ret)) {
            }
            return 0;
        }
    }
    return -ETIMEDOUT;
}

static int capture_command(struct enter *n, const struct enter_capture *c, int *ret_status,
                           struct buf *ret_output, struct err *e)
{
    autoclose int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    autoclose int out_fd = -1;
    autoclose int write_fd = -1;
    struct capture capture = {.until_ms = clock_monotonic_ms() + c->timeout_ms,
                              .max = c->output_max};
    int pidfd = -1;
    pid_t pid = -1;
    int ends[2] = {-1, -1};
    int r = streams_pipe(n->spec, n->dir_fd, ends, e);

    out_fd = ends[0];
    write_fd = ends[1];
    r = r < 0 ? r : enter_namespaces(n, e);
    if (r < 0) {
        return r;
    }
    if (dup2(null_fd, 0) < 0 || dup2(write_fd, 1) < 0 || dup2(write_fd, 2) < 0 ||
        fcntl(out_fd, F_SETFL, O_NONBLOCK) < 0) {
        return err_set(e, errno, "cannot give the command its descriptors");
    }
    close_fd(&write_fd);
    pid = start_command(n, NULL, null_fd, &pidfd, e);
    if (pid < 0) {
        proc_kill_reap(&pidfd);
        return (int)pid;
    }
    capture.out_fd = out_fd;
    capture.pidfd = pidfd;
    r = catch_output(&capture, ret_output);
    if (r < 0) {
        (void)kill(-pid, SIGKILL); /* it leads a group: what it started goes, too */
        proc_kill_reap(&pidfd);
        return err_new(e, ETIMEDOUT, "the command ran longer than %lld ms",
                       (long long)c->timeout_ms);
    }
    r = proc_wait(pidfd, PROC_FOREVER, ret_status, e);
    (void)close(pidfd);
    return r;
}

int enter_capture(const struct enter_capture *c, int *ret_status, struct buf *ret_output,
                  struct err *e)
{
    static const struct enter_options NONE = {0};
    struct enter n = {.spec = c->spec,
                      .options = &NONE,
                      .dir_fd = c->dir_fd,
                      .filter = *c->filter,
                      .pidfd = c->pidfd,
                      .join_fd = c->join_fd,
                      .flags = process_namespaces(c->spec, /* only_new= */ 0) |
                               (c->is_inside ? 0 : CLONE_NEWUSER),
                      .proc_fd = selinux_exec_open(c->spec->process.selinux_label),
                      .control_fd = -1,
                      .sync_fd = -1};

    if (c->join_fd >= 0) {
        n.flags &= ~(uint64_t)CLONE_NEWCGROUP;
    }
    process_supervise("rbox-check");
    return capture_command(&n, c, ret_status, ret_output, e);
}

/* ---- one that is its caller's child: rbox oci exec */

/* In a process of its own, which clones the command and goes. The cgroup comes first: the way there
 * may need the host's. */
static int join_container(void *arg, pid_t pid, struct err *e)
{
    const struct joining *j = arg;
    int r = j->cgroup->way != CGROUP_NONE
                ? cgroup_attach(j->cgroup, signals_host_pid(j->enter->pidfd), getpid(), e)
                : 0;

    (void)pid;
    return r < 0 ? r : enter_namespaces(j->enter, e);
}

pid_t enter_start(const struct enter_start *s, struct err *e)
{
    struct enter n = {.spec = s->spec,
                      .filter = *s->filter,
                      .pidfd = s->pidfd,
                      .join_fd = -1,
                      .flags = ns_foreign(s->first_pid),
                      .is_free = 1,
                      .proc_fd = selinux_exec_open(s->spec->process.selinux_label),
                      .control_fd = -1,
                      .sync_fd = -1};
    struct joining joining = {.enter = &n, .cgroup = s->cgroup};
    autoclose int sync_fd = -1;
    int pair[2] = {-1, -1};
    int r = sync_pair(pair, e);
    pid_t pid = -1;

    if (r < 0) {
        return r;
    }
    pid = ns_clone_between(join_container, NULL, &joining, 0, s->ret_pidfd, e);
    if (pid == 0) {
        (void)close(pair[0]);
        n.sync_fd = pair[1];
        command_main(&n);
    }
    (void)close(pair[1]);
    close_fd(&n.proc_fd);
    sync_fd = pair[0];
    r = pid < 0 ? (int)pid : sync_wait(sync_fd, SYNC_ROOT_READY, COMMAND, s->ret_master_fd, e);
    r = r < 0 ? r : sync_await_exec(&sync_fd, COMMAND, e);
    return r < 0 ? r : pid;
}

/* ---- the launcher */

static int check_running(const struct found *f, struct cgroup *c, struct err *e)
{
    int r = cgroup_load(f->run_fd, c, e);

    if (r == 0 && cgroup_is_frozen(c->box_fd) > 0) {
        (void)err_new(e, EBUSY, "container '%s' is paused", f->name);
        return err_hint(e, "rbox unpause %s", f->name);
    }
    return r;
}

static int fork_supervisor(struct enter *n, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
    *ret_pid = sync_fork(0, &n->control_fd, ret_pidfd, e);
    if (*ret_pid == 0) {
        supervise(n);
    }
    return *ret_pid < 0 ? (int)*ret_pid : 0;
}

static int launch(struct enter *n, const struct cgroup *c, struct err *e)
{
    const struct sync_host host = {0};
    struct report report = {0};
    struct attach a = {.terminal = n->spec->process.terminal,
                       .has_streams = process_needs_streams(n->spec),
                       .interactive = n->spec->box.interactive,
                       .is_owner = 1,
                       .only_start = n->options->detach,
                       .detach_keys = n->options->detach_keys,
                       .ret_report = &report};
    autokill int pidfd = -1;
    pid_t pid = -1;
    int r = 0;

    attach_block_signals();
    r = fork_supervisor(n, &pid, &pidfd, e);
    if (r == 0 && c->way != CGROUP_NONE) {
        r = cgroup_attach(c, signals_host_pid(n->pidfd), pid, e);
    }
    r = r < 0 ? r : sync_send_host(n->control_fd, &host, -1, e);
    a.control_fd = n->control_fd;
    r = r < 0 ? r : attach_run(&a, e);
    close_fd(&n->control_fd);
    if (r >= 0) {
        close_fd(&pidfd); /* detached, it goes on; else it is about to end */
    }
    return r;
}

int enter_run(const struct found *f, struct spec *s, const struct enter_options *o, struct err *e)
{
    struct enter n = {.spec = s,
                      .options = o,
                      .dir_fd = f->dir_fd,
                      .pidfd = -1,
                      .join_fd = -1,
                      .flags = CLONE_NEWUSER | process_namespaces(s, /* only_new= */ 0),
                      .proc_fd = selinux_exec_open(s->process.selinux_label),
                      .control_fd = -1,
                      .sync_fd = -1};
    autocgroup struct cgroup c = CGROUP_INIT;
    int r = check_running(f, &c, e);

    n.size = tty_size();
    s->box.explain = 0; /* it has one listener, which is of the first process's filter */
    r = r < 0 ? r : control_open(f, &n.pidfd, e);
    r = r < 0 ? r : seccomp_prepare(s, &n.filter, e);
    r = r < 0 ? r : launch(&n, &c, e);
    close_fd(&n.proc_fd);
    close_fd(&n.pidfd);
    seccomp_done(&n.filter);
    return r;
}
