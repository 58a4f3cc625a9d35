/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's last part: what a container's life has made is taken back, and what is to be
 * known of its end is kept and told. */
#ifndef RBOX_BOX_SUPERVISE_END_H
#define RBOX_BOX_SUPERVISE_END_H

#include "box/explain.h"
#include "box/fuse.h"
#include "box/health.h"
#include "box/names.h"
#include "box/notify.h"
#include "box/report.h"
#include "box/stragglers.h"
#include "box/streams.h"
#include "box/supervise.h"
#include "box/sync.h"

/* What the start has made so far, and its end takes back. */
struct running {
    int sync_fd;
    int pidfd;    /* of the container's PID 1; -1 once reaped */
    int join_fd;  /* of the container's cgroup, or -1 */
    int has_host; /* the launcher's part is done: join_fd and host are known */
    struct sync_host host;
    int stop_fd;   /* SIGTERM: stop the container; or -1 */
    int master_fd; /* of the terminal, or -1; then the streams' */
    struct streams *streams;
    struct fuse_server fuse;
    struct explain *explain;
    struct names names;
    struct notify notify;
    int restarts;
    int timed_out; /* --timeout ended it */
    struct health health;
    int64_t started_ns;
    struct report report;
    struct cgroup_figures told; /* its cgroup's, when the life before this one was told of */
    char mount_mark[STRAGGLERS_NAME_MAX]; /* of what may outlive its first process, see there */
};

/* Tell of a life that another follows; x->oom_killed and x->reason are filled in. */
void supervise_end_life(const struct supervise *s, struct running *run, struct state_exit *x);

/* Put everything away. @started: the command was executed. */
void supervise_put_away(struct supervise *s, struct running *run, struct state_exit *x,
                        int started);

#endif
