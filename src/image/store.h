/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's folder: where it is, its fixed subfolders by descriptor. See image.h for the layout.
 * No absolute path is kept in it, so it can be moved. */
#ifndef RBOX_IMAGE_STORE_H
#define RBOX_IMAGE_STORE_H

#include "base/err.h"

struct store {
    char *path;        /* for messages only */
    int dir_fd;        /* the store's top, 0700 */
    int layers_fd;     /* layers/ */
    int containers_fd; /* containers/ */
    int run_fd;        /* run/BOOT-ID/ */
};

/* Open the store, made when missing: @root (--root), else $RBOX_STORE, else $XDG_DATA_HOME/rbox,
 * else
 * ~/.local/share/rbox (HOME unset: the passwd entry; root: /var/lib/rbox). Refuses a folder that
 * belongs to somebody else. Host side; takes no lock. Errors carry the hint for a full, read-only
 * or foreign place. */
int store_open(const char *root, struct store *ret, struct err *e);
void store_done(struct store *s);

#endif
