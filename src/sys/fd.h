/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors: whole reads and writes, passing, and what a child may keep.
 * Works on either side; nothing here looks at paths that foreign bytes chose (see sys/path.h). */
#ifndef RBOX_SYS_FD_H
#define RBOX_SYS_FD_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Write all of @data, retrying on EINTR and short writes. Returns 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);

/* As many descriptors as the hard limit allows: for who holds some for each of many. */
void fd_raise_limit(void);

/* A pipe, both ends close-on-exec and the caller's. */
int fd_pipe(int *ret_read_fd, int *ret_write_fd, struct err *e);

/* Read until end of file, at most @max_bytes. On success the caller owns *ret_data
 * (NUL-terminated). Errors: -EFBIG when there is more than @max_bytes. */
int fd_read_all(int fd, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *e);

/* Open @name below @dir_fd (a folder rbox itself made, or AT_FDCWD) and read it whole; O_NOFOLLOW,
 * regular files only.
 * @ret_len may be NULL. Errors: -ENOENT and others from openat, -EFBIG. */
int file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_len,
              struct err *e);

/* The same for a file of the user's or the system's configuration: symlinks are followed, and
 * /dev/null is as good as an empty file. */
int file_read_followed(int dir_fd, const char *name, size_t max_bytes, char **ret_data,
                       size_t *ret_len, struct err *e);

enum file_flags {
    FILE_SYNC = 1 << 0,    /* fsync file and folder: durable when this returns */
    FILE_PRIVATE = 1 << 1, /* mode 0600 instead of 0644 */
};

/* Replace @name below @dir_fd by @data: written beside it and renamed over it, so readers see old
 * or new.
 * @flags: enum file_flags. */
int file_write(int dir_fd, const char *name, const void *data, size_t len, int flags,
               struct err *e);

/* Write @text to an existing file of proc, sysfs or cgroupfs in one write(2). Returns 0 or -errno.
 */
int file_put(int dir_fd, const char *name, const char *text);

/* Is the file behind @fd still the one that is called @name below @dir_fd? Its link count does not
 * tell: on NFS what is removed while it is open gets another name. */
int file_is_named(int fd, int dir_fd, const char *name);

/* Make @name below @dir_fd, accepting that it is there already, and open it (O_PATH is not set).
 * On success the caller owns *ret_fd. */
int dir_make(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct err *e);

/* Make folder @path and its missing parents (mode 0700). For paths of the user's own, not of
 * images. */
int dir_make_all(const char *path, struct err *e);

/* Send @fd_count descriptors with @len bytes of @data over a unix socket as one message. Returns 0
 * or -errno. */
int fd_send(int socket_fd, const void *data, size_t len, const int *fds, size_t fd_count);

/* Receive one message of at most @len bytes and up to @fd_max descriptors (O_CLOEXEC); surplus ones
 * are closed. Returns bytes read (0: end of file) or -errno; *ret_fd_count tells how many arrived;
 * fds not filled are -1. */
ssize_t fd_recv(int socket_fd, void *data, size_t len, int *fds, size_t fd_max,
                size_t *ret_fd_count);

/* A sealed memfd with @data, positioned at its start. On success the caller owns *ret_fd. */
int fd_memfd(const char *name, const void *data, size_t len, int *ret_fd, struct err *e);

/* Set or clear O_CLOEXEC. Returns 0 or -errno. */
int fd_cloexec(int fd, int on);

/* Close every descriptor above 2 that came from the caller of this program. They are known by
 * having no close-on-exec flag: all that rbox opens itself has it. Reads /proc. */
void fd_close_inherited(void);

/* Close every descriptor above 2 except the @count ones in @keep (any order). */
void fd_close_except(const int *keep, size_t count);

#endif
