/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole trees of files: copying, walking, changing owners. Symlinks are copied, never followed. */
#ifndef RBOX_SYS_TREE_H
#define RBOX_SYS_TREE_H

#include "base/err.h"

#include <sys/stat.h>
#include <sys/types.h>

/* Copy what is in folder @from_fd into folder @to_fd: files (reflinked where the file system can),
 * folders, symlinks, hard links within the tree, FIFOs; owners, modes, times and user and security
 * extended attributes as far as the caller may set them. Device nodes and sockets are skipped.
 * Mounts below are not entered. */
int tree_copy(int from_fd, int to_fd, struct err *e);

/* Lay the image layer @from_fd over what is in folder @to_fd, as an overlay would: whiteouts and
 * opaque folders hide, everything else replaces. The rest as tree_copy(). */
int tree_copy_layer(int from_fd, int to_fd, struct err *e);

/* Make empty file @to_fd a copy of @from_fd, reflinked where the file system can. Returns 0 or
 * -errno. */
int tree_copy_data(int from_fd, int to_fd);

/* What is done with entry @name of folder @dir_fd; "" is the folder or file that the walk began
 * with. Returns 0, or what ends the walk. */
typedef int tree_visit(int dir_fd, const char *name, const struct stat *st, void *arg,
                       struct err *e);

struct tree_walk {
    tree_visit *visit;
    void *arg;
    int skip_unreadable; /* go on past folders that cannot be read; else an error */
};

/* Visit @fd (a folder or a file, O_PATH will do) and all below it on the same file system, folders
 * before what is in them. Returns what ended it. */
int tree_walk(int fd, const struct tree_walk *w, struct err *e);

/* Make @uid:@gid the owner of @fd and of all below it on the same file system. */
int tree_chown(int fd, uid_t uid, gid_t gid, struct err *e);

#endif
