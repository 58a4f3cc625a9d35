/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One container's life, as the launcher tells it. */
#ifndef RBOX_BOX_BOX_H
#define RBOX_BOX_BOX_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

struct box_options {
    const char *cidfile; /* must not exist; gets the id */
    const char *pidfile; /* gets the host's pid of PID 1 */
    int *image_lock_fd;  /* closed once the container refers to its image; NULL: none */
};

/* Run @s to its end, attached to the caller's terminal or descriptors.
 * @s has its layers, ids maps and id; HOME and the user's ids are found inside.
 * Returns the command's exit status (0 … 255), or a negative errno with @e: 125, or 126 and 127
 * when the command could not be executed. In every case nothing of the container is left but what
 * --rm was not given for. Host side. */
int box_run(const struct store *store, struct spec *s, const struct box_options *o, struct err *e);

#endif
