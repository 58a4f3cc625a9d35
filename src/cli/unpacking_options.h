/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of every command that unpacks images. */
#ifndef RBOX_CLI_UNPACKING_OPTIONS_H
#define RBOX_CLI_UNPACKING_OPTIONS_H

#include "image/store.h"

#include <stddef.h>

/* For options that have a struct unpacking at @at. */
#define UNPACKING_ROWS(at)                                                                      \
    {"squash-ids",                                                                              \
     0,                                                                                         \
     NULL,                                                                                      \
     OPT_FLAG,                                                                                  \
     (at) + offsetof(struct unpacking, squash_ids),                                             \
     "owners that your ids do not reach become root",                                           \
     NULL},                                                                                     \
    {                                                                                           \
        "max-size", 0, "SIZE", OPT_BYTES, (at) + offsetof(struct unpacking, max_size_bytes),    \
            "refuse an image that unpacks to more (default: nine tenths of what is free)", NULL \
    }

#endif
