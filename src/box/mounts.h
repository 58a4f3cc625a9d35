/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clang-format off */
/* What is mounted in the container besides its root: the kernel's file systems, devices, injected
 * files, volumes. All child side, in this order:
 *
 *     volumes_open()          as the caller, before it becomes root of the namespace: sources that
 *                             the caller can reach
 *     mounts_prepare_early()  what belongs to nobody, while the ids are still being mapped
 *     mounts_prepare()        as 0:0, while the host's tree is still there: all else that is made
 *                             or copied as detached mounts
 *     rootfs_pivot()          from here on no host path has a name
 *     mounts_attach()         fixed mounts, devices, links, files, volumes, each attached by
 *                             descriptor beneath the root
 *     protect()               see protect.h
 *
 * Image paths are only looked at after the old root is gone, so a link in an image has nowhere to
 * lead. */
/* clang-format on */
#ifndef RBOX_BOX_MOUNTS_H
#define RBOX_BOX_MOUNTS_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>

enum {
    MOUNTS_FIXED_MAX = 16,
    MOUNTS_DEVICES = 6,
    MOUNTS_FILES_MAX = 8
};

/* A file that is put into the container over whatever the image has there. */
struct mounts_file {
    const char *path;  /* absolute, static */
    const char *where; /* folder without which the file is not wanted, or NULL; static */
    char *text;        /* NULL: its file_fd is there already */
};

struct mounts {
    int fixed_fd[MOUNTS_FIXED_MAX]; /* by row of the table; -1 = not wanted */
    int device_fd[MOUNTS_DEVICES];
    int file_fd[MOUNTS_FILES_MAX];
    struct mounts_file
        files[MOUNTS_FILES_MAX]; /* filled in by the caller before mounts_prepare(); owned */
    size_t file_count;
    int is_net_foreign; /* the network is one that no user namespace of the container owns */
    int *volume_fd;     /* one for each mount of the spec */
    int *extra_fd;      /* one for each --device */
};

void mounts_init(struct mounts *m);

/* Add a file; takes @text; NULL adds nothing. @path and @where (see the struct) are static. */
void mounts_add_file(struct mounts *m, const char *path, const char *where, char *text);

/* Put the detached mount @fd at @path (static) instead of what would be there; takes @fd. */
void mounts_give(struct mounts *m, const char *path, int fd);

/* Open and copy the sources of volumes and devices. Runs before the process changes its ids: paths
 * are the caller's to reach, with its groups. Errors: a missing or unreachable source, with the
 * fix. */
int volumes_open(const struct spec *s, struct mounts *m, struct err *e);

/* Throw-away overlays over host folders (:O) need folders of their own in @fs_fd, and an owner:
 * done as 0:0. */
int volumes_prepare(const struct spec *s, struct mounts *m, int fs_fd, struct err *e);

/* Attach the volumes and tmpfs mounts, parents before children. */
int volumes_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e);
int devices_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e);

/* Chown the sources of volumes with option U to @uid:@gid. */
int volumes_chown(const struct spec *s, const struct mounts *m, unsigned int uid, unsigned int gid,
                  struct err *e);

/* File systems without an owner, and the host's devices. Needs no mapped ids: of the time in which
 * the helpers map them. */
int mounts_prepare_early(const struct spec *s, struct mounts *m, struct err *e);

/* @scratch_at_fd: a folder (O_PATH) that a scratch file system may cover, in this mount namespace
 * only. */
int mounts_prepare(const struct spec *s, struct mounts *m, int scratch_at_fd, struct err *e);
int mounts_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e);

/* Open a terminal of the container's own devpts: *ret_master_fd and *ret_slave_fd are the caller's.
 */
int mounts_terminal(int root_fd, int *ret_master_fd, int *ret_slave_fd, struct err *e);

/* The same, and its slave is bound to /dev/console. */
int mounts_console(int root_fd, int *ret_master_fd, int *ret_slave_fd, struct err *e);

/* The mount of the spec at @destination, or NULL: it replaces the fixed one. */
const struct spec_mount *mounts_find(const struct spec *s, const char *destination);

#endif
