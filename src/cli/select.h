/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which containers a command is for: by name, all, the newest, by --filter, by files of --cidfile.
 * A command takes those rows into its options that podman's has. */
#ifndef RBOX_CLI_SELECT_H
#define RBOX_CLI_SELECT_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/container_filter.h"
#include "cli/dependencies.h"
#include "cli/stopping.h"

struct select {
    int all;
    int latest;
    int ignore;
    struct strv filters;
    struct strv cidfiles;
};

#define SELECT_AT(type, member, field) (offsetof(type, member) + offsetof(struct select, field))
#define SELECT_ALL_ROW(letter, type, member, help)                              \
    {                                                                           \
        "all", letter, NULL, OPT_FLAG, SELECT_AT(type, member, all), help, NULL \
    }
#define SELECT_LATEST_ROW(offset)                                              \
    {                                                                          \
        "latest", 'l', NULL, OPT_FLAG, offset, "the container made last", NULL \
    }
#define SELECT_FILTER_ROW(letter, type, member) \
    CONTAINER_FILTER_ROW(letter, SELECT_AT(type, member, filters))
#define SELECT_CIDFILE_ROW(type, member)                                   \
    {                                                                      \
        "cidfile", 0, "FILE", OPT_STRV, SELECT_AT(type, member, cidfiles), \
            "the container whose id --cidfile wrote there", NULL           \
    }
#define SELECT_IGNORE_ROW(letter, type, member)                            \
    {                                                                      \
        "ignore", letter, NULL, OPT_FLAG, SELECT_AT(type, member, ignore), \
            "no error for one that does not exist", NULL                   \
    }

enum select_state {
    SELECT_ANY,
    SELECT_RUNNING, /* of all, those that run; one that is named must */
    SELECT_STOPPED  /* of all, those that do not run; one that is named may be any */
};

/* What a command does to one container. */
typedef int select_action(const struct store *store, void *arg, const struct found *f,
                          struct err *e);

struct selected {
    const struct select *select;
    int argc; /* the names */
    char *const *argv;
    enum select_state state;
    int may_have_ended;        /* one that is named and does not run is meant, too */
    int quiet;                 /* do not print what was done */
    struct stopping *stopping; /* begin to stop them all before the action for any; or NULL */
    /* With it who needs another one comes before that, and is at its end before that is stopped.
     * Empty, to be filled in; the caller's to free. */
    struct needs *needs;
    int with_dependents; /* they are meant, too; with @needs */
    int is_removal;      /* refused, before anything is done, while others need one; with @needs */
};

/* Call @action for the containers that are meant, and print what the user called each (its id,
 * where he did not). One that is not there or fails does not keep the others from it: all failures
 * but the last are printed here. Returns what the action for the last one did. An action that finds
 * its container gone says -ENOENT; of several that were not named one by one that is no error.
 * Errors: -ENOENT nothing is wrong but that some are not there; -EINVAL none is named. */
int select_each(struct ctx *ctx, const struct selected *s, select_action *action, void *arg,
                struct err *e);

/* The container made last, running or not. On success the caller owns *ret. Errors: -EINVAL there
 * is none. */
int select_newest(const struct store *store, struct found *ret, struct err *e);

/* For commands of one container: the first of *argv, which is then taken from it, or with @latest
 * the newest. The store is borrowed from @ctx, *ret the caller's. Errors: -EINVAL none is named;
 * those of find_running(). */
int select_one(struct ctx *ctx, int latest, char ***argv, struct store **ret_store,
               struct found *ret, struct err *e);

#endif
