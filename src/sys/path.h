/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths that foreign bytes chose (images, volumes, options naming places inside a container).
 *
 * ONE door: openat2(2) with a named policy. Where the kernel or an outer filter has no openat2
 * (ENOSYS, EPERM before Linux 5.6), the same walk is done here component by component with
 * O_NOFOLLOW and O_PATH; tests force it. Below folders that rbox itself made, plain openat(2) with
 * O_NOFOLLOW is fine. */
#ifndef RBOX_SYS_PATH_H
#define RBOX_SYS_PATH_H

#include "base/err.h"

#include <sys/types.h>
#include <sys/un.h>

/* Open @path as a process whose root is @root_fd would: absolute paths, absolute symlinks and ".."
 * stay inside the root. Magic links (/proc/…/fd) are refused. @flags as for open(2); O_CLOEXEC is
 * added; O_CREAT is not allowed. On success the caller owns *ret_fd. Errors: those of openat2;
 * -ELOOP for magic links or too many links. */
int path_open_in_root(int root_fd, const char *path, int flags, int *ret_fd, struct err *e);

/* As path_open_in_root(), but any symlink on the way is an error (-ELOOP). */
int path_open_no_symlinks(int root_fd, const char *path, int flags, int *ret_fd, struct err *e);

/* Make folder @path inside the root @root_fd with all missing parents (mode 0755) and open it
 * O_PATH. Existing symlinks are followed within the root; a dangling one has its target made. The
 * caller owns *ret_fd. */
int path_make_dir_in_root(int root_fd, const char *path, int *ret_fd, struct err *e);

/* The same; *made gets more by the number of folders that were missing. */
int path_make_dirs_in_root(int root_fd, const char *path, size_t *made, int *ret_fd, struct err *e);

/* Make an empty regular file @path (mode 0644) inside the root with its missing parents, unless
 * something is there, and open it O_PATH. A dangling symlink has its target made within the root.
 * The caller owns *ret_fd. */
int path_make_file_in_root(int root_fd, const char *path, int *ret_fd, struct err *e);

/* Open a regular file inside a root for reading: non-blocking and without a controlling terminal.
 * The caller owns *ret_fd. Errors: -ENOENT no such file; -EINVAL not a regular file. */
int path_open_file_in_root(int root_fd, const char *path, int *ret_fd, struct err *e);

/* The same, and read it whole, if it has at most @max_bytes. For /etc/passwd and friends of an
 * image. The caller owns *ret_data. Errors: -EFBIG, too. */
int path_read_in_root(int root_fd, const char *path, size_t max_bytes, char **ret_data,
                      size_t *ret_len, struct err *e);

/* "/proc/self/fd/N": how calls that only take a path are given a descriptor. */
struct path_proc_fd {
    char s[32];
};
struct path_proc_fd path_proc_fd(int fd);

/* The address of the socket @name in folder @dir_fd, by way of it: the folder's path may be longer
 * than an address. */
struct sockaddr_un path_socket_address(int dir_fd, const char *name);

#endif
