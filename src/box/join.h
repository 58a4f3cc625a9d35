/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces of others: --network, --pid, --ipc, --uts, --cgroupns and --userns with container:NAME
 * or ns:PATH.
 *
 *     join_resolve()  front end, before the image is looked for: whose they are, and so which ids
 *                     the container has
 *     join_open()     launcher, at each start: descriptors
 *     join_clone()    launcher: the supervisor; supervisor: the first process
 *
 * setns(2) wants CAP_SYS_ADMIN in the user namespace that owns what is joined, and no process has
 * that in two which are side by side. So the container sits in the target's user namespace and has
 * its ids, its supervisor included; what it does not share is made there as ever. Only what belongs
 * to the caller's own user namespace (root: `ip netns add`) is joined before there is another. */
#ifndef RBOX_BOX_JOIN_H
#define RBOX_BOX_JOIN_H

#include "base/err.h"
#include "box/mounts.h"
#include "image/store.h"
#include "spec/spec.h"

#include <stdint.h>
#include <sys/types.h>

/* What a join lends of the target's mounts: with the IPC namespace its /dev/shm, with the network
 * its files of names, the very same. */
enum {
    JOIN_LOANS = 3
};

struct join {
    int user_fd;                 /* -1: a user namespace of its own */
    int fds[SPEC_NS_COUNT];      /* -1: not joined */
    int is_outer[SPEC_NS_COUNT]; /* belongs to the caller's own user namespace */
    int loan_fds[JOIN_LOANS];    /* detached mounts, or -1 */
};

enum join_stage {
    JOIN_SUPERVISOR,
    JOIN_FIRST_PROCESS
};

void join_init(struct join *j);
void join_done(struct join *j);
#define autojoin __attribute__((cleanup(join_done)))

/* Choose the id maps of @s: the target's, else the caller's own as the options ask. Names of
 * containers become ids; what a target has of the host is the host's here too. Errors: -ENOENT no
 * such container; -EINVAL ids that differ, a container that keeps its IPC to itself. Host side. */
int join_resolve(const struct store *store, struct spec *s, struct err *e);

/* Open what @s joins. On success the caller owns *ret. Errors: -ESRCH a target does not run; -EPERM
 * a namespace that belongs to somebody else. Host side. */
int join_open(const struct store *store, const struct spec *s, struct join *ret, struct err *e);

int join_is_used(const struct join *j);

/* Give the loans of @j to the container's mounts @m, which own them then. */
void join_lend(struct join *j, struct mounts *m);

/* ns_clone() with what is joined at @stage: the fork is in it, and in the new namespaces @flags.
 * Borrows @j. */
pid_t join_clone(const struct join *j, enum join_stage stage, uint64_t flags, int *ret_pidfd,
                 struct err *e);

#endif
