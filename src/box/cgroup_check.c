/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `rbox doctor` says of limits: the first rung of the ladder, tried with a scope of a moment.
 * A manager that has not heard yet of what it was given hands nothing on, whatever its own cgroup
 * says. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/limits.h"
#include "box/scope.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct {
    const char *controller;
    const char *option; /* that needs it first */
} NEEDS[] = {
    {"memory", "--memory"},      {"pids", "--pids-limit"},    {"cpu", "--cpus"},
    {"cpuset", "--cpuset-cpus"}, {"io", "--device-read-bps"},
};

/* Does a limit of @l need @controller? */
static int is_needed(const struct limits *l, const char *controller)
{
    for (size_t i = 0; i < l->count; i++) {
        char name[64];

        limits_controller(&l->rows[i], name, sizeof(name));
        if (l->rows[i].asked && str_eq(name, controller)) {
            return 1;
        }
    }
    return 0;
}

/* A scope as a container's, with a process that waits to be killed. */
static int try_scope(int *ret_pidfd, char **ret_path, struct err *e)
{
    autofree char *unit = xasprintf("rbox-doctor-%d.scope", (int)getpid());
    struct scope_request q = {
        .unit = unit, .description = "rbox doctor", .slice = scope_slice(), .pid = -1};
    int r = 0;

    q.pid = ns_clone(0, -1, ret_pidfd, e);
    if (q.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)pause();
        }
    }
    r = q.pid < 0 ? (int)q.pid : scope_start(&q, e);
    return r < 0 ? r : cgroup_tree_of(q.pid, ret_path, e);
}

static int check(const struct limits *wanted, char **ret_found, struct err *e)
{
    autofree char *path = NULL;
    autokill int pidfd = -1;
    autoclose int fd = -1;
    autobuf struct buf found = {0};
    const char *missing = NULL;
    const char *option = NULL;

    if (cgroup_tree_is_v1(NEEDS[0].controller)) {
        return cgroup_tree_missing(NULL, NEEDS[0].controller, NEEDS[0].option, e);
    }
    if (try_scope(&pidfd, &path, e) < 0 || cgroup_tree_open_path(path, &fd, e) < 0) {
        return -e->errnum;
    }
    for (size_t i = 0; i < sizeof(NEEDS) / sizeof(NEEDS[0]); i++) {
        if (cgroup_tree_has(fd, "cgroup.controllers", NEEDS[i].controller)) {
            buf_printf(&found, "%s ", NEEDS[i].controller);
        } else if (missing == NULL && (wanted == NULL || is_needed(wanted, NEEDS[i].controller))) {
            missing = NEEDS[i].controller;
            option = NEEDS[i].option;
        }
    }
    buf_printf(&found, "reach '%s'", path);
    *ret_found = steal_ptr(&found.data);
    return missing != NULL ? cgroup_tree_missing(path, missing, option, e) : 0;
}

int cgroup_check(const struct spec *wanted, char **ret_found, struct err *e)
{
    struct limits limits = {0};
    int r = wanted != NULL ? limits_plan(wanted, &limits, e) : 0;

    *ret_found = NULL;
    r = r < 0 ? r : check(wanted != NULL ? &limits : NULL, ret_found, e);
    limits_done(&limits);
    return r;
}
