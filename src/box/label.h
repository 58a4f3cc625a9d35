/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which labels of SELinux a container gets: its processes process.selinux_label of the spec, its
 * root, its tmpfs and its terminals linux_.mount_label. As podman has it: those that the policy's
 * list for containers names, with two categories of its own, changed by --security-opt label=. None
 * where there is no SELinux, its policy knows no containers, or the container is to see the host.
 *
 *     label_choose()   when it is made; config.json keeps them
 *     label_start()    at each start
 *     label_volume()   options z and Z of a volume, when it is made
 *
 * Host side, as the caller. */
#ifndef RBOX_BOX_LABEL_H
#define RBOX_BOX_LABEL_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

/* Errors: what label= asks for cannot be had here. */
int label_choose(struct spec *s, struct err *e);

/* Errors: this host, or its policy, does not let this process start a command with the label of
 * @s. */
int label_check(const struct spec *s, struct err *e);

/* The same, and layers of a store that was filled without labels get theirs: programs are mapped
 * from them, and for that their own label counts, not that of the overlay. */
int label_start(const struct store *store, const struct spec *s, struct err *e);

/* Label @m of @s where its options ask for it. Errors: there is no SELinux, or no label for it; a
 * folder that the whole host uses; a file that cannot be labelled. */
int label_volume(const struct store *store, const struct spec *s, const struct spec_mount *m,
                 struct err *e);

#endif
