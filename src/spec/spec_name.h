/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ids and made-up names of containers. */
#ifndef RBOX_SPEC_SPEC_NAME_H
#define RBOX_SPEC_SPEC_NAME_H

#include "base/err.h"

#include <stddef.h>

enum {
    SPEC_SHORT_ID = 12 /* digits of an id that people see */
};

/* A new random id of 64 hex digits. The caller owns it. Errors: those of getrandom(2). */
int spec_make_id(char **ret, struct err *e);

/* A name people can say, made from @id: "keen_otter_4f2a". The digits keep names apart without
 * asking the store, so that containers can start side by side. The caller owns it. */
char *spec_make_name(const char *id);

/* The name of the anonymous volume @number of container @id: 64 hex digits. The caller owns it. */
char *spec_volume_name(const char *id, size_t number);

#endif
