/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file systems that a bundle's config.json lists, made before the root is. Child side. */
#ifndef RBOX_BOX_BUNDLE_MOUNT_H
#define RBOX_BOX_BUNDLE_MOUNT_H

#include "base/err.h"
#include "spec/spec.h"

/* Make @v, which is no bind, as a detached mount, as 0:0: while the host's proc and sysfs are still
 * to be seen. *ret_fd stays -1 for what must see the container's root: a tmpfs with its content. */
int bundle_mount_prepare(const struct spec *s, const struct spec_mount *v, int *ret_fd,
                         struct err *e);

#endif
