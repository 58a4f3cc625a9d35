/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user without subordinate ids is told: once, and doctor says it any time. */
#ifndef RBOX_CLI_ONE_ID_H
#define RBOX_CLI_ONE_ID_H

#include "image/store.h"
#include "spec/spec.h"

/* Say in one line what is reduced in the container of @s and which command gives the full thing, if
 * it has one id only and nobody asked for that. The store remembers that it was said. */
void one_id_notice(const struct store *store, const struct spec *s);

#endif
