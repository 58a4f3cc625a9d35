/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks and the containers that are in them. */
#ifndef RBOX_CLI_NETWORK_USE_H
#define RBOX_CLI_NETWORK_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/network_config.h"
#include "image/store.h"

/* Call @fn for each container, running or not, that is in @network. */
typedef int network_use_fn(const struct store *store, void *arg, const struct found *f,
                           struct err *e);
int network_use_each(const struct store *store, const char *network, network_use_fn *fn, void *arg,
                     struct err *e);

/* Push the names of the networks, but for the default one, that no container is in, and that match
 * @filters ("label=K", "label=K=V", "until=TIME"). @running_only: none that runs. */
int network_use_unused(const struct store *store, int running_only, const struct strv *filters,
                       struct strv *ret, struct err *e);

/* Is @filter one that network_use_matches() knows? Errors: -EINVAL. */
int network_use_check_filter(const char *filter, void *list, struct err *e);
int network_use_matches(const struct network_config *c, const struct strv *filters);

/* Remove them, and print their names. */
int network_use_remove(const struct store *store, const struct strv *names, struct err *e);

#endif
