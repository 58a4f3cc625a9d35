/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a bundle's container as the OCI runtime spec cuts it up: create, start, exec, delete.
 *
 * The container's first process is made by the code of a run (child.h), with the same steps said to
 * it (sync.h); what differs is who says them. There is no supervisor: `create` says all but the
 * last and goes, and the first process, whose parent is then whoever collects orphans (conmon, for
 * podman), waits at start.sock for `start` to say EXEC. Host side. */
#ifndef RBOX_BOX_OCI_H
#define RBOX_BOX_OCI_H

#include "base/err.h"
#include "box/oci_state.h"
#include "spec/spec.h"

#include <sys/types.h>

struct oci_options {
    const char *bundle;         /* NULL: the current folder */
    const char *pid_file;       /* gets the pid; or NULL */
    const char *console_socket; /* gets the terminal's master; or NULL */
    unsigned int preserve_fds;
    int systemd_cgroup;
};

/* Make container @id: when this returns its process waits to be started, as a child of the caller,
 * who owns *ret_pidfd. On failure nothing is left. */
int oci_create(int root_fd, const char *id, const struct oci_options *o, int *ret_pidfd,
               struct err *e);

/* Let it go on. Errors: it could not be executed (exit codes 126, 127); -EBUSY it was started. */
int oci_start(const struct oci_state *st, struct err *e);

/* Run the process of @s in it, with the caller's descriptors or a terminal. On success the caller
 * owns *ret_pidfd, of a child of his. */
int oci_exec(const struct oci_state *st, struct spec *s, const struct oci_options *o,
             int *ret_pidfd, struct err *e);

/* Remove it; @force ends it first. Errors: -EBUSY it runs. */
int oci_delete(const struct oci_state *st, int force, struct err *e);

/* Send @signo to its first process, or with @all to every one of its cgroup. */
int oci_kill(const struct oci_state *st, int signo, int all, struct err *e);

/* A command that can't be executed is told in the kernel's words, too: podman looks for them to
 * tell 126 from 127. Returns @r. */
int oci_explain(int r, struct err *e);

/* For create and exec: write @pid into the file @path, and give @master_fd to whoever listens at
 * @socket_path. Both paths may be NULL: then nothing is done. */
int oci_write_pid(const char *path, pid_t pid, struct err *e);
int oci_send_console(const char *socket_path, int master_fd, struct err *e);

#endif
