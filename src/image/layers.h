/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacked layers. A layer on disk belongs to one pair of id maps: the owners of its files are host
 * ids. Its folder is named by a short id (127 of them must fit one page of mount options) that
 * stands for diffID and maps. Host side. */
#ifndef RBOX_IMAGE_LAYERS_H
#define RBOX_IMAGE_LAYERS_H

#include "base/err.h"
#include "image/store.h"
#include "image/unpack.h"
#include "spec/spec.h"

#include <stdint.h>

struct layer_key {
    const char *diff_id; /* sha256:HEX, or LAYER_POINTS */
    const struct spec_idmap *uid_map;
    const struct spec_idmap *gid_map;
};

/* Where the layer stands below layers/: "SHORT/d". The caller owns it. Pure. */
char *layer_path(const struct layer_key *k);

/* Is it unpacked? */
int layer_exists(const struct store *store, const struct layer_key *k);

/* The diffID of the layer with the short id @name. The caller owns it. -ENOENT: it was never
 * finished. */
int layer_diff_id(const struct store *store, const char *name, char **ret, struct err *e);

/* Unpack it from the tar archive @blob_fd (compressed or not), check its diffID, and let it appear
 * under its name only when it is whole and on disk. Somebody else's finished copy is taken as it
 * is. *left is what it may take (store_room()), and gets less by what it did. */
int layer_unpack(const struct store *store, const struct layer_key *k, int blob_fd,
                 struct store_room *left, struct err *e);

/* The same for one that was unpacked elsewhere, to folder d of @name below @dir_fd, in these steps:
 * its folder is marked as the layer that it is, everything is synced by the caller, and it appears
 * under its name. */
int layer_seal(const struct layer_key *k, int layer_fd, struct err *e);
int layer_adopt(const struct store *store, const struct layer_key *k, int dir_fd, const char *name,
                struct err *e);

/* Let rbox-unpack unpack what @u names, as @store is to unpack, no more than @max. @words: its
 * mode, and what follows the mode's options (or NULL). *ret_out as unpack_run()'s. */
int layer_unpack_run(const struct store *store, const struct unpack *u, const char *const words[2],
                     const struct store_room *max, char **ret_out, struct err *e);

/* An image has unpacked to more than it may: -EOVERFLOW, and how to have it all the same; or
 * -ENOSPC where the disk is full anyway. */
int layer_too_big(const struct store *store, struct err *e);

/* Tell the user of what could not be made. */
void layer_say_devices(int64_t devices);

/* Read file @path of the image whose layers are @layers, lowest first (paths below layers/), as far
 * as that can be told without mounting them: -ENOENT it has none; other errors, where a layer takes
 * the file away again or has something else in its place. The caller owns *ret. */
int layers_read_file(const struct store *store, const struct strv *layers, const char *path,
                     char **ret, struct err *e);

/* Unpack it once more and compare: *ret_difference is NULL when it is as it should be, else the
 * caller's text of the first difference. With @repair the new one takes its place: nothing may be
 * mounted on it. */
int layer_verify(const struct store *store, const struct layer_key *k, int blob_fd, int repair,
                 char **ret_difference, struct err *e);

/* The diffID of the lowest layer of every container: the folders and empty files on which each
 * start mounts something. An image that lacks them would have them made in the container's writable
 * layer else: four files and two copied folders of a disk file system, for each start to write and
 * to remove again, and for diff and commit to explain away. An image's own are above, and hide
 * them. */
#define LAYER_POINTS "mount-points"

/* Make the layer of mount points of @k's maps, if it is not there yet. */
int layer_points(const struct store *store, const struct layer_key *k, struct err *e);

#endif
