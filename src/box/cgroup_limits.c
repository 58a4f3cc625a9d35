/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/cgroup_limits.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/cgroup_tree.h"
#include "box/scope.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/utsname.h>

enum {
    NAME_MAX_BYTES = 64, /* of a controller */
};

/* ---- of a new container */

struct setting {
    struct cgroup *c;
    const struct spec *s;
    pid_t pid;             /* the supervisor's */
    const struct err *why; /* there is no cgroup */
};

/* RLIMIT_NPROC counts for each user namespace since Linux 5.14. */
static int kernel_counts_processes(void)
{
    struct utsname u;
    int major = 0;
    int minor = 0;

    return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 14));
}

/* A cpuset by best effort: the process may widen it again, so it is not exact. */
static int set_affinity(pid_t pid, const char *list)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        char one[16];

        (void)snprintf(one, sizeof(one), "%d", cpu);
        if (limits_list_within(one, list) == 1) {
            CPU_SET(cpu, &set);
        }
    }
    return sched_setaffinity(pid, sizeof(set), &set);
}

/* Why the controller of @row is not there, as an error. */
static int explain_missing(const struct cgroup *c, const struct err *why, const struct limit *row,
                           struct err *e)
{
    char name[NAME_MAX_BYTES];

    limits_controller(row, name, sizeof(name));
    if (why == NULL || c->way != CGROUP_NONE || cgroup_tree_is_v1(name)) {
        return cgroup_tree_missing(c->path, name, row->option, e);
    }
    *e = *why;
    e->errnum = ENOTSUP;
    return err_wrap(e, "cannot set %s", row->option);
}

static int hold_by_rlimit(struct cgroup *c, const struct limit *row, struct err *e)
{
    int64_t n = 0; /* "max": none */

    if (!str_eq(row->value, "max") && parse_int64(row->value, 1, INT32_MAX, &n, e) < 0) {
        return err_wrap(e, "%s", row->option);
    }
    c->nproc_limit = n;
    cgroup_note_limit(c, row->option, row->value, "rlimit", 1);
    return 0;
}

/* The lower rungs of the ladder, for a limit whose controller is missing. */
static int set_without(const struct setting *m, const struct limit *row, struct err *e)
{
    if (!row->asked) {
        return 0;
    }
    if (str_eq(row->file, "pids.max") && kernel_counts_processes()) {
        return hold_by_rlimit(m->c, row, e);
    }
    (void)explain_missing(m->c, m->why, row, e);
    if (!m->s->linux_.resources.best_effort) {
        return -e->errnum;
    }
    if (str_eq(row->file, "cpuset.cpus") && set_affinity(m->pid, row->value) == 0) {
        warn("%s; only the affinity is set (--limits=best-effort)", e->msg);
        cgroup_note_limit(m->c, row->option, row->value, "affinity", 0);
    } else {
        warn("%s; going on without (--limits=best-effort)", e->msg);
        cgroup_note_limit(m->c, row->option, row->value, NULL, 0);
    }
    err_clear(e);
    return 0;
}

static int is_of(const struct limit *row, const char *controller)
{
    char name[NAME_MAX_BYTES];

    limits_controller(row, name, sizeof(name));
    return str_eq(name, controller);
}

/* On I/O of the container's root, which a server does for it, beside that of the container itself.
 */
static int is_twice(const struct cgroup *c, const struct limit *row)
{
    return row->property == NULL && c->server_fd >= 0 && is_of(row, "io");
}

/* Write @row where it belongs. */
static int write_limit(const struct cgroup *c, const struct limit *row, struct err *e)
{
    int is_on_top = row->property != NULL;
    int r = 0;

    if (is_on_top && c->way == CGROUP_SYSTEMD) {
        return scope_set(c->unit, row->property, row->property_value, e);
    }
    r = limits_write(is_on_top ? c->top_fd : c->box_fd, row, e);
    return r < 0 || !is_twice(c, row) ? r : limits_write(c->server_fd, row, e);
}

static void note_limit(struct cgroup *c, const struct limit *row)
{
    if (row->asked) { /* twice: the root has that much, and all volumes together */
        cgroup_note_limit(c, row->option, row->lifted ? NULL : row->value,
                          c->way == CGROUP_SYSTEMD ? "systemd" : "cgroupfs",
                          row->exact && !is_twice(c, row));
    }
}

static int set_limit(struct cgroup *c, const struct limit *row, struct err *e)
{
    int r = write_limit(c, row, e);

    if (r == 0) {
        note_limit(c, row);
    }
    return r;
}

/* Does the controller of @row reach box/? */
static int is_settable(const struct cgroup *c, const struct limit *row)
{
    char name[NAME_MAX_BYTES];

    limits_controller(row, name, sizeof(name));
    return c->way != CGROUP_NONE &&
           (name[0] == '\0' || cgroup_tree_has(c->box_fd, "cgroup.controllers", name));
}

int cgroup_limits_set(struct cgroup *c, const struct spec *s, pid_t supervisor_pid,
                      const struct limits *l, const struct err *why, struct err *e)
{
    const struct setting m = {.c = c, .s = s, .pid = supervisor_pid, .why = why};

    for (size_t i = 0; i < l->count; i++) {
        const struct limit *row = &l->rows[i];
        int r = is_settable(c, row) ? set_limit(c, row, e) : set_without(&m, row, e);

        if (r < 0 && row->asked) {
            return r;
        }
    }
    return 0;
}

/* ---- of a running container */

/* Is @l to be had on @c, each that was asked for? Before any is written. */
static int check_change(const struct cgroup *c, const struct limits *l, struct err *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct limit *row = &l->rows[i];

        if (!row->asked) {
            continue;
        }
        if (c->way == CGROUP_NONE) {
            return err_new(e, ENOTSUP,
                           "cannot change limits of a container that runs without a cgroup");
        }
        if (!is_settable(c, row)) {
            return explain_missing(c, NULL, row, e);
        }
        if (limits_check(row->property != NULL ? c->top_fd : c->box_fd, row, e) < 0) {
            return -e->errnum;
        }
    }
    return 0;
}

static int write_change(const struct cgroup *c, const struct limits *l, struct err *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct limit *row = &l->rows[i];
        int r = is_settable(c, row) ? write_limit(c, row, e) : 0;

        if (r < 0 && row->asked) {
            return r;
        }
    }
    return 0;
}

int cgroup_update(struct cgroup *c, const struct spec *before, const struct spec *after,
                  struct err *e)
{
    autolimits struct limits l = {0};
    autolimits struct limits back = {0};
    struct err ignored = {0};
    int r = limits_plan_change(before, after, &l, e);

    r = r < 0 ? r : check_change(c, &l, e);
    if (r < 0 || c->way == CGROUP_NONE) {
        return r;
    }
    r = write_change(c, &l, e);
    if (r < 0) {
        if (limits_plan_change(after, before, &back, &ignored) == 0) {
            (void)write_change(c, &back, &ignored);
        }
        return r;
    }
    err_clear(e); /* of what was not asked for */
    for (size_t i = 0; i < l.count; i++) {
        note_limit(c, &l.rows[i]);
    }
    return 0;
}
