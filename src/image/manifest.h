/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON documents of images: OCI index, manifest and config
 * (https://github.com/opencontainers/image-spec), and the manifest.json of docker-archive. All
 * foreign bytes: sizes, types and digests are checked. Pure. */
#ifndef RBOX_IMAGE_MANIFEST_H
#define RBOX_IMAGE_MANIFEST_H

#include "base/err.h"
#include "image/image.h"
#include "image/platform.h"

#include <jansson.h>

enum {
    MANIFEST_BYTES_MAX = 4 << 20,
    MANIFEST_LAYERS_MAX = 127,
    MANIFEST_INDEX_DEPTH_MAX = 4 /* of indexes in each other */
};

/* A manifest: the config's digest and the layers', lowest first. */
struct manifest {
    char *config;       /* sha256:HEX */
    struct strv layers; /* sha256:HEX */
};

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* The annotation of an index that has an image's name. */
#define MANIFEST_REF_NAME "org.opencontainers.image.ref.name"

/* The file oci-layout of a folder in the OCI layout. */
#define MANIFEST_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* Is @s "sha256:" and 64 hex digits? */
int manifest_is_digest(const char *s);

/* The hex digits of @digest, which is one. */
const char *manifest_hex(const char *digest);

/* "blobs/sha256/HEX", where an OCI layout has @digest. The caller owns it. */
char *manifest_blob_path(const char *digest);

/* An OCI index with an empty array "manifests". New reference. */
json_t *manifest_new_index(void);

/* Parse an image manifest (OCI or docker schema 2). */
int manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *e);
void manifest_done(struct manifest *m);

/* Parse an image config: what containers take over, and the layers' diffIDs. */
int manifest_parse_config(const char *text, size_t len, struct image_config *ret,
                          struct strv *ret_diff_ids, struct err *e);

/* What entry @entry of an index says it is made for; *ret borrows from it. 0: it does not say. */
int manifest_entry_platform(const json_t *entry, struct platform *ret);

/* From an index: the digest of the manifest that fits @p (NULL: this machine) best. An entry that
 * is an index itself is given back with *ret_is_index set. The caller owns *ret_digest. */
int manifest_pick(const char *text, size_t len, const struct platform *p, char **ret_digest,
                  int *ret_is_index, struct err *e);

/* Is @type that of an index (OCI), or of a manifest list (docker)? */
int manifest_is_index(const char *type);

/* Is an image with config @c what who asks for @p means? NULL, or one that asks for nothing, takes
 * any. -EINVAL. */
int manifest_check_platform(const struct image_config *c, const struct platform *p, struct err *e);

void image_config_done(struct image_config *c);

#endif
