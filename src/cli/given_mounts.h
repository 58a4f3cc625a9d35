/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts that the store gives: those of other containers (--volumes-from) and secrets (--secret).
 */
#ifndef RBOX_CLI_GIVEN_MOUNTS_H
#define RBOX_CLI_GIVEN_MOUNTS_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"
#include "spec/spec.h"

/* Add to @s the volumes and binds of the containers @from ("NAME[:ro|rw|z]"), where nothing is yet.
 */
int given_volumes(const struct store *store, const struct strv *from, struct spec *s,
                  struct err *e);

/* Add the secrets @names ("NAME[,target=PATH]") to @s, as files in /run/secrets. */
int given_secrets(const struct store *store, const struct strv *names, struct spec *s,
                  struct err *e);

#endif
