/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PID 1 of the container, from clone to exec: the mirror image of box.c. */
#ifndef RBOX_BOX_CHILD_H
#define RBOX_BOX_CHILD_H

#include "box/mounts.h"
#include "box/oci_hooks.h"
#include "box/rootfs.h"
#include "box/seccomp.h"
#include "spec/spec.h"

#include <sys/ioctl.h>

struct child {
    struct spec *spec;       /* the fork's own copy: HOME is put into its environment */
    struct rootfs_dirs dirs; /* opened by the child itself, see open_store() */
    struct mounts mounts;
    const struct seccomp_filter *filter;
    int sync_fd;  /* towards the supervisor */
    int proc_fd;  /* of selinux_exec_open(), by the child */
    int start_fd; /* > 0: a listening socket: wait there for whoever says EXEC (oci.h) */
    const struct oci_hooks *hooks; /* NULL: none */
    struct winsize size;           /* of the caller's terminal; all zero when there is none */
};

/* Build the world and exec the command. Runs in the new namespaces, as a fork of the supervisor;
 * never returns. A failure travels over sync_fd as the launcher's error. */
_Noreturn void child_main(struct child *c);

#endif
