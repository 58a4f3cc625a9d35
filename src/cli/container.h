/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ps, inspect and rm know of a container: its spec, and how it lives or ended. */
#ifndef RBOX_CLI_CONTAINER_H
#define RBOX_CLI_CONTAINER_H

#include "base/err.h"
#include "box/find.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/stopping.h"
#include "image/store.h"
#include "spec/spec.h"

#include <jansson.h>
#include <stdint.h>

struct container {
    struct spec spec;
    int is_running;
    int is_paused;
    json_t *health; /* State.Health, or NULL */
    json_t *limits; /* while it runs: what holds each (cgroup_limits_json()); else NULL */
    int has_ended;
    int64_t created_ns;  /* since the epoch, as the others */
    int64_t pid;         /* of PID 1, as the host counts; 0 unless it runs */
    int64_t started_ns;  /* 0: not known */
    int64_t finished_ns; /* 0: not ended */
    int64_t status;      /* exit status */
    int64_t restarts;    /* by its restart policy */
    int oom_killed;
    char *error;  /* or NULL */
    char *reason; /* why it ended (STATE_… of state.h), or NULL */
};

/* Read what the store has on @f. On success the caller owns *ret. Errors: -ENOENT it is gone by
 * now. */
int container_read(const struct found *f, struct container *ret, struct err *e);

/* The same with what listings show of it, many times faster: id, name, times, image, layers,
 * command, labels, mounts, ports, health and state; the rest of the spec is as spec_init_bare()
 * has it. */
int container_glance(const struct found *f, struct container *ret, struct err *e);

/* The same of one that runs, without its folder being opened first. */
int container_glance_live(const struct store *store, const struct state_live *l,
                          struct container *ret, struct err *e);

void container_done(struct container *c);

/* Open the store, find the container that @word means, and read it. On success the caller owns
 * *ret_found (found_done()) and *ret. Errors as find_container(). */
int container_find(struct ctx *ctx, const char *word, struct store **ret_store,
                   struct found *ret_found, struct container *ret, struct err *e);

/* "running", "exited" or "created". */
const char *container_state(const struct container *c);

/* "starting", "healthy", "unhealthy"; "none" without a check. */
const char *container_health(const struct container *c);

/* "Up 5 minutes (healthy)", "Exited (0) 2 hours ago". The caller owns it. */
char *container_status(const struct container *c, int64_t now_s);

/* The docker-shaped object of `inspect`. New reference. */
json_t *container_inspect(const struct store *store, const struct container *c);

/* Its user networks, {"NAME": {"IPAddress", …}} with docker's names. New reference. */
json_t *container_networks(const struct store *store, const struct container *c);

/* Bytes on disk of the @count containers @c: of their own in @ret_own, and with their images' in
 * @ret_all, arrays of the caller's. */
int container_sizes(const struct store *store, const struct container *c, size_t count,
                    int64_t *ret_own, int64_t *ret_all, struct err *e);

/* Its command, a line. The caller owns it. */
char *container_command(const struct spec *s);

/* "0.0.0.0:8080->80/tcp, …". The caller owns it. */
char *container_ports(const struct spec *s);

/* The option --detach-keys of a command, whose options have a struct detach_keys at @offset. */
#define CONTAINER_DETACH_KEYS(offset)                                                         \
    {                                                                                         \
        "detach-keys", 0, "KEYS", OPT_PARSE, offset,                                          \
            "typed at its terminal they leave it running (default: " DETACH_KEYS_DEFAULT ")", \
            detach_keys_parse                                                                 \
    }

/* Write what the container has changed of its image to @out_fd: as the list of rbox-unpack's mode
 * @mode "changes", or as the layer of "pack-changes". */
int container_changes(const struct store *store, const struct found *f, const struct spec *s,
                      const char *mode, int out_fd, struct err *e);

/* Freeze or thaw running container @f (in cmd_pause.c). Errors: -ENOTSUP it has no cgroup;
 * -EALREADY. */
int container_freeze(const struct found *f, int frozen, struct err *e);

struct needs; /* dependencies.h */

/* Remove all containers, those that run too, at once (in cmd_rm.c). */
int container_remove_all(struct ctx *ctx, struct err *e);

/* Remove container @f, with --rm also its anonymous volumes; one that runs is ended first as
 * @stopping says (in cmd_rm.c). Errors: -EBUSY it is running, and @stopping is NULL; others need
 * it.
 */
int container_remove(const struct store *store, const struct found *f, struct needs *needs,
                     struct stopping *stopping, struct err *e);

/* The same for all of @l, which are ended first as `rbox stop` does, those that need others before
 * them; or for none, if one is needed by somebody else (-EBUSY). @time_ms: how long to wait before
 * KILL; -1: as long as each container says. */
int container_remove_found(const struct store *store, const struct found_list *l, int64_t time_ms,
                           struct err *e);

#endif
