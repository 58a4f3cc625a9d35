/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which registries stand behind a name: registries.conf as the containers tools have it
 * (containers-registries.conf(5)): mirrors, insecure and blocked registries, short names. */
#ifndef RBOX_IMAGE_REGISTRIES_H
#define RBOX_IMAGE_REGISTRIES_H

#include "base/err.h"
#include "base/mem.h"
#include "image/image_ref.h"

#include <stddef.h>

struct registry_place {
    char *location; /* host[:port][/path] */
    int insecure;
};

struct registry_rule {
    char *prefix; /* of names: host[:port][/path], or *.host */
    struct registry_place place;
    struct registry_place *mirrors;
    size_t mirror_count;
    int blocked;
};

struct registries {
    struct registry_rule *rules;
    size_t rule_count;
    struct strv search;  /* where short names are looked for, in this order */
    struct strv aliases; /* short name, full name, short name, … */
};

/* Read the first of ~/.config/rbox/registries.conf, ~/.config/containers/registries.conf,
 * /etc/rbox/registries.conf and /etc/containers/registries.conf (or $CONTAINERS_REGISTRIES_CONF),
 * and /etc/containers/registries.conf.d. None is no error. Host side; the caller owns *ret. */
int registries_read(struct registries *ret, struct err *e);
void registries_done(struct registries *r);

/* Add what the file with @text says; @path names it in errors. Pure. Sections and keys that rbox
 * does not know are skipped. Errors: -EINVAL with the line. */
int registries_parse(struct registries *r, const char *text, const char *path, struct err *e);

/* The full names that a short @ref may mean, in the order to try; of another, its own name. Pure
 * but for $RBOX_DEFAULT_REGISTRY. */
void registries_names(const struct registries *r, const struct image_ref *ref, struct strv *ret);

/* The rule with the longest prefix for @ref, or NULL. Pure. */
const struct registry_rule *registries_rule(const struct registries *r,
                                            const struct image_ref *ref);

/* The host and the repository that @ref has at @place of @rule: "mirror:5000", "a/library/busybox".
 * The caller owns both. */
void registries_split(const struct registry_rule *rule, const struct registry_place *place,
                      const struct image_ref *ref, char **ret_host, char **ret_repository);

#endif
