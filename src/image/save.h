/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images out of the store, byte for byte as they came in: their digests come back unchanged. Host
 * side. */
#ifndef RBOX_IMAGE_SAVE_H
#define RBOX_IMAGE_SAVE_H

#include "base/err.h"
#include "image/store.h"

#include <stddef.h>

enum save_format {
    SAVE_DOCKER_ARCHIVE, /* what docker save writes since 25: an OCI layout with a manifest.json */
    SAVE_OCI_ARCHIVE,
    SAVE_OCI_DIR,   /* the layout as a folder */
    SAVE_DOCKER_DIR /* skopeo's dir: manifest.json, version, and blobs by their hex digests */
};

struct save_request {
    enum save_format format;
    char *const *names; /* of images */
    size_t count;       /* one only for SAVE_DOCKER_DIR */
    int out_fd;         /* where an archive goes */
    const char *path;   /* the folder for the others, made when missing, empty when not */
};

/* Errors: -ENOENT no such image; -ENOTEMPTY the folder is not empty. */
int save_images(const struct store *store, const struct save_request *q, struct err *e);

#endif
