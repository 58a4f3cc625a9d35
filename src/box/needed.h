/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that others need: those of --requires, and those whose namespaces are joined. One that
 * is needed stays at its end, --rm or not, as with podman.
 *
 * Who needs whom is in the config.json of each. Whoever makes a container leaves a mark with those
 * that it needs, so that only the ends of these are worth a look into all others. */
#ifndef RBOX_BOX_NEEDED_H
#define RBOX_BOX_NEEDED_H

#include "base/mem.h"
#include "image/store.h"
#include "spec/spec.h"

/* Push the ids of all containers that @s needs, each once. */
void needed_list(const struct spec *s, struct strv *ret);

/* Mark those that @s needs; before its config.json is there. */
void needed_mark(const struct store *store, const struct spec *s);

/* Does any container need @id? Host side, or the supervisor's. */
int needed_by_any(const struct store *store, const char *id);

#endif
