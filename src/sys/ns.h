/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces: clone3(2) with pidfds, setns(2), and what stands in the way of user namespaces. */
#ifndef RBOX_SYS_NS_H
#define RBOX_SYS_NS_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* A user namespace was refused with @errnum: because the process is in a chroot? The kernel says
 * EPERM for nothing else, but for a filter (user_namespaces(7)). */
int ns_is_chroot(int errnum);

/* What keeps the caller from one namespace of each kind: what was seen ("user.max_net_namespaces is
 * 0") and the words for sysctl -w that mend it. Found by trying. Returns 0, and NULLs, when nothing
 * does. The caller owns both strings. */
int ns_limits_in_the_way(char **ret_seen, char **ret_settings);

/* Fork with new namespaces. @flags: CLONE_NEW…, CLONE_PARENT and CLONE_INTO_CGROUP (with
 * @cgroup_fd, else -1). Returns the pid in the parent, 0 in the child, or a negative errno with @e
 * set; for a user namespace the error names the sysctl or the policy that forbids it. The parent
 * owns *ret_pidfd (O_CLOEXEC). There are no threads, so the child may allocate. */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct err *e);

/* The same with folder @dir_fd as the child's current one: into a mount namespace of its own that
 * comes along, and no descriptor does. */
pid_t ns_clone_in(int dir_fd, uint64_t flags, int *ret_pidfd, struct err *e);

/* Is the caller in the same namespace as process @pid, of the kind that @file of /proc/PID/ns is?
 * 1, 0 or -errno. */
int ns_is_own(pid_t pid, const char *file);

/* The kinds (CLONE_NEW…) of which it is in another: one's own user namespace can't be joined. */
uint64_t ns_foreign(pid_t pid);

/* Are both descriptors of the same namespace? */
int ns_is_same(int fd, int other_fd);

/* Join the namespaces @flags (CLONE_NEW…) of the process behind @pidfd, all at once where the
 * kernel can (5.8). */
int ns_join(int pidfd, int flags, struct err *e);

/* unshare(2) with an error that says what for. */
int ns_unshare(int flags, const char *what, struct err *e);

/* A step of the process in between, see below; @pid is 0 before the clone. */
typedef int ns_step(void *arg, pid_t pid, struct err *e);

/* ns_clone() from where the caller does not go itself: a process in between takes the step @enter
 * (joins namespaces), clones, takes the step @settle (or NULL) for the new process, and leaves that
 * to the caller as its child (CLONE_PARENT). */
pid_t ns_clone_between(ns_step *enter, ns_step *settle, void *arg, uint64_t flags, int *ret_pidfd,
                       struct err *e);

#endif
