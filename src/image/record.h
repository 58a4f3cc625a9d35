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
 * lock_fd. Errors: -ENOENT; -EBADMSG damaged. */
int record_read(const struct store *store, const char *name, struct image *ret, struct err *e);

/* Write the record of @i->name and its entry in index.json, durably. An image that had the name
 * before keeps its content: it becomes one without a name ("sha256:ID"), unless it has others.
 * Waits for runs that resolve that one: the caller must not hold its lock. */
int record_write(const struct store *store, const struct image *i, struct err *e);

/* Is @name that of an image without a name? */
int record_is_dangling(const char *name);

/* Take the name of @i, which came from record_read() or image_find(), out of images/ and
 * index.json; blobs and layers stay. Its shared lock becomes an exclusive one: waits for runs that
 * resolve it. */
int record_remove(const struct store *store, struct image *i, struct err *e);

/* The same of a damaged record, whose name is all that is known. */
int record_discard(const struct store *store, const char *name, struct err *e);

/* Like record_remove(), but an image whose last name it is stays as one without. */
int record_untag(const struct store *store, struct image *i, struct err *e);

/* Push the names of all records of the image @id, sorted; of one without a name the id. */
int record_names(const struct store *store, const char *id, struct strv *ret, struct err *e);

/* Has the image of @i no other record? 1 yes, 0 no. */
int record_is_last(const struct store *store, const struct image *i, struct err *e);

/* Call @fn for each record, in no order, unlocked, without the parts that only a run wants
 * (entrypoint, environment and such); stops when it returns non-zero, and returns that. Of a
 * damaged record there is the name alone: id is NULL. */
int record_each(const struct store *store, int (*fn)(const struct image *i, void *arg), void *arg,
                struct err *e);

#endif
