/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What puts a container's root together from its layers:
 *
 *     overlay         the kernel's, inside the user namespace (Linux 5.11 and later)
 *     fuse-overlayfs  the same from user space, where the kernel or the store's file system cannot
 *     copy            a full copy for each container: slow and large, so never silently
 *
 * All three read the same layers. */
#ifndef RBOX_BOX_STORAGE_H
#define RBOX_BOX_STORAGE_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#define STORAGE_OVERLAY "overlay"
#define STORAGE_FUSE    "fuse-overlayfs"
#define STORAGE_COPY    "copy"

/* Is @name one of them? */
int storage_is_driver(const char *name);

/* Can fuse-overlayfs serve here? Host side. Errors: what it lacks, with the fix. */
int storage_check_fuse(struct err *e);

/* Can a copy be run in @store? Its programs lie on the store's own mount, the overlays' do not.
 * Host side. */
int storage_check_copy(const struct store *store, struct err *e);

/* Can files in @store belong to the ids of @s's maps? By trying: a server (NFS) knows nothing of
 * the user namespace, and files of another id than the caller's are root's to make there. Host
 * side. Errors: -ENOTSUP no, and why; else the trial's own. */
int storage_check_owners(const struct store *store, const struct spec *s, struct err *e);

/* Find the first of them that works in @store with the maps of @s, by trying, and why those before
 * it do not (NULL for overlay; the caller's). What overlay did is remembered in the store until the
 * kernel changes, or @try_again. Host side. Errors: of the trial's user namespace;
 * -EACCES nothing can be executed from a copy, and that is all there is. */
int storage_find(const struct store *store, const struct spec *s, int try_again,
                 const char **ret_driver, char **ret_reason, struct err *e);

/* Settle the driver of @s: the asked one, if it can work here, else the one found. A copy that
 * nobody asked for is announced, and so is, once, a store that holds no owners. Host side. Errors:
 * -ENOENT fuse-overlayfs is asked for and is not installed. */
int storage_choose(const struct store *store, struct spec *s, struct err *e);

#endif
