/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes and the containers that have them. */
#ifndef RBOX_CLI_VOLUME_USE_H
#define RBOX_CLI_VOLUME_USE_H

#include "base/err.h"
#include "base/mem.h"
#include "box/find.h"
#include "image/store.h"

#include <stdint.h>

struct volume {
    char *name;
    struct strv labels;
    int64_t created_s;
    int is_used; /* by a container; known where a filter asks for it */
};

struct volumes {
    struct volume *v;
    size_t count;
};

/* All volumes that match @filters, by name. The caller owns *ret, which is empty before; on
 * failure, too. */
int volume_use_list(const struct store *store, const struct strv *filters, struct volumes *ret,
                    struct err *e);
void volumes_done(struct volumes *v);
#define autovolumes __attribute__((cleanup(volumes_done)))

/* For rows of options: adds "KEY=VALUE" to a struct strv. Errors: -EINVAL. */
int volume_use_parse_filter(const char *filter, void *list, struct err *e);

/* Push the names of those that nobody uses, and that match @filters (NULL: all). Containers
 * with the ids @leaving (NULL: none) do not count. */
int volume_use_unused(const struct store *store, const struct strv *leaving,
                      const struct strv *filters, struct strv *ret, struct err *e);

/* The containers, running or not, that have one of @volumes. The caller owns *ret, which is empty
 * before; on failure, too. */
int volume_use_members(const struct store *store, const struct strv *volumes,
                       struct found_list *ret, struct err *e);

/* Push the names of those that the container @s has. */
void volume_use_names(const struct spec *s, struct strv *ret);

/* Remove them, and print their names. */
int volume_use_remove(const struct store *store, const struct strv *names, struct err *e);

#endif
