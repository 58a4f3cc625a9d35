/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels of SELinux, as far as a bind mount needs them: the files of options z and Z. */
#ifndef RBOX_SYS_SELINUX_H
#define RBOX_SYS_SELINUX_H

#include "base/err.h"

/* Does this host have SELinux, enforcing or not? */
int selinux_is_on(void);

/* Has @path a label of containers' files? */
int selinux_is_labelled(const char *path);

/* Give @fd and all below it on the same file system the label of containers' files; with @level
 * ("c1,c2") the categories of one container alone. Host side, as the caller: only what is his to
 * label is labelled. Errors: the first that could not be. */
int selinux_label_tree(int fd, const char *level, struct err *e);

#endif
