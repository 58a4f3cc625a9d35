/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that sees images' roots: as root of a user namespace with the maps, in a mount
 * namespace where the images are, and as a child of PID 1 of a PID namespace. When the command
 * ends, or rbox does, whatever ends it, the kernel ends what is left in there, and the mounts with
 * it: nothing is ever made outside. Host side. */
#ifndef RBOX_BOX_IMAGE_MOUNT_H
#define RBOX_BOX_IMAGE_MOUNT_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#include <stddef.h>

struct image_mount {
    char *name;       /* of its folder; two with one name are one */
    struct spec spec; /* of it: layers, storage driver, id maps, the same for all */
};

struct image_mount_job {
    const char *place; /* the images are at PLACE/NAME; an empty folder that everybody may enter */
    const struct image_mount *images;
    size_t count;
    char **argv; /* the command; it finds the paths in $RBOX_MOUNT */
};

/* Run the command and wait for it; *ret_status is its, as a shell counts. The images are read-only.
 * The caller keeps the collector away (store_lock()) until this returns. */
int image_mount_run(const struct store *store, const struct image_mount_job *job, int *ret_status,
                    struct err *e);

#endif
