/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts, by descriptor. All of it runs in a mount namespace of our own, child side, except where
 * said. */
#ifndef RBOX_SYS_MOUNT_H
#define RBOX_SYS_MOUNT_H

#include "base/err.h"

#include <stdint.h>

enum mount_flags {
    MOUNT_RDONLY = 1 << 0,
    MOUNT_NOSUID = 1 << 1,
    MOUNT_NODEV = 1 << 2,
    MOUNT_NOEXEC = 1 << 3,
    MOUNT_NOATIME = 1 << 4,
    MOUNT_STRICTATIME = 1 << 5,
    MOUNT_RECURSIVE = 1 << 6, /* bind with everything mounted below */
};

/* A fresh proc was refused: set @e's hint to what uncovers the one that is visible (RBX-109).
 * Returns -e->errnum. */
int mount_proc_hint(struct err *e);

/* Mount a new file system of @type at the folder @target_fd (O_PATH). @source and @data may be
 * NULL.
 * @attrs: enum mount_flags. Errors carry the errno of mount(2), with the ones that mislead
 * translated. */
int mount_fs(const char *type, const char *source, int target_fd, int attrs, const char *data,
             struct err *e);

/* A new, detached file system of @type with the comma separated @options ("mode=755,size=64k"; NULL
 * for none), by fsopen(2) and fsmount(2) (Linux 5.2); attach it with mount_attach(). proc and sysfs
 * must be made while the host's own are still visible in this mount namespace. On success the
 * caller owns *ret_fd. */
int mount_new(const char *type, const char *options, int attrs, int *ret_fd, struct err *e);

/* A detached copy of what @source_fd (O_PATH) shows, as a bind mount: open_tree(2) OPEN_TREE_CLONE.
 * @attrs: MOUNT_RECURSIVE or 0. On success the caller owns *ret_fd; attach it with mount_attach().
 */
int mount_clone(int source_fd, int attrs, int *ret_fd, struct err *e);

/* Set read-only, nosuid, nodev, noexec on mount @mount_fd (attached or detached), keeping the
 * locked flags that the kernel insists on. MOUNT_RECURSIVE sets them on all mounts below too. Falls
 * back to remounting before Linux 5.12. */
int mount_set_attrs(int mount_fd, int attrs, struct err *e);

/* Attach the detached mount @mount_fd over @target_fd (both O_PATH). */
int mount_attach(int mount_fd, int target_fd, const char *what, struct err *e);

/* Bind @source_fd over @target_fd with @attrs: clone, attach, set. @what names it in errors. */
int mount_bind(int source_fd, int target_fd, int attrs, const char *what, struct err *e);

/* Make @target_fd's mount, and with MOUNT_RECURSIVE in @attrs or MS_REC in @flag all below,
 * private, slave, shared or unbindable (MS_…). */
int mount_propagation(int target_fd, unsigned long flag, int attrs, struct err *e);

/* Is @fd on a file system whose magic is @magic (PROC_SUPER_MAGIC…)? 1 yes, 0 no, -errno. */
int mount_is_fs(int fd, uint32_t magic);

/* The errno text of mount(2), translated where it misleads: ENOSPC is the limit of mounts, EPERM
 * names its causes. */
const char *mount_strerror(int errnum);

#endif
