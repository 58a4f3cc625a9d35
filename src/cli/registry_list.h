/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a registry lists: its repositories, a repository's tags. */
#ifndef RBOX_CLI_REGISTRY_LIST_H
#define RBOX_CLI_REGISTRY_LIST_H

#include "base/err.h"
#include "base/mem.h"
#include "image/pull.h"
#include "image/store.h"

#include <jansson.h>

/* Ask @registry for @path. On success the caller owns *ret. */
int registry_list(const struct store *store, const char *registry, const struct pull_options *po,
                  const char *path, json_t **ret, struct err *e);

/* Push a full name for each tag of the repository @name, which has neither tag nor digest. */
int registry_tags(const struct store *store, const char *name, const struct pull_options *po,
                  struct strv *ret, struct err *e);

#endif
