/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a name to layer folders: what the front end and the core need to know of an image.
 *
 * The store (store.h) is an OCI image layout plus unpacked layers:
 *
 *     STORE/                 0700
 *       oci-layout  index.json  blobs/sha256/HEX      other tools read these as they are
 *       images/NAME          one record per name (percent-encoded): what `run` reads, and nothing
 * else layers/SHORT/        0711; an unpacked layer, keyed by (diffID, hash of the id map); record
 * in layers.d/SHORT containers/ID/       config.json, upper/, work/ …      run/BOOT-ID/ID/   live
 * state volumes/NAME/_data   tmp/  trash/
 */
#ifndef RBOX_IMAGE_IMAGE_H
#define RBOX_IMAGE_IMAGE_H

#include "base/err.h"
#include "base/mem.h"
#include "spec/image_config.h"
#include "spec/spec.h"

#include <stdint.h>

struct store;        /* store.h */
struct pull_options; /* pull.h */

struct image {
    char *name;           /* full: docker.io/library/busybox:latest */
    char *id;             /* sha256:HEX of the config blob */
    char *digest;         /* sha256:HEX of the manifest */
    struct strv diff_ids; /* sha256:HEX, lowest first */
    struct strv layers;   /* short ids of the unpacked layers for the map asked for, lowest first:
                             the mount points (layers.h), then diff_ids', one that comes twice
                             at its upper place */
    struct image_config config;
    int lock_fd; /* shared lock on the record: held until the container's folder refers to the image
                  */
    struct strv blobs;  /* sha256:HEX of the layers as they came, lowest first */
    int64_t created_s;  /* when it was made, or came into the store if it does not say */
    int64_t size_bytes; /* of its blobs */
};

enum image_pull {
    IMAGE_PULL_MISSING = 0,
    IMAGE_PULL_NEVER,
    IMAGE_PULL_ALWAYS,
    IMAGE_PULL_NEWER
};

struct image_request {
    const char *name; /* a reference, a short name, an image id or its prefix, docker-archive:FILE,
                         oci-archive:FILE, oci:DIR[:TAG], dir:DIR, or a path with '/' that exists */
    enum image_pull pull;
    const struct pull_options *registry; /* how to pull; NULL: never */
};

/* Find the image, loaded from the bundled ones or pulled where the request allows; its layers are
 * left out. Host side. On success the caller owns *ret (image_done()).
 * Errors: -ENOENT with the hint that gets it. */
int image_resolve(struct store *store, const struct image_request *q, struct image *ret,
                  struct err *e);

/* See that @i's layers are unpacked for these id maps, of the container that will run it, and put
 * them into @i: what is missing is unpacked from its blobs. */
int image_layers(const struct store *store, struct image *i, const struct spec_idmap *uid_map,
                 const struct spec_idmap *gid_map, struct err *e);

/* Find @name (a reference, a short name, an id or its prefix) among the images of the store, as it
 * is: nothing is loaded or unpacked, and the layers are left out. On success the caller owns *ret,
 * with its shared lock. -ENOENT with a hint. */
int image_find(const struct store *store, const char *name, struct image *ret, struct err *e);

/* Bytes of the blob of @i's layer number @layer, as it came; 0 when it is not there. */
int64_t image_layer_bytes(const struct store *store, const struct image *i, size_t layer);

void image_done(struct image *i);

#endif
