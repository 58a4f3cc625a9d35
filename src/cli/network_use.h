/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks and the containers that are in them. */
#ifndef RBOX_CLI_NETWORK_USE_H
#define RBOX_CLI_NETWORK_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/network_config.h"
#include "image/store.h"

/* The containers, running or not, that are in @network. The caller owns *ret, which is empty
 * before; on failure, too. */
int network_use_members(const struct store *store, const char *network, struct found_list *ret,
                        struct err *e);

/* Push the names of the networks, but for the default one, that no container is in, and that match
 * @filters (NULL: all). Containers with the ids @leaving (NULL: none) do not count. */
int network_use_unused(const struct store *store, const struct strv *leaving,
                       const struct strv *filters, struct strv *ret, struct err *e);

/* For rows of options: adds "KEY=VALUE" to a struct strv. Errors: -EINVAL. */
int network_use_parse_filter(const char *filter, void *list, struct err *e);

/* Those of @all that match @filters, in place; the others are freed. */
int network_use_filter(const struct store *store, const struct strv *filters,
                       struct network_configs *all, struct err *e);

/* Remove them, and print their names. */
int network_use_remove(const struct store *store, const struct strv *names, struct err *e);

#endif
