/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Garbage: blobs and unpacked layers that no image's record and no container refers to, and what
 * dead processes left in tmp/ and trash/.
 *
 *     struct garbage g;
 *     r = garbage_begin(store, STORE_EXCLUSIVE, &g, e);   locks, and reads the records
 *     garbage_keep_layer(&g, "SHORT/d");                  for each layer of each container
 *     r = garbage_sweep(&g, &freed_bytes, e);
 *     garbage_done(&g);                                   unlocks
 *
 * Why the order: a run holds a shared lock on its image's record until its container's folder is
 * there, and whoever removes a record waits for that. So a layer in use is named by a record read
 * first or by a container read later. Host side. */
#ifndef RBOX_IMAGE_GARBAGE_H
#define RBOX_IMAGE_GARBAGE_H

#include "base/err.h"
#include "base/mem.h"
#include "image/image.h"
#include "image/store.h"

#include <stdint.h>

struct garbage {
    const struct store *store;
    int lock_fd;
    struct strv blobs;    /* digests to keep */
    struct strv diff_ids; /* layers to keep, whatever their map */
    struct strv layers;   /* short names to keep: containers' */
};

/* @how: STORE_EXCLUSIVE waits for loads and pulls that are under way, STORE_TRY gives -EWOULDBLOCK.
 * -EBADMSG: a record is damaged, and what belongs to it is not known. */
int garbage_begin(const struct store *store, enum store_lock how, struct garbage *ret,
                  struct err *e);

/* The same as if there were only the images with the ids @only: for garbage_usage(). */
int garbage_begin_without(const struct store *store, const struct strv *only, struct garbage *ret,
                          struct err *e);

/* @path as containers name it: "SHORT/d". */
void garbage_keep_layer(struct garbage *g, const char *path);

/* Disk space of what garbage_sweep() would remove. */
int garbage_usage(struct garbage *g, int64_t *ret_bytes, struct err *e);

/* Move the garbage out of everybody's way, then delete it. *ret_bytes (may be NULL): disk space of
 * what went. */
int garbage_sweep(struct garbage *g, int64_t *ret_bytes, struct err *e);

void garbage_done(struct garbage *g);

/* The error -EBADMSG for image @i, of which the name alone is known: what it needs is not. */
int garbage_refuse(const struct image *i, struct err *e);

#endif
