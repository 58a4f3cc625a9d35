/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's folders, its name, and what "running" means.
 *
 *     containers/ID/           config.json  fs/{upper,work}  exit.json (after the end)
 *     names/NAME -> ID         a symlink: made atomically, so a name is taken once
 *     run/BOOT-ID/ID/          while it lives: state.json; the supervisor holds flock(2) on this
 * folder
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

#include <stdint.h>

struct state {
    const struct store *store; /* borrowed */
    char *id;
    char *name;
    int dir_fd;  /* containers/ID */
    int fs_fd;   /* containers/ID/fs: upper, work and the place where the root is mounted */
    int lock_fd; /* run/BOOT-ID/ID, locked; inherited by the supervisor, whose death frees it */
};

struct state_exit {
    int status;
    int oom_killed;
    int64_t started_ns; /* CLOCK_REALTIME */
    int64_t finished_ns;
    char *error; /* or NULL */
};

/* Make the folders and reserve the name of @s. On failure nothing is left.
 * Errors: -EEXIST the name is taken, with the id that holds it. Host side. */
int state_create(const struct store *store, const struct spec *s, struct state *ret, struct err *e);

/* Write config.json. */
int state_write_config(const struct state *st, const struct spec *s, struct err *e);

/* Write run/…/state.json: the pids as the host counts them. */
int state_write_running(const struct state *st, int64_t pid, int64_t started_ns, struct err *e);

/* Write exit.json, then take the run folder away: the container is now stopped. */
int state_write_exit(const struct state *st, const struct state_exit *x, struct err *e);

/* Remove container, name and run folder. Needs privilege over its files' owners: the supervisor's,
 * or a job in the mapped user namespace. */
int state_remove(const struct state *st, struct err *e);

void state_done(struct state *st);

/* Sweep what dead supervisors left of this boot and earlier ones: run folders go; containers
 * started with --rm and half-made ones are removed, the others get an exit.json that says so. Best
 * effort; never blocks; skips the living. */
void state_sweep(const struct store *store);

#endif
