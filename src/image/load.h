/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images into the store. Archives are opened by rbox-unpack; what it gives is an OCI layout or the
 * files of a docker-archive, whose JSON documents are read here. Layers are unpacked for the user's
 * default id map, and blobs kept as they came. Nothing shows in the store before it is whole.
 * Host side. */
#ifndef RBOX_IMAGE_LOAD_H
#define RBOX_IMAGE_LOAD_H

#include "base/err.h"
#include "base/mem.h"
#include "image/image.h"
#include "image/platform.h"
#include "image/store.h"

/* Load all images of the archive @fd (docker-archive or oci-archive, compressed or not; need not
 * be seekable). Of one for several kinds of machines, that for @p is taken; NULL: for this machine.
 * One that is not for what @p asks for is refused. Their full names are pushed onto @ret_names (may
 * be NULL); an image without one gives "sha256:ID". */
int load_archive(const struct store *store, int fd, const struct platform *p,
                 struct strv *ret_names, struct err *e);

/* The same for what a name with a transport says: docker-archive:FILE, oci-archive:FILE,
 * oci:DIR[:TAG], dir:DIR, or a path of an archive or one of these folders. */
int load_from(const struct store *store, const char *name, const struct platform *p,
              struct strv *ret_names, struct err *e);

struct import {
    int fd; /* a tarball of a root file system */
    const char *name;
    const struct image_config *config;
    const char *message; /* the comment of its history; NULL: podman's */
};

/* Make an image of one layer. *ret_id is its id; the caller owns it. */
int load_import(const struct store *store, const struct import *i, char **ret_id, struct err *e);

/* Push the full name that @name means when somebody here gives it to an image: a short one is of
 * this machine, localhost/NAME, since nothing says that it came from a registry (podman's rule).
 * -EINVAL for a digest, which cannot be given. */
int load_local_name(const char *name, struct strv *ret, struct err *e);

#endif
