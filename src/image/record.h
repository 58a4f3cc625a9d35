/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image records: images/NAME, one small file with all that a run needs to know, so that a run costs
 * the same whatever else the store holds; and index.json, which says the same to other tools. Host
 * side. */
#ifndef RBOX_IMAGE_RECORD_H
#define RBOX_IMAGE_RECORD_H

#include "base/err.h"
#include "image/image.h"
#include "image/store.h"

/* Read the record of the full name @name into *ret (image_done()), with a shared lock on it in
 * lock_fd. -ENOENT. */
int record_read(const struct store *store, const char *name, struct image *ret, struct err *e);

/* Write (replace) the record of @i->name and its entry in index.json, durably. @manifest_bytes is
 * the manifest's size. */
int record_write(const struct store *store, const struct image *i, int64_t manifest_bytes,
                 struct err *e);

/* Take the name out of images/ and index.json; blobs and layers stay. Waits for runs that resolve
 * it. -ENOENT. */
int record_remove(const struct store *store, const char *name, struct err *e);

/* Call @fn for each record, in no order; stops when it returns non-zero, and returns that. */
int record_each(const struct store *store, int (*fn)(const struct image *i, void *arg), void *arg,
                struct err *e);

#endif
