/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images and the containers made of them: what rmi and prune must know of both. */
#ifndef RBOX_CLI_IMAGE_USE_H
#define RBOX_CLI_IMAGE_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"

#include <stdint.h>

/* Push the ids of the images that containers have, running or not. */
int image_use_ids(const struct store *store, struct strv *ret, struct err *e);

/* Remove what no image and no container refers to. *ret_bytes (may be NULL): disk space of it. With
 * STORE_TRY a store in use is left as it is: the next one sweeps. */
int image_use_sweep(const struct store *store, enum store_lock how, int64_t *ret_bytes,
                    struct err *e);

#endif
