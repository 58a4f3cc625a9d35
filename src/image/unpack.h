/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running rbox-unpack: in a user namespace with the ids mapped, in the folder it shall fill. Host
 * side. */
#ifndef RBOX_IMAGE_UNPACK_H
#define RBOX_IMAGE_UNPACK_H

#include "base/err.h"
#include "base/mem.h"
#include "spec/spec.h"

struct unpack {
    const struct spec_idmap *uid_map;
    const struct spec_idmap *gid_map;
    int pidfd;     /* a process whose user namespace has these maps; 0: make one */
    int in_fd;     /* what it reads */
    int folder_fd; /* where it writes; mode 0777 below the private store, so that root of any map
                      may */
    int out_fd;    /* what it writes goes there; 0: it is given back as text */
};

/* Run rbox-unpack with @arguments (a mode and its options, NULL-terminated); *ret_out (NULL with
 * out_fd) is what it printed, the caller's. Its error comes back as ours. */
int unpack_run(const struct unpack *u, const char *const *arguments, char **ret_out, struct err *e);

#endif
