/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One container's life, as the launcher tells it. */
#ifndef RBOX_BOX_BOX_H
#define RBOX_BOX_BOX_H

#include "base/err.h"
#include "box/detach_keys.h"
#include "box/supervise.h"
#include "image/store.h"
#include "spec/spec.h"

struct box_options {
    enum supervise_mode mode;
    const char *cidfile; /* must not exist; gets the id */
    const char *pidfile; /* gets the host's pid of PID 1 */
    int *image_lock_fd;  /* closed once the container refers to its image; NULL: none */
    const struct detach_keys *detach_keys;
};

/* What can be done with a container from its spec. */
typedef int box_action(const struct store *store, struct spec *s, const struct box_options *o,
                       struct err *e);

/* Make container @s, which has its layers, id maps and id, without running it. On failure nothing
 * is left. Host side. */
box_action box_create;

/* Make container @s and run it; HOME and the user's ids are found inside. Detached it returns 0
 * when the command was executed; else it is the caller's terminal or descriptors until the end, and
 * returns the command's exit status (0 … 255). A negative errno with @e: 125, or 126 and 127 when
 * the command could not be executed. Of a container that could not be started, and of one with
 * --rm that ended, nothing is left. Host side. */
box_action box_run;

/* The same with a container that is there: it stays when it can't be started. Errors: -EBUSY it
 * runs. */
box_action box_start;

#endif
