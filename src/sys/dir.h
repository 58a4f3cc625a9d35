/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in a folder: listed, and removed. Works on either side; nothing here looks at paths that
 * foreign bytes chose (see sys/path.h). */
#ifndef RBOX_SYS_DIR_H
#define RBOX_SYS_DIR_H

#include "base/err.h"

#include <dirent.h>

/* Open folder @name below @dir_fd to list it. closedir(). NULL: errno says why. */
DIR *dir_open(int dir_fd, const char *name);

/* The next entry of @d but "." and "..": *ret is borrowed until the next call. Returns 1, 0 at the
 * end, or -errno: then there may be more, and who removes what is not listed must not go on. */
int dir_next(DIR *d, const struct dirent **ret);

/* Remove the tree @name below @dir_fd, however deep, never following a symlink nor crossing into
 * another file system. Unreadable folders that are ours are chmoded first. Needs privilege over
 * foreign owners (run inside the mapped user namespace for these). A missing tree is success.
 * Errors: the first failure; removal goes on past it. */
int dir_remove_tree(int dir_fd, const char *name, struct err *e);

#endif
