/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who runs the command: names of the image's own passwd(5) and group(5) files, read as the foreign
 * bytes they are. No NSS: its modules would come from the image (CVE-2019-14271). Child side, after
 * the root is the container's. */
#ifndef RBOX_BOX_USER_H
#define RBOX_BOX_USER_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

struct user {
    uint32_t uid;
    uint32_t gid;
    uint32_t *groups; /* supplementary */
    size_t group_count;
    char *home; /* never NULL */
};

/* Resolve @p->user ("name|uid[:group|gid]", NULL = 0) and its groups below @root_fd. A name that
 * the image does not know is an error; a number need not be known. A number that wraps is refused.
 * Files that are no regular files of a sane size are an error too, as soon as something must be
 * looked up in them. The caller owns *ret (user_done()). */
int user_resolve(int root_fd, const struct spec_process *p, struct user *ret, struct err *e);
void user_done(struct user *u);

/* The same from texts: @passwd and @group may be NULL (no such file). Pure. */
int user_resolve_in(const char *passwd, const char *group, const struct spec_process *p,
                    struct user *ret, struct err *e);

/* Become @u for good: groups, gid, uid, each tried to be taken back, which must fail (permanently
 * dropped). With
 * @keep_groups the groups stay as they are. Where the namespace denies setgroups (one id only) none
 * but the primary group may have been asked for. */
int user_become(const struct user *u, int keep_groups, struct err *e);

#endif
