/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's folder: where it is, its fixed subfolders by descriptor. See image.h for the layout.
 * No absolute path is kept in it, so it can be moved. */
#ifndef RBOX_IMAGE_STORE_H
#define RBOX_IMAGE_STORE_H

#include "base/err.h"
#include "spec/spec.h"

#include <stdint.h>

/* How foreign archives are unpacked: the options UNPACKING_ROWS of cli/opts. */
struct unpacking {
    int squash_ids;         /* owners outside of the id maps become root, else they are an error */
    int64_t max_size_bytes; /* what an image may unpack to; 0: nine tenths of what is free, in bytes
                             * and in files */
};

struct store {
    char *path;        /* for messages only */
    int dir_fd;        /* the store's top, 0700 */
    int layers_fd;     /* layers/ */
    int containers_fd; /* containers/ */
    int run_fd;        /* run/BOOT-ID/ */
    struct unpacking unpacking;
};

/* Open the store, made when missing: @root (--root), else $RBOX_STORE, else $XDG_DATA_HOME/rbox,
 * else
 * ~/.local/share/rbox (HOME unset: the passwd entry; root: /var/lib/rbox). Refuses a folder that
 * belongs to somebody else. Host side; takes no lock. Errors carry the hint for a full, read-only
 * or foreign place. */
int store_open(const char *root, struct store *ret, struct err *e);
void store_done(struct store *s);

/* Does the folder run/@boot_id belong to another host, which has the same store mounted (a home on
 * NFS)? Whether its containers live can't be told here. */
int store_is_boot_elsewhere(const struct store *s, const char *boot_id);

/* Remove run/@boot_id, if it is empty. */
void store_drop_boot(const struct store *s, const char *boot_id);

/* What keeps the store from taking anything more ("is mounted read-only"); NULL: nothing. */
const char *store_lack(const struct store *s);

/* May all of its folders be written? -EACCES, -EROFS: one is closed; the hint opens it. */
int store_check_folders(const struct store *s, struct err *e);

/* What an image may take of the disk, or what is left of that. */
struct store_room {
    int64_t bytes; /* as it comes out of its archive, or on the disk: whichever is more */
    int64_t files;
};

/* As much as an image may take now. */
struct store_room store_room(const struct store *s);

/* A command failed with @e for want of space or of writing, with no hint yet: if it is the store
 * that lacks it, the hint says how to have another; if it is a folder of the store, how to open it.
 */
void store_explain(const struct store *s, struct err *e);

enum store_lock {
    STORE_SHARED,    /* something is on its way in: what nothing refers to yet must stay */
    STORE_EXCLUSIVE, /* garbage is being removed */
    STORE_TRY        /* the same, or -EWOULDBLOCK at once */
};

/* Everyone who puts blobs, layers or records into the store holds this lock from the first byte to
 * the record, so that the collector (garbage.h) never takes half of an image for garbage. Runs of
 * what is there do not need it. On success the caller owns *ret_fd, which is the lock. */
int store_lock(const struct store *s, enum store_lock how, int *ret_fd, struct err *e);

/* How many bytes the blob @digest has; 0: it is not there. */
int64_t store_blob_bytes(const struct store *s, const char *digest);

/* A new folder in tmp/ for @what, which root of any id map may write to; *ret_name is its name
 * below tmp/, the caller's. */
int store_temp(const struct store *store, const char *what, char **ret_name, int *ret_fd,
               struct err *e);

/* Remove a folder of tmp/, with files of mapped owners in it. Best effort. */
void store_temp_remove(const struct store *store, const char *name,
                       const struct spec_idmap *uid_map, const struct spec_idmap *gid_map);

/* Remove the tree @name below @dir_fd, whoever of the maps owns what is in it. On NFS a file that
 * somebody has open stays under another name until he closes it: what is left then is out of the
 * way, in tmp/, and is the next collection's. */
int store_remove_tree(const struct store *store, const struct spec_idmap *uid_map,
                      const struct spec_idmap *gid_map, int dir_fd, const char *name,
                      struct err *e);

#endif
