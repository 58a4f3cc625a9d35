/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup v2 tree as this process sees it: where it is mounted, who is where, which controllers
 * reach which folder, and in words why one does not. */
#ifndef RBOX_BOX_CGROUP_TREE_H
#define RBOX_BOX_CGROUP_TREE_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Open the root of the mounted tree: /sys/fs/cgroup, or where version 1 has that place
 * /sys/fs/cgroup/unified. The caller owns *ret_fd. Errors: -ENOTSUP, none is mounted. */
int cgroup_tree_open(int *ret_fd, struct err *e);

/* Open the folder at @path ("/user.slice/…", as /proc/PID/cgroup has it). The caller owns *ret_fd.
 */
int cgroup_tree_open_path(const char *path, int *ret_fd, struct err *e);

/* The same, making what is missing of it. */
int cgroup_tree_make_path(const char *path, int *ret_fd, struct err *e);

/* Path of the cgroup of @pid (0: the caller's). The caller owns *ret_path. */
int cgroup_tree_of(pid_t pid, char **ret_path, struct err *e);

/* Is @word one of those in @file ("cgroup.controllers") of the folder @dir_fd? 1 or 0. */
int cgroup_tree_has(int dir_fd, const char *file, const char *word);

/* Let @controller reach the folders below @dir_fd. Returns 0 or -errno (-EBUSY: processes are in
 * @dir_fd itself). */
int cgroup_tree_enable(int dir_fd, const char *controller);

/* Move @pid (0: the caller) into the folder @name below @dir_fd. Returns 0 or -errno. */
int cgroup_tree_move(int dir_fd, const char *name, pid_t pid);

/* The processes in the folder @dir_fd itself; the caller owns *ret. One outside of the caller's PID
 * namespace is not among them: the kernel lists it as 0, by which other calls mean the caller. */
int cgroup_tree_pids(int dir_fd, pid_t **ret, size_t *ret_count, struct err *e);

/* Wait until the cgroup.events of @dir_fd says @line ("populated 0"). Returns 0, -ETIMEDOUT or
 * -errno. */
int cgroup_tree_await(int dir_fd, const char *line, int timeout_ms);

/* Is @controller on a hierarchy of version 1? */
int cgroup_tree_is_v1(const char *controller);

/* Set @e to why @controller does not reach the cgroup @path, "cannot set OPTION: …", with the fix
 * as a hint. @path may be NULL where cgroup_tree_is_v1(). Returns -ENOTSUP. */
int cgroup_tree_missing(const char *path, const char *controller, const char *option,
                        struct err *e);

#endif
