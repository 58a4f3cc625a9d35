/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that another one needs: those of --requires, and those whose namespaces it joins. They
 * are started before it, as podman does. Host side. */
#ifndef RBOX_CLI_DEPENDENCIES_H
#define RBOX_CLI_DEPENDENCIES_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"
#include "spec/spec.h"

/* The names of --requires in @s become ids. Errors: those of find_container(); -EINVAL one is @s
 * itself. */
int dependencies_resolve(const struct store *store, struct spec *s, struct err *e);

/* Push the ids of all containers that @s needs, each once. */
void dependencies_list(const struct spec *s, struct strv *ret);

/* See that they run, and what they need before them. */
int dependencies_start(const struct store *store, const struct spec *s, struct err *e);

#endif
