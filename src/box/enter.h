/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One more command in a running container: rbox exec.
 *
 * As with a run there is a supervisor, a fork of the launcher: it moves into the container's
 * cgroup, joins all its namespaces through one pidfd (setns(2)), and clones the command, which so
 * is in the PID namespace, as the supervisor is not: nothing inside can see or reach it. It may not
 * be dumped before it joins (CVE-2019-5736, CVE-2019-8308). The command dies with the container;
 * and with a launcher that is killed. */
#ifndef RBOX_BOX_ENTER_H
#define RBOX_BOX_ENTER_H

#include "base/err.h"
#include "box/cgroup.h"
#include "box/detach_keys.h"
#include "box/find.h"
#include "box/seccomp.h"
#include "spec/spec.h"

struct enter_options {
    int detach; /* return when the command was executed; its descriptors are /dev/null */
    const struct detach_keys *detach_keys;
};

/* Run the process of @s, which is that of container @f with what the options changed, in it.
 * Returns its exit status, or 0 when detached; a negative errno with @e: 125, or 126 and 127 when
 * the command could not be executed. Errors: -ESRCH it does not run; -EBUSY it is paused. Host
 * side. */
int enter_run(const struct found *f, struct spec *s, const struct enter_options *o, struct err *e);

/* A command whose output is caught. */
struct enter_capture {
    struct spec *spec; /* its process is what to run, without a terminal */
    const struct seccomp_filter *filter;
    int pidfd;     /* of the container's first process */
    int join_fd;   /* of the container's cgroup, or -1: there is none, or the caller sits in it */
    int dir_fd;    /* the container's folder */
    int is_inside; /* the caller is in its user namespace already */
    int64_t timeout_ms;
    size_t output_max; /* bytes; the rest goes by */
};

/* Run it to its end; past @timeout_ms it is killed with all of its process group. For a fork that
 * is there for nothing else: it joins the container's namespaces, and stays in them. Errors:
 * -ETIMEDOUT; as enter_run(). */
int enter_capture(const struct enter_capture *c, int *ret_status, struct buf *ret_output,
                  struct err *e);

/* A command that is the caller's child, and outlives it. */
struct enter_start {
    struct spec *spec; /* its process is what to run */
    const struct seccomp_filter *filter;
    int pidfd; /* of the container's first process, and its number here */
    pid_t first_pid;
    const struct cgroup *cgroup; /* the container's */
    int *ret_pidfd;              /* the caller's to own */
    int *ret_master_fd;          /* of its terminal, or -1 */
};

/* Start it. Returns its pid. Errors: as enter_run(). */
pid_t enter_start(const struct enter_start *s, struct err *e);

#endif
