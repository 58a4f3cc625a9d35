/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in a folder: listed, and removed. Works on either side; nothing here looks at paths that
 * foreign bytes chose (see sys/path.h). */
#ifndef RBOX_SYS_DIR_H
#define RBOX_SYS_DIR_H

#include "base/err.h"

/* Remove the tree @name below @dir_fd, however deep, never following a symlink nor crossing into
 * another file system. Unreadable folders that are ours are chmoded first. Needs privilege over
 * foreign owners (run inside the mapped user namespace for these). A missing tree is success.
 * Errors: the first failure; removal goes on past it. */
int dir_remove_tree(int dir_fd, const char *name, struct err *e);

#endif
