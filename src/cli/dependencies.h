/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that another one needs (box/needed.h) are started before it, and removed after it, as
 * podman does. Host side. */
#ifndef RBOX_CLI_DEPENDENCIES_H
#define RBOX_CLI_DEPENDENCIES_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "image/store.h"
#include "spec/spec.h"

/* The names of --requires in @s become ids. Errors: those of find_container(); -EINVAL one is @s
 * itself. */
int dependencies_resolve(const struct store *store, struct spec *s, struct err *e);

/* See that they run, and what they need before them. */
int dependencies_start(const struct store *store, const struct spec *s, struct err *e);

/* The other way round: who needs whom, of all containers at one moment. */
struct needs {
    struct need {
        char *id;
        struct strv ids; /* of those it needs */
        int is_running;
    } * v;
    size_t count;
};

/* Of all containers, or of those that run. On success the caller owns *ret. */
int needs_read(const struct store *store, int running_only, struct needs *ret, struct err *e);
void needs_done(struct needs *n);
#define autoneeds __attribute__((cleanup(needs_done)))

/* Push the ids of those that need @id themselves. */
void needs_dependents(const struct needs *n, const char *id, struct strv *ret);

/* An order for @l in which each comes behind those that need it: @ret gets a place in @l for each
 * of its rows. */
void needs_order(const struct needs *n, const struct found_list *l, size_t *ret);

/* May @f be removed, with all of @going (or NULL)? Errors: -EBUSY naming those that need it. */
int needs_check(const struct needs *n, const struct found *f, const struct found_list *going,
                struct err *e);

/* Container @id is gone, and needs nobody. */
void needs_forget(struct needs *n, const char *id);

#endif
