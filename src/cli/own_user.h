/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files stay mine: what an image's user other than root makes in a folder of the caller's would
 * belong to a subordinate id of his. With a host folder mounted the caller therefore becomes that
 * user in the container (--userns keep-id), unless he said how the ids shall be mapped. */
#ifndef RBOX_CLI_OWN_USER_H
#define RBOX_CLI_OWN_USER_H

#include "image/image.h"
#include "spec/spec_merge.h"

/* Choose for @q, whose image is @image, as resolved: when it is keep-id, the maps of @q->spec are
 * new, the image's user counts as asked for, and that is said, the first time in this store. Not
 * beside a named volume, whose files have owners of the usual map. A user that cannot be looked up
 * leaves everything as it was: the start will tell. */
int own_user_choose(const struct store *store, struct image *image, struct spec_request *q,
                    struct err *e);

#endif
