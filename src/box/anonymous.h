/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Anonymous volumes: volumes of the store like the named ones, whose names are made of the id of
 * the container that was made with them (spec_volume_name()). --volumes-from gives them to others;
 * with `rbox rm -v`, or at the end of a container with --rm, they go, unless another container has
 * them. Host side, or the supervisor's. */
#ifndef RBOX_BOX_ANONYMOUS_H
#define RBOX_BOX_ANONYMOUS_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

/* Make those of the new container @s. Its folder is there: what is half-made goes with it. */
int anonymous_make(const struct store *store, const struct spec *s, struct err *e);

/* Remove those that @s has and no other container. *ret_lock_fd, which the caller closes when the
 * container's folder is gone, keeps out whoever would still take that for one that has them. */
int anonymous_remove(const struct store *store, const struct spec *s, int *ret_lock_fd,
                     struct err *e);

/* Remove those of container @id, which died before it had a config.json: nobody else has them. */
void anonymous_sweep(const struct store *store, const char *id);

#endif
