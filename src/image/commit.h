/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's changes as one more layer on its image. Host side. */
#ifndef RBOX_IMAGE_COMMIT_H
#define RBOX_IMAGE_COMMIT_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"
#include "spec/image_config.h"

/* Write the layer, a tar archive, to @out_fd. */
typedef int commit_writer(void *arg, int out_fd, struct err *e);

struct commit {
    const char *image_id; /* sha256:HEX of what it goes on */
    commit_writer *write;
    void *arg;
    const char *name; /* of the new image, or NULL: it has none */
    /* What the container was made with; its command takes the place of the image's, even empty. */
    const struct image_config *config;
    const struct image_config *changes; /* over that */
    const char *created_by;             /* for the history */
    const char *author;                 /* or NULL */
    const char *comment;                /* or NULL */
};

/* *ret_id is the new image's, the caller's. Errors: -ENOENT the image is gone. */
int commit_image(const struct store *store, const struct commit *c, char **ret_id, struct err *e);

#endif
