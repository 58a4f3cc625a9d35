/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks: a command that is run in the container now and then, and what came of it.
 *
 * The supervisor has the timer, and forks a process for each check, which runs the command by the
 * code of exec and writes health.json into the container's folder: docker's object State.Health.
 * `rbox healthcheck run` makes the same check by hand. */
#ifndef RBOX_BOX_HEALTH_H
#define RBOX_BOX_HEALTH_H

#include "base/err.h"
#include "box/seccomp.h"
#include "image/store.h"
#include "spec/spec.h"

#include <jansson.h>
#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#define HEALTH_STARTING  "starting"
#define HEALTH_HEALTHY   "healthy"
#define HEALTH_UNHEALTHY "unhealthy"

/* What a check needs; all borrowed. */
struct health_check {
    const struct store *store;
    struct spec *spec;
    const struct seccomp_filter *filter;
    int dir_fd; /* of the container */
    int pidfd;  /* as in enter.h, these three */
    int join_fd;
    int is_inside;
    int64_t started_ns; /* of this life */
};

/* Exit statuses of the process that checks. */
enum {
    HEALTH_PASSED = 0,
    HEALTH_FAILED = 1,       /* and the container counts as what it did before */
    HEALTH_IS_UNHEALTHY = 2, /* it failed too often */
    HEALTH_NO_CHECK = 3      /* the container ended, or the result could not be written */
};

/* Make the check and write what came of it, within the time that the spec gives it. For a fork that
 * is there for nothing else (enter_capture()). Returns an exit status. */
int health_check(const struct health_check *c);

struct health_result {
    int64_t start_ns;
    int64_t end_ns;
    int status; /* of the command; -1: its time was over */
    const char *output;
    int in_start_period;
};

/* Take @r into @state, an object as in health.json. Pure. */
void health_take(json_t *state, const struct spec_health *h, const struct health_result *r);

/* health.json of the container @dir_fd, or NULL where there is none. New reference. */
json_t *health_read(int dir_fd);

/* ---- the timer, in the supervisor */

struct health {
    struct health_check check;
    void (*become_child)(void *arg); /* in the fork: close what is the supervisor's */
    void *arg;
    int run_fd;                    /* of the container, borrowed */
    pid_t first_pid;               /* of the container's first process, as the supervisor counts */
    int pidfd;                     /* of the process that checks, or -1 */
    int64_t next_ms;               /* when to start it, or else when to give it up; 0: no timer */
    int lost;                      /* one was killed, and its command may be left to reap */
    int has_passed;                /* a check of this life */
    enum spec_health_action asked; /* what its being unhealthy asks for */
};

/* A new life begins. @h->check is filled in. */
void health_begin(struct health *h);

/* A row for poll(2), how long it may wait (-1: for ever), and what to do afterwards. Returns what
 * is asked for now. */
struct pollfd health_poll(const struct health *h);
int64_t health_timeout_ms(const struct health *h);
enum spec_health_action health_serve(struct health *h);

/* The container has ended. */
void health_end(struct health *h);

#endif
