/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's files from outside, while it runs or not: for cp, diff, commit and export. What is
 * given is a descriptor of a root; files are reached through it by rbox-unpack (image/unpack.h),
 * which makes it its own. Host side. */
#ifndef RBOX_BOX_LOOK_H
#define RBOX_BOX_LOOK_H

#include "base/err.h"
#include "box/find.h"
#include "image/store.h"
#include "spec/spec.h"

enum look_view {
    LOOK_INSIDE, /* what its processes see, with all that is mounted in it; of one that does not
                    run, the same as LOOK_ROOT */
    LOOK_ROOT,   /* its root alone: image and changes */
    LOOK_IMAGE   /* what the root was at first */
};

struct look {
    const struct store *store; /* borrowed */
    const struct spec *spec;   /* borrowed */
    int root_fd;
    int pidfd;   /* of a process in the user namespace of its root: some file systems answer nobody
                    else; 0: it does not matter */
    int serves;  /* that process serves the root, until it is closed */
    int lock_fd; /* while a stopped container is looked at, it is not started; -1: it runs */
    char *temp;  /* a copy of the image below tmp/, or NULL */
    int temp_lock_fd; /* keeps the collector from it; 0: there is none */
};

/* Open @view of container @f, whose spec is @s. On success the caller owns *ret. Errors: -EBUSY
 * another command has it; -ENOTSUP its files can't be had so (the error says why, and what can be
 * done). */
int look_open(const struct store *store, const struct found *f, const struct spec *s,
              enum look_view view, struct look *ret, struct err *e);

/* Open the regular file @path of container @f, which runs, to read it: as its processes see it. A
 * file system that lets only them come near its files (FUSE) lets whoever has them opened read. On
 * success the caller owns *ret_fd. Errors: as path_open_file_in_root(); -ESRCH it does not run. */
int look_open_file(const struct found *f, const struct spec *s, const char *path, int *ret_fd,
                   struct err *e);

void look_done(struct look *l);
#define autolook __attribute__((cleanup(look_done)))

#endif
