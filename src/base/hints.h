/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions of the host and their fixes, one table: errors, `rbox doctor`, `rbox explain` and
 * docs/ERRORS.md all say the same text by the same id. */
#ifndef RBOX_BASE_HINTS_H
#define RBOX_BASE_HINTS_H

#include "base/err.h"

#include <stddef.h>

enum hint_id {
    HINT_NONE = 0,
    HINT_KERNEL_OVERLAY = 101,
    HINT_USERNS_LIMIT = 102,
    HINT_APPARMOR_USERNS = 103,
    HINT_NEWIDMAP = 104,
    HINT_SUBID = 105,
    HINT_SUBID_OVERLAP = 106,
    HINT_SUBID_SOURCE = 107,
    HINT_TRIAL = 108,
    HINT_PROC_MASKED = 109,
    HINT_STORE_FS = 110,
    HINT_OVERLAY = 111,
    HINT_FUSE = 112,
    HINT_NET_HELPER = 113,
    HINT_TUN = 114,
    HINT_PING = 115,
    HINT_LOW_PORT = 116,
    HINT_CGROUP_V1 = 117,
    HINT_CONTROLLER = 118,
    HINT_NO_BUS = 119,
    HINT_RUNTIME_DIR = 120,
    HINT_LINGER = 121,
    HINT_SOURCE_PATH = 122,
    HINT_GROUP_PATH = 123,
    HINT_RLIMIT = 124,
    HINT_OUTER_SECCOMP = 125,
    HINT_SELINUX = 126,
    HINT_LEFTOVERS = 127,
    HINT_FOREIGN_ARCH = 128,
    HINT_BOOT_ID = 129,
    HINT_REGISTRY = 130,
    HINT_LANDLOCK = 131,
    HINT_CHROOT = 132,
};

enum hint_who {
    HINT_WHO_USER,
    HINT_WHO_ROOT
};

struct hint {
    enum hint_id id;
    enum hint_who who; /* who must run the fix */
    const char *title; /* what is wrong, a few words */
    const char
        *fix; /* one command of a shell; {0:X} and {1:X} are filled in, X where it is not known */
    const char *explain; /* the long text of `rbox explain`, offline */
};

/* The row of @id, or NULL. */
const struct hint *hint_find(enum hint_id id);

/* Row @i of the table in id order, or NULL past its end: for doctor, explain and the docs check. */
const struct hint *hint_at(size_t i);

/* Fill the fix of @id with @arg0 and @arg1 (NULL: what the row has for it). The caller owns the
 * string. */
char *hint_fix(enum hint_id id, const char *arg0, const char *arg1);

/* "COMMAND  (RBX-104)": that fix with its id, as hints end. The caller owns it. */
char *hint_line(enum hint_id id, const char *fix);

#define HINT_ID_MARK "  (RBX-" /* between the command of a hint and its id */

/* Set @e's hint to the fix of @id: "COMMAND  (RBX-104)". Returns -e->errnum. */
int err_hint_id(struct err *e, enum hint_id id, const char *arg0, const char *arg1);

#endif
