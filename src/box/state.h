/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's folders, its name, and what "running" means.
 *
 *     containers/ID/           config.json  fs/{upper,work}  exit.json (after the end)
 *     names/NAME -> ID         a symlink: made atomically, so a name is taken once
 *     run/BOOT-ID/ID/          while it lives; the supervisor holds flock(2) on this folder
 *     run/BOOT-ID/ID/state     a symlink, too, to "PID STARTED-NS RESTARTS HAS-CGROUP": `ps`
 *                              reads it of each, and so short a link is in its inode
 *
 * "Running" is the lock and nothing else. A folder in run/ whose lock is free belongs to a
 * container that died without putting things away: state_sweep() does that. A run folder is made
 * under a dotted name and renamed once it is locked, so nobody ever finds a live container
 * unlocked. */
#ifndef RBOX_BOX_STATE_H
#define RBOX_BOX_STATE_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

struct state {
    const struct store *store; /* borrowed */
    char *id;
    char *name;
    int dir_fd;  /* containers/ID; locked, too, for those who look at its files */
    int lock_fd; /* run/BOOT-ID/ID, locked; inherited by the supervisor, whose death frees it */
};

struct state_exit {
    int status;
    int oom_killed;
    int64_t started_ns; /* CLOCK_REALTIME */
    int64_t finished_ns;
    int restarts;
    char *error;        /* or NULL */
    const char *reason; /* why it ended: STATE_… */
};

/* Why a container ended, as inspect and events call it. */
#define STATE_EXITED     "exit"
#define STATE_SIGNALLED  "signal" /* by somebody else's, or its own */
#define STATE_STOPPED    "stop"   /* rbox stop, restart, rm -f */
#define STATE_KILLED     "kill"   /* rbox kill */
#define STATE_TIMED_OUT  "timeout"
#define STATE_UNHEALTHY  "unhealthy" /* --health-on-failure */
#define STATE_OOM        "oom"
#define STATE_SUPERVISOR "supervisor" /* its supervisor died */

struct state_running {
    int64_t pid; /* of PID 1, as the host counts */
    int64_t started_ns;
    int restarts;
    int has_cgroup; /* its run folder has cgroup.json */
};

/* Make the folders, reserve the name of @s, and lock. On failure nothing is left.
 * Errors: -EEXIST the name is taken, with the id that holds it. Host side. */
int state_create(const struct store *store, const struct spec *s, struct state *ret, struct err *e);

/* Open and lock the container of @s, which is there, to run it again. What a dead supervisor left
 * is swept first. Errors: -EBUSY it runs. Host side. */
int state_open(const struct store *store, const struct spec *s, struct state *ret, struct err *e);

/* Take the run folder away: the container stays, and does not run. */
void state_release(const struct state *st);

/* Write config.json. */
int state_write_config(const struct state *st, const struct spec *s, struct err *e);

/* Give the container the name @name, in names/ and in @s, which is written. @st: opened by hand or
 * by state_open(), its name the old one. Errors: -EEXIST. */
int state_rename(const struct state *st, struct spec *s, const char *name, struct err *e);

/* Write the link run/…/state; how an earlier life ended is forgotten. */
int state_write_running(const struct state *st, const struct state_running *running, struct err *e);

/* Read it, of the container with the run folder @run_fd. Errors: -ENOENT it is being started. */
int state_read_running(int run_fd, struct state_running *ret, struct err *e);

/* Mark running container @run_fd as being stopped: it is not restarted. One that just ended is
 * fine.
 */
int state_mark_stopping(int run_fd, struct err *e);
int state_is_stopping(const struct state *st);

/* The same for a signal of rbox kill, which may bring it an end. */
int state_mark_killed(int run_fd, struct err *e);
int state_is_killed(const struct state *st);

/* Add the event of an end. */
void state_tell_end(const struct store *store, const struct spec *s, const struct state_exit *x);

/* Write exit.json, then take the run folder away: the container is now stopped. */
int state_write_exit(const struct state *st, const struct state_exit *x, struct err *e);

/* Remove container, name and run folder, @with_volumes: also the anonymous volumes that nobody else
 * has; the maps of @s say who owns the files. Host side, or the supervisor's. */
int state_remove(const struct state *st, const struct spec *s, int with_volumes, struct err *e);

void state_done(struct state *st);
#define autostate __attribute__((cleanup(state_done)))

/* Sweep what dead supervisors left of this boot and earlier ones: run folders go; containers
 * started with --rm, that nobody needs, and half-made ones are removed, the others get an exit.json
 * that says so. Best effort; never blocks; skips the living. */
void state_sweep(const struct store *store);

/* A container that lives. */
struct state_live {
    char *id;
    int fd; /* its run folder; -1: taken by a caller */
};

struct state_live_list {
    struct state_live *v;
    size_t count;
};

/* The same, and who lives, by id: one look at each run folder does both. On success the caller owns
 * *ret. That a folder can't be opened, for lack of descriptors say, is an error: a container that
 * is not seen may be taken for one whose volumes and layers nobody needs. */
int state_list_live(const struct store *store, struct state_live_list *ret, struct err *e);

/* Container @id in @l, or NULL. */
struct state_live *state_find_live(const struct state_live_list *l, const char *id);

void state_live_done(struct state_live_list *l);
#define autolive __attribute__((cleanup(state_live_done)))

/* ---- for state.c and state_end.c */

enum {
    STATE_ID_BYTES = 80
};

/* Does the name @name lead to a container that is still there? Its id goes to @id. */
int state_name_holder(const struct store *store, const char *name, char id[STATE_ID_BYTES]);

#endif
