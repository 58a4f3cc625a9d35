/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --filter KEY=VALUE of commands that list or take containers: of one key any may match, of
 * different keys all must (podman-ps(1); labels must all match). */
#ifndef RBOX_CLI_FILTER_H
#define RBOX_CLI_FILTER_H

#include "base/err.h"
#include "base/mem.h"
#include "cli/container.h"
#include "image/store.h"

/* For rows of options: adds "KEY=VALUE" to a struct strv, or says which keys there are. */
int filter_parse(const char *value, void *list, struct err *e);

/* A row --filter for a struct strv at @offset. */
#define FILTER_ROW(letter, offset)                                                             \
    {                                                                                          \
        "filter", letter, "KEY=VALUE", OPT_PARSE, offset,                                      \
            "only those with that name, id, status, label, ancestor, exited, health, before, " \
            "since, until, volume or network",                                                 \
            filter_parse                                                                       \
    }

/* Filters made ready: what they name is looked up. */
struct filter {
    struct filter_term *terms; /* NULL: everything matches */
    size_t count;
};

/* On success the caller owns *ret (filter_done()). Errors: -ENOENT the container of before= or
 * since= is not there; -EINVAL a name that is no regular expression, a time that is none. */
int filter_open(const struct store *store, const struct strv *filters, struct filter *ret,
                struct err *e);

int filter_matches(const struct filter *f, const struct container *c);

/* Does a filter ask for containers by a state that those that run have not? */
int filter_wants_ended(const struct strv *filters);

void filter_done(struct filter *f);
#define autofilter __attribute__((cleanup(filter_done)))

#endif
