/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images and the containers made of them: what rmi and prune must know of both. */
#ifndef RBOX_CLI_IMAGE_USE_H
#define RBOX_CLI_IMAGE_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"

#include <stdint.h>

struct image_filter; /* image_filter.h */

/* Push the ids of the images that containers have, running or not. */
int image_use_ids(const struct store *store, struct strv *ret, struct err *e);

/* Remove what no image and no container refers to. *ret_bytes (may be NULL): disk space of it. With
 * STORE_TRY a store in use is left as it is: the next one sweeps. */
int image_use_sweep(const struct store *store, enum store_lock how, int64_t *ret_bytes,
                    struct err *e);

/* How a command that brings an image in ended, @r: one that was refused for its size leaves nothing
 * (-EOVERFLOW), or else the next try would find its layers there, and not count them. Returns @r.
 */
int image_use_brought(const struct store *store, int r);

/* Disk space that would come free without any image but those with the ids @kept, and without the
 * containers with the ids @leaving (NULL: with all of them). */
int image_use_reclaimable(const struct store *store, const struct strv *kept,
                          const struct strv *leaving, int64_t *ret_bytes, struct err *e);

/* Push the names of images that no container has and that have no name of their own, or with @all
 * any; containers with the ids @leaving (NULL: none) do not count; @filter: only those that match,
 * NULL takes all. */
int image_use_unused(const struct store *store, int all, const struct strv *leaving,
                     const struct image_filter *filter, struct strv *ret, struct err *e);

/* What `rbox rmi NAME` does, saying nothing (in cmd_rmi.c). Errors: -EBUSY a container has it. */
int image_use_rmi(const struct store *store, char *name, struct err *e);

/* Take these names out of the store, and print them. What somebody else removed meanwhile is
 * passed over. */
int image_use_remove(const struct store *store, const struct strv *names, struct err *e);

#endif
