/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a helper that reads foreign bytes locks itself in, so that even a bug in a library stays
 * inside. In the helper, single-threaded, before the first foreign byte; there is no way back.
 * And the second wall around a container. */
#ifndef RBOX_SYS_HARDEN_H
#define RBOX_SYS_HARDEN_H

#include "base/err.h"

#include <stddef.h>

enum harden_access {
    HARDEN_READ, /* files and folders below can be read */
    HARDEN_WRITE /* and made, written, renamed, removed */
};

struct harden_path {
    const char *path; /* NULL: the folder @fd; a path that is not there is skipped */
    int fd;
    enum harden_access access;
};

/* Reach no file but those below @paths: Landlock (landlock(7)). -EOPNOTSUPP where the kernel has
 * none; the caller decides. */
int harden_paths(const struct harden_path *paths, size_t count, struct err *e);

enum {
    HARDEN_BENEATH_ABI = 2 /* before it nothing could be renamed from folder to folder */
};

/* Landlock's ABI on this kernel, 0 for none. */
int harden_abi(void);

/* Reach no file but those below @root_fd, as the mounts lie there, those that descriptors 0 to 2
 * are, and what the @preserved ones after them are or have below: whatever leads to another, a
 * descriptor that leaked or a root that was left, leads nowhere. No mount can be made afterwards,
 * and no process outside of this wall traced. Needs no_new_privs or CAP_SYS_ADMIN over the user
 * namespace. -EOPNOTSUPP where the kernel has no ABI that serves. */
int harden_beneath(int root_fd, unsigned int preserved, struct err *e);

enum harden_flags {
    HARDEN_NO_SOCKETS = 1 << 0,
    HARDEN_MAY_CHROOT = 1 << 1,
    HARDEN_NO_FORK = 1 << 2 /* nor threads */
};

/* Deny with EPERM what no helper needs: to execute, trace, mount, enter or make namespaces, change
 * the root, load code into the kernel, keys, io_uring and the like. Other architectures' calls end
 * the process. @flags: enum harden_flags. */
int harden_calls(int flags, struct err *e);

/* Does a system call filter hold this process? Asked of the kernel, not of /proc. */
int harden_is_filtered(void);

#endif
