/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's root served by fuse-overlayfs. The child opens /dev/fuse and mounts it, so the
 * mount is its user namespace's; the descriptor goes to the supervisor, which starts the server
 * outside the container's PID namespace: nobody in there can end it. */
#ifndef RBOX_BOX_FUSE_H
#define RBOX_BOX_FUSE_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>
#include <sys/types.h>

struct fuse_server {
    int pidfd;  /* -1: there is none */
    pid_t pid;  /* in the PID namespace of who started it */
    int err_fd; /* what it says on stderr */
};

/* Mount at @target_fd (O_PATH) a file system that answers as soon as *ret_fuse_fd, the caller's, is
 * served. Child side. */
int fuse_mount(int target_fd, int *ret_fuse_fd, struct err *e);

/* Start the server behind @fuse_fd for container @s. It sees the layers and the container's folder
 * and little else. Supervisor, whose current folder is the store. */
int fuse_serve(const struct spec *s, int fuse_fd, struct fuse_server *ret, struct err *e);

/* If @e is the error of somebody who missed the server, put its last words there. */
int fuse_explain(struct fuse_server *f, struct err *e);

/* Wait for the server, which ends when the last mount goes and all is written; not for ever. */
void fuse_stop(struct fuse_server *f);

#endif
