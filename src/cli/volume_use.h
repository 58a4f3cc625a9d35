/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes and the containers that have them (in cmd_volume.c). */
#ifndef RBOX_CLI_VOLUME_USE_H
#define RBOX_CLI_VOLUME_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"

/* Push the names of the volumes that containers have; @running_only: only those that run. */
int volume_use_names(const struct store *store, int running_only, struct strv *ret, struct err *e);

/* Push the names of all other volumes. */
int volume_use_unused(const struct store *store, int running_only, struct strv *ret, struct err *e);

/* Remove them, and print their names. */
int volume_use_remove(const struct store *store, const struct strv *names, struct err *e);

#endif
