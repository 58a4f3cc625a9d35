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

/* "docker.io/library/busybox:latest"; of one with a digest "docker.io/library/busybox@sha256:…":
 * the tag may mean another image by now. The caller owns it. */
char *image_ref_text(const struct image_ref *r);

/* @name without its tag or digest. The caller owns it. */
char *image_ref_without_tag(const char *name);

/* Does a user who says @pattern mean the image called @name, a full name? Patterns as for the shell
 * stand for the whole name or what follows one of its slashes, with or without the tag; what is a
 * reference itself also for its full name, without a tag for all of them. */
int image_ref_matches(const char *pattern, const char *name);

#endif
