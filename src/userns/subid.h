/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subordinate ids that the host gives to a user: /etc/subuid and /etc/subgid (subuid(5)),
 * entries by name and by uid, or whatever source nsswitch names, through getsubids(1). */
#ifndef RBOX_USERNS_SUBID_H
#define RBOX_USERNS_SUBID_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct subid_range {
    uint32_t first;
    uint32_t count;
};

struct subid {
    struct subid_range *uids;
    size_t uid_count;
    struct subid_range *gids;
    size_t gid_count;
    int no_helpers; /* newuidmap or newgidmap is missing or cannot work: ranges are left empty */
    char *owner; /* the user name whose ranges these are (root may use "containers" or "rbox"), or
                    the uid in digits */
};

/* Find the ranges of @uid, as far as this user namespace has them: inside another container the
 * files may promise ids that are not there. None is not an error: the lists are empty then. Ranges
 * that overlap each other are refused. Host side. Errors: -EINVAL for unreadable files. */
int subid_find(uid_t uid, struct subid *ret, struct err *e);
void subid_done(struct subid *s);

/* Can newuidmap and newgidmap of this host write maps: are they there, setuid root (or with
 * capabilities of their own) and not on a file system mounted nosuid? Errors: -ENOENT or -EPERM,
 * with what is wrong, and *ret_fix, the command that mends it, which the caller owns. Host side. */
int subid_check_helpers(char **ret_fix, struct err *e);

/* Parse one subuid(5) file of @len bytes: appends the ranges of @name or @uid to *ret_ranges.
 * Malformed lines are skipped, as shadow-utils does. */
void subid_parse(const char *text, size_t len, const char *name, uid_t uid,
                 struct subid_range **ret_ranges, size_t *ret_count);

/* Cut the ranges to what the text of a uid_map or gid_map (user_namespaces(7)) has, row by row.
 * Replaces *ranges. Pure. */
void subid_clip(const char *map_text, struct subid_range **ranges, size_t *count);

#endif
