/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image as `rbox image inspect` prints it. */
#ifndef RBOX_CLI_IMAGE_INSPECT_H
#define RBOX_CLI_IMAGE_INSPECT_H

#include "base/err.h"
#include "image/image.h"
#include "image/store.h"

#include <jansson.h>

/* All of @i, with podman's members. On success the caller owns *ret. Errors: what it is of cannot
 * be read. */
int image_inspect(const struct store *store, const struct image *i, json_t **ret, struct err *e);

/* The document @digest of the store, such as an image's config. On success the caller owns *ret. */
int image_document(const struct store *store, const char *digest, json_t **ret, struct err *e);

#endif
