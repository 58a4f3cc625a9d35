/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --filter of commands that list or take containers (podman-ps(1)). A row is a struct container. */
#ifndef RBOX_CLI_CONTAINER_FILTER_H
#define RBOX_CLI_CONTAINER_FILTER_H

#include "cli/container.h"
#include "cli/filter.h"

/* For rows of options: adds "KEY=VALUE" to a struct strv. */
int container_filter_parse(const char *value, void *list, struct err *e);

/* A row --filter for a struct strv at @offset. */
#define CONTAINER_FILTER_ROW(letter, offset)                                                   \
    {                                                                                          \
        "filter", letter, "KEY=VALUE", OPT_PARSE, offset,                                      \
            "only those with that name, id, status, label, ancestor, exited, health, before, " \
            "since, until, volume or network",                                                 \
            container_filter_parse                                                             \
    }

/* filter_open() with the keys of containers. Errors: -ENOENT the container of before= or since= is
 * not there; -EINVAL a name that is no regular expression, a time that is none. */
int container_filter_open(const struct store *store, const struct strv *filters, struct filter *ret,
                          struct err *e);

/* Does what the store has on @f match @filter, of container_filter_open()? What can't be read does
 * not, but to no filter at all. */
int container_filter_matches(const struct filter *filter, const struct found *f);

/* Does a filter ask for containers by a state that those that run have not? */
int container_filter_wants_ended(const struct strv *filters);

#endif
