/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps that every way into the store shares: blobs by digest, then layers, then the record.
 * Host side. */
#ifndef RBOX_IMAGE_INGEST_H
#define RBOX_IMAGE_INGEST_H

#include "base/err.h"
#include "base/mem.h"
#include "image/image.h"
#include "image/layers.h"
#include "image/platform.h"
#include "image/store.h"
#include "spec/spec.h"

struct ingest {
    const struct store *store;
    int blobs_fd;                    /* blobs/sha256 */
    int lock_fd;                     /* shared: no garbage is collected meanwhile */
    const struct platform *platform; /* other images are refused; NULL: none are */
    struct store_room left;          /* to unpack to; below 0: it was too much */
    struct spec maps;                /* only its id maps are used: the user's default ones */
};

int ingest_open(const struct store *store, struct ingest *ret, struct err *e);
void ingest_done(struct ingest *in);

/* The layer @diff_id (borrowed) for the maps of @in. */
struct layer_key ingest_key(const struct ingest *in, const char *diff_id);

/* Copy @fd into the store; *ret_digest ("sha256:HEX") is the caller's. */
int ingest_blob(struct ingest *in, int fd, char **ret_digest, struct err *e);
int ingest_text(struct ingest *in, const char *text, char **ret_digest, struct err *e);

/* Unpack blob @blob of the store as the layer @key. */
int ingest_unpack(struct ingest *in, const struct layer_key *key, const char *blob, struct err *e);

/* Layers are independent of each other, and unpacking one keeps processors busy: a process each, so
 * many at a time that memory stays within bounds. */
enum {
    INGEST_PARALLEL = 2
};

struct ingest_job {
    int pidfd;  /* 0: none */
    int end_fd; /* what it says at its end */
};

/* Begin to unpack what @fd gives as the layer @key. */
int ingest_start(const struct ingest *in, const struct layer_key *key, int fd,
                 struct ingest_job *ret, struct err *e);

/* Wait for @j, if it was started, and leave it so that another can be: how it ended. */
int ingest_wait(struct ingest *in, struct ingest_job *j, struct err *e);

/* Move the file @name below @dir_fd, whose digest is known, into the store. It is on the disk
 * already (fsync): after a power loss whoever finds the blob takes it for whole. */
int ingest_file(struct ingest *in, int dir_fd, const char *name, const char *digest, struct err *e);

/* Is the blob there? */
int ingest_has(const struct ingest *in, const char *digest);

/* Read a blob of the store that is a JSON document. */
int ingest_read(struct ingest *in, const char *digest, char **ret_text, size_t *ret_len,
                struct err *e);

/* The digest that the content of blob @hex has, without "sha256:"; *ret_hex is the caller's. */
int ingest_sum(const struct ingest *in, const char *hex, char **ret_hex, struct err *e);

/* The manifest @digest and all its blobs are in the store: unpack the layers that are missing, and
 * write the record of each of @names. *ret_id (may be NULL) is the image's id, the caller's. */
int ingest_image(struct ingest *in, const char *digest, const struct strv *names, char **ret_id,
                 struct err *e);

#endif
