/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's root: layers and a writable upper folder, put together by the driver that
 * storage.h names. Child side. */
#ifndef RBOX_BOX_ROOTFS_H
#define RBOX_BOX_ROOTFS_H

#include "base/err.h"
#include "spec/spec.h"

/* O_PATH descriptors of this mount namespace. */
struct rootfs_dirs {
    int layers_fd; /* the store's layers/, for short names of lower folders */
    int dir_fd;    /* containers/ID */
    int fs_fd;     /* containers/ID/fs */
    int sync_fd;   /* towards the supervisor, which serves what the kernel does not */
};

/* Open all but sync_fd. Mounts want folders of this mount namespace, and the launcher's descriptors
 * are of the host's. The current folder, which is the store's top, came along (the kernel moves it
 * over): so the store is reached by no name, and as the caller still, who alone may enter it. Of a
 * bundle the current folder is that of the states (oci_state.h), and there are no layers. */
int rootfs_open_dirs(const struct spec *s, struct rootfs_dirs *ret, struct err *e);

/* The layers of @s as an overlay's lower folders: topmost first, each with @prefix, ':' between.
 * The caller owns it. Pure. */
char *rootfs_lower(const struct spec *s, const char *prefix);

/* Mount the root of @s over fs/ in this mount namespace, as 0:0 of the mapped user namespace,
 * making upper and work in fs/ as needed. With --rootfs DIR, @rootfs_fd (O_PATH, opened as the
 * caller) is bound there instead, or is the lower folder of a throw-away overlay (DIR:O). On
 * success the caller owns *ret_root_fd (O_PATH, the mounted root). */
int rootfs_mount(const struct spec *s, const struct rootfs_dirs *dirs, int rootfs_fd,
                 int *ret_root_fd, struct err *e);

/* The same of the image alone, read-only, for the kernel's overlay. */
int rootfs_mount_image(const struct spec *s, const struct rootfs_dirs *dirs, int *ret_root_fd,
                       struct err *e);

/* The layers of @s, found below the current folder, over @target_fd: read-only, by the kernel's
 * overlay. */
int rootfs_mount_layers(const struct spec *s, int target_fd, struct err *e);

/* Copy the layers of @s, found below the current folder, on each other into @to_fd. */
int rootfs_copy_layers(const struct spec *s, int to_fd, struct err *e);

/* pivot_root(2) into @root_fd and detach the old root: after this nothing of the host's tree has a
 * name here. */
int rootfs_pivot(int root_fd, struct err *e);

#endif
