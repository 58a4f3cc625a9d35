/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a mount of the spec, by what they are for. Pure. */
#ifndef RBOX_BOX_MOUNT_OPTIONS_H
#define RBOX_BOX_MOUNT_OPTIONS_H

#include "spec/spec.h"

/* MOUNT_… of mount.h: @defaults, as the options change them. */
int mount_options_attrs(const struct spec_mount *v, int defaults);

/* MS_… for mount_propagation(); 0: none is named. */
unsigned long mount_options_propagation(const struct spec_mount *v);

/* @options of a new file system of @type, and the container's SELinux label for all that is in it,
 * where it has one and the type takes it. @level: NULL, or another level than the container's own.
 * The caller owns it; NULL for none. */
char *mount_options_labelled(const struct spec *s, const char *type, const char *options,
                             const char *level);

/* Those of @v, a mount of @s, that belong to the file system itself, "size=64m,mode=1777",
 * labelled. The caller owns it; NULL for none. */
char *mount_options_data(const struct spec *s, const struct spec_mount *v);

#endif
