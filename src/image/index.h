/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index.json of the store: its images as other tools find them. rbox itself reads the records
 * (record.h). Host side. */
#ifndef RBOX_IMAGE_INDEX_H
#define RBOX_IMAGE_INDEX_H

#include "base/err.h"
#include "image/image.h"
#include "image/store.h"

/* Write, durably, that @name is the image @i, or with NULL that there is none of that name. */
int index_update(const struct store *store, const struct image *i, const char *name, struct err *e);

#endif
