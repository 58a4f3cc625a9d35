/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a thing: containers by the names of networks or volumes that they have. */
#ifndef RBOX_CLI_MEMBERS_H
#define RBOX_CLI_MEMBERS_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "image/store.h"
#include "spec/spec.h"

/* Pushes the names of the things that a container has. */
typedef void members_names(const struct spec *s, struct strv *ret);

/* The containers, running or not, that have one of the things @wanted. The caller owns *ret, which
 * is empty before; on failure, too. */
int members_find(const struct store *store, members_names *names, const struct strv *wanted,
                 struct found_list *ret, struct err *e);

/* Push the names of all things that containers have, but for those with the ids @leaving (NULL:
 * none of them). */
int members_used(const struct store *store, members_names *names, const struct strv *leaving,
                 struct strv *ret, struct err *e);

#endif
