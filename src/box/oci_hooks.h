/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs that config.json wants run at certain points of a container's life (OCI runtime
 * spec, "POSIX-platform Hooks"), with the container's state on their standard input. */
#ifndef RBOX_BOX_OCI_HOOKS_H
#define RBOX_BOX_OCI_HOOKS_H

#include "base/err.h"

#include <jansson.h>
#include <sys/types.h>

struct oci_hooks {
    json_t *all;   /* the object "hooks" of config.json, or NULL */
    json_t *state; /* what they are told, a copy of its own; status and pid are filled in */
    pid_t pid;     /* of the container's first process as the runtime counts; 0: not yet known */
};

#define OCI_HOOK_PRESTART         "prestart"
#define OCI_HOOK_CREATE_RUNTIME   "createRuntime"
#define OCI_HOOK_CREATE_CONTAINER "createContainer"
#define OCI_HOOK_START_CONTAINER  "startContainer"
#define OCI_HOOK_POSTSTART        "poststart"
#define OCI_HOOK_POSTSTOP         "poststop"

/* Is what config.json has of hooks well-formed? Errors: -EINVAL naming the field. */
int oci_hooks_check(const json_t *all, struct err *e);

/* Run those of @kind, one after the other; the first that fails ends it. @h may be NULL. Errors:
 * what it said, or that it took too long. */
int oci_hooks_run(const struct oci_hooks *h, const char *kind, struct err *e);

#endif
