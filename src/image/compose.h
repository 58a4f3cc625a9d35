/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents for images that came without them (docker-archive, import). Host side. */
#ifndef RBOX_IMAGE_COMPOSE_H
#define RBOX_IMAGE_COMPOSE_H

#include "base/err.h"
#include "image/ingest.h"
#include "image/spool.h"
#include "spec/image_config.h"

#include <jansson.h>
#include <stdint.h>

/* The media type of the layer behind @fd, by its first bytes. */
const char *compose_layer_type(int fd);

/* {"mediaType", "digest", "size"}; new reference. */
json_t *compose_descriptor(const char *type, const char *digest, int64_t bytes);

/* Put what @c says into @section, the object "config" of an image's config; what it does not say
 * stays. Returns @section. */
json_t *compose_config(json_t *section, const struct image_config *c);

/* Write the OCI manifest of @config and @layers (an array of descriptors, borrowed) into the store.
 * *ret_digest is the caller's. */
int compose_manifest(struct ingest *in, const struct spooled *config, json_t *layers,
                     char **ret_digest, struct err *e);

#endif
