/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container made under its bind mounts as somebody else than the caller: subordinate ids own
 * it, and the caller can't touch it outside. */
#ifndef RBOX_BOX_STRAYS_H
#define RBOX_BOX_STRAYS_H

#include "spec/spec.h"

#include <stdint.h>

/* Look for files and folders of subordinate ids below the bind mounts of @s that changed after
 * @since_ns (of the epoch). Returns a line that names them with the command that gives them back
 * (the caller's), or NULL when there are none. A search ends after a tenth of a second: a big tree
 * must not hold up the end. Mounts with option U are somebody else's on purpose. @caller_uid: as
 * the host counts. Runs in the supervisor, in the container's user namespace, which sees the ids as
 * the container does. */
char *strays_find(const struct spec *s, uid_t caller_uid, int64_t since_ns);

#endif
