/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/cgroup.h"
#include "box/control.h"
#include "box/health.h"
#include "box/signals.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int healthcheck(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_healthcheck_run = {
    .names = {"healthcheck run"},
    .group = CMD_CONTAINERS,
    .summary = "check a container's health now",
    .usage = "CONTAINER",
    .description =
        "Runs the check that --health-cmd or the image names, and counts its result as one of\n"
        "the timer's. Exit status 0: it passed; 1: it failed, and what the container counts as is\n"
        "printed; 125: it could not be made.",
    .examples = "rbox healthcheck run web\n",
    .min_args = 1,
    .max_args = 1,
    .run = healthcheck,
};

/* Fork the process that checks; it goes on when @gate_fd gives a byte: its cgroup comes first. */
static int fork_checker(const struct health_check *c, const int gate[2], int *ret_pidfd,
                        pid_t *ret_pid, struct err *e)
{
    char go = 0;

    *ret_pid = ns_clone(0, -1, ret_pidfd, e);
    if (*ret_pid == 0) {
        (void)close(gate[1]);
        _exit(read(gate[0], &go, 1) == 1 ? health_check(c) : HEALTH_NO_CHECK);
    }
    return *ret_pid < 0 ? (int)*ret_pid : 0;
}

static int check(const struct health_check *c, const struct cgroup *cgroup, int *ret, struct err *e)
{
    autoclose int gate_read = -1;
    autoclose int gate_write = -1;
    autokill int pidfd = -1;
    pid_t pid = -1;
    int r = fd_pipe(&gate_read, &gate_write, e);

    r = r < 0 ? r : fork_checker(c, (int[]){gate_read, gate_write}, &pidfd, &pid, e);
    if (r == 0 && cgroup->way != CGROUP_NONE) {
        r = cgroup_attach(cgroup, signals_host_pid(c->pidfd), pid, e);
    }
    if (r < 0) {
        return r;
    }
    if (write(gate_write, "", 1) != 1) {
        return err_set(e, errno, "cannot start the check");
    }
    return proc_wait(pidfd, PROC_FOREVER, ret, e);
}

static int check_container(const struct store *store, const struct found *f, struct container *c,
                           int *ret, struct err *e)
{
    struct seccomp_filter filter = {0};
    autocgroup struct cgroup cgroup = CGROUP_INIT;
    autoclose int pidfd = -1;
    int r = cgroup_load(f->run_fd, &cgroup, e);

    if (r == 0 && c->is_paused) {
        return err_new(e, EBUSY, "container '%s' is paused", f->name);
    }
    r = r < 0 ? r : control_open(f, &pidfd, e);
    r = r < 0 ? r : seccomp_prepare(&c->spec, &filter, e);
    if (r == 0) {
        const struct health_check check_ = {.store = store,
                                            .spec = &c->spec,
                                            .filter = &filter,
                                            .dir_fd = f->dir_fd,
                                            .pidfd = pidfd,
                                            .join_fd = -1,
                                            .started_ns = c->started_ns};

        r = check(&check_, &cgroup, ret, e);
    }
    seccomp_done(&filter);
    return r;
}

static int healthcheck(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    struct container c;
    int status = HEALTH_NO_CHECK;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : find_running(store, argv[0], &f, e);
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    if (!spec_health_is_on(&c.spec.box.health)) {
        r = err_new(e, EINVAL, "container '%s' has no health check", f.name);
        (void)err_hint(e, "rbox run --health-cmd COMMAND …");
    }
    r = r < 0 ? r : check_container(store, &f, &c, &status, e);
    container_done(&c);
    if (r == 0 && status != HEALTH_PASSED && status != HEALTH_FAILED &&
        status != HEALTH_IS_UNHEALTHY) {
        r = err_new(e, ESRCH, "container '%s' could not be checked: it has ended", f.name);
    }
    if (r < 0 || status == HEALTH_PASSED) {
        return r;
    }
    r = container_read(&f, &c, e);
    if (r == 0) {
        (void)puts(container_health(&c));
        container_done(&c);
    }
    return r < 0 ? r : 1;
}
