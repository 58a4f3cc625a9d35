/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `rbox doctor` says of limits: the first rung of the ladder, looked at without making
 * anything. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/limits.h"
#include "box/scope.h"

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

static int check(const struct limits *wanted, char **ret_found, struct err *e)
{
    autofree char *path = NULL;
    autoclose int fd = -1;
    autobuf struct buf found = {0};
    const char *missing = NULL;
    const char *option = NULL;

    if (cgroup_tree_is_v1(NEEDS[0].controller)) {
        return cgroup_tree_missing(NULL, NEEDS[0].controller, NEEDS[0].option, e);
    }
    if (scope_manager_path(&path, e) < 0 || cgroup_tree_open_path(path, &fd, e) < 0) {
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
    int r = wanted != NULL ? limits_plan(wanted, LIMITS_NEW, &limits, e) : 0;

    *ret_found = NULL;
    r = r < 0 ? r : check(wanted != NULL ? &limits : NULL, ret_found, e);
    limits_done(&limits);
    return r;
}
