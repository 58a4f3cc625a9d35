/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transient scopes of the user's systemd (for root: the system's), over D-Bus.
 *
 * libsystemd is loaded by dlopen(3) when the first scope is asked for: linked, it and its five
 * compression and crypto libraries would cost every start of rbox (0.7 ms, measured), and only runs
 * with a limit need it. A helper program would pay the same and an exec on top. */
#ifndef RBOX_BOX_SCOPE_H
#define RBOX_BOX_SCOPE_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

struct scope_request {
    const char *unit;        /* "rbox-ID.scope" */
    const char *description; /* what `systemctl --user status` shows */
    const char *slice;       /* "app.slice": where in the manager's tree */
    pid_t pid;               /* moved into it; must be of the caller's uid */
};

/* The slice where containers go by default. */
const char *scope_slice(void);

/* Start a scope with Delegate=yes and every controller the manager has, and wait until the process
 * is in it. The manager is found through DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR (only if it is
 * the caller's own) and /run/user/UID, there also by its private socket. Errors: -ENOENT no manager
 * answers (others may still do); -EEXIST, -EACCES and others what it said; -ETIMEDOUT. */
int scope_start(const struct scope_request *q, struct err *e);

/* Set @property of @unit ("CPUWeight") until it ends. Errors as scope_start(). */
int scope_set(const char *unit, const char *property, uint64_t value, struct err *e);

/* Move @pid into the folder @subgroup ("/box") of @unit: through the manager, which may do so where
 * the caller's session belongs to root. Errors as scope_start(). */
int scope_attach(const char *unit, const char *subgroup, pid_t pid, struct err *e);

#endif
