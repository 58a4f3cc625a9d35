/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities (capabilities(7)): names, and shedding them for good. */
#ifndef RBOX_BOX_CAPS_H
#define RBOX_BOX_CAPS_H

#include "base/err.h"
#include "spec/spec.h"

#include <stdint.h>

/* The set of capability @name, with or without CAP_, in any case; "ALL" is all that this build
 * knows. Pure. */
int caps_parse(const char *name, uint64_t *ret_mask, struct err *e);

/* "CAP_CHOWN" for 0 …; NULL past the last one. Pure. */
const char *caps_name(int cap);

/* Is @cap in @set? Pure. */
int caps_has(uint64_t set, int cap);

/* Drop all but @keep from the bounding set, and prove that they are gone. Child side; needs
 * CAP_SETPCAP. */
int caps_drop_bounding(uint64_t keep, struct err *e);

/* Give the process exactly the sets of @c, ambient ones included, and prove that what was dropped
 * can't be regained. The bounding set is not touched. Child side, as the last change but seccomp
 * and exec. */
int caps_set(const struct spec_caps *c, struct err *e);

#endif
