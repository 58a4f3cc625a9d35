/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes of the store: volumes/NAME/_data, owned by root of the containers that use it. They stay
 * until they are removed; who removes anonymous ones, see box/anonymous.h. Host side, or the
 * supervisor's. */
#ifndef RBOX_IMAGE_VOLUME_H
#define RBOX_IMAGE_VOLUME_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#include <stdint.h>

/* See that volume @name is there; a new one belongs to id 0 of the maps. @name is a good name
 * (spec_parse_name()). */
int volume_make(const struct store *store, const char *name, const struct spec_idmap *uid_map,
                const struct spec_idmap *gid_map, struct err *e);

/* Give the volume @name, which is about to be made, these labels ("K=V"). */
int volume_label(const struct store *store, const char *name, const struct strv *labels,
                 struct err *e);

/* Push the labels of volume @name; none where there are none. */
int volume_labels(const struct store *store, const char *name, struct strv *ret, struct err *e);

/* Is it there? */
int volume_exists(const struct store *store, const char *name);

/* The error -ENOENT for @name, with the command that lists those there are. */
int volume_missing(const char *name, struct err *e);

/* Another container may have the volume @name as well, from now on. Errors: -ENOENT it is gone. */
int volume_share(const struct store *store, const char *name, struct err *e);
int volume_is_shared(const struct store *store, const char *name);

/* Keep others out who decide which volumes nobody has, until *ret_fd is closed. */
int volume_lock(const struct store *store, int *ret_fd, struct err *e);

/* Remove it with all that is in it, whoever of the maps owns that. -ENOENT: there is none. It must
 * not be in use. */
int volume_remove(const struct store *store, const char *name, const struct spec_idmap *uid_map,
                  const struct spec_idmap *gid_map, struct err *e);

/* Names of all volumes, sorted. */
int volume_list(const struct store *store, struct strv *ret, struct err *e);

/* When it was made, in seconds since the epoch; 0 when there is none. */
int64_t volume_created(const struct store *store, const char *name);

#endif
