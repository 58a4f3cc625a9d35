/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identity: which ids the caller may map, and short jobs in a user namespace that has them mapped.
 */
#ifndef RBOX_USERNS_USERNS_H
#define RBOX_USERNS_USERNS_H

#include "base/err.h"
#include "spec/spec.h"

#include <stdint.h>
#include <sys/types.h>

/* Write @uid_map and @gid_map into the user namespace of process @pid, whose parent namespace is
 * ours: by newuidmap and newgidmap side by side, or directly when each map is a single row of size
 * 1 for the caller's own id (then setgroups is denied first, user_namespaces(7)). Host side. Errors
 * carry the helpers' own words and the fix. */
int userns_map(pid_t pid, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
               struct err *e);

/* Write the maps of process @pid directly: for whoever has CAP_SETUID and CAP_SETGID in the parent
 * namespace. */
int userns_write_maps(pid_t pid, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                      struct err *e);

/* A job inside: returns 0 or a negative errno with @e set. Runs in a forked child that is root (0:0
 * of the map) with all capabilities in the namespace; what it prints and which descriptors it uses
 * are inherited. */
typedef int userns_job(void *arg, struct err *e);

/* Fork, enter a new user namespace with these maps, run @job(@arg), wait for it. An error of the
 * job comes back in @e. Host side: rm of files with subordinate owners, unpacking, chown. */
int userns_run(const struct spec_idmap *uid_map, const struct spec_idmap *gid_map, userns_job *job,
               void *arg, struct err *e);

/* The same in the user namespace of the process behind @pidfd, whose maps these are. */
int userns_run_in(int pidfd, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                  userns_job *job, void *arg, struct err *e);

/* Fork into new namespaces @flags, the user namespace among them below that of @userns_fd, which is
 * the caller's too; with @uid_map and @gid_map, to the host's ids, which must be mapped there, too.
 * Returns, and *ret_pidfd is, as ns_clone()'s: the new process is the caller's child, and its maps
 * are written. Host side. */
pid_t userns_clone_below(int userns_fd, uint64_t flags, const struct spec_idmap *uid_map,
                         const struct spec_idmap *gid_map, int *ret_pidfd, struct err *e);

/* Read @file, "/proc/self/uid_map", a gid_map, or another process's: the map of its namespace, to
 * the ids of the one above. Adds to *ret, whose rows are its owner's to free. */
int userns_read_map(const char *file, struct spec_idmap *ret, struct err *e);

/* The same ids, each as itself. */
int userns_read_identities(const char *file, struct spec_idmap *ret, struct err *e);

/* Choose the caller's id maps into @s, as the options in it ask; a zeroed one gets the usual maps.
 * Host side. */
int userns_own_maps(struct spec *s, struct err *e);

/* Remove the tree @name below @dir_fd, whoever of the maps owns what is in it: as the caller, and
 * where that is not enough as root of the maps, and then the folders around, which may be the
 * caller's and in no map. A missing tree is success. Host side, or inside with all capabilities. */
int userns_remove_tree(const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                       int dir_fd, const char *name, struct err *e);

#endif
