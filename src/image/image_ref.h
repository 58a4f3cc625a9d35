/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of images, as docker writes them (https://github.com/distribution/reference). Pure. */
#ifndef RBOX_IMAGE_IMAGE_REF_H
#define RBOX_IMAGE_IMAGE_REF_H

#include "base/err.h"

struct image_ref {
    char *registry;   /* docker.io */
    char *repository; /* library/busybox */
    char *tag;        /* latest; NULL when a digest was given without a tag */
    char *digest;     /* sha256:HEX or NULL */
    int is_short;     /* no registry was given */
};

/* Parse "busybox", "busybox:1.36", "quay.io/x/y@sha256:…" …; docker.io, library/ and latest are
 * filled in. Errors: -EINVAL with what is wrong. The caller owns *ret (image_ref_done()). */
int image_ref_parse(const char *text, struct image_ref *ret, struct err *e);
void image_ref_done(struct image_ref *r);

/* "docker.io/library/busybox:latest", with "@sha256:…" where there is no tag. The caller owns it.
 */
char *image_ref_text(const struct image_ref *r);

#endif
