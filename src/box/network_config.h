/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks as the store knows them: networks/NAME.json, with podman's names for the fields. A
 * file appears and goes by one rename or unlink; those who make and remove hold the folder's lock.
 * What runs is network.h's. */
#ifndef RBOX_BOX_NETWORK_CONFIG_H
#define RBOX_BOX_NETWORK_CONFIG_H

#include "base/err.h"
#include "base/mem.h"
#include "box/network_subnet.h"
#include "image/store.h"

#include <jansson.h>
#include <stdint.h>

/* The one that is always there, for --network bridge. */
#define NETWORK_DEFAULT "bridge"

/* The folder of the store, which is also what is locked. */
#define NETWORK_FOLDER "networks"

struct network_config {
    char *name;
    char *id;
    int64_t created_ns;
    struct network_subnet subnet;  /* IPv4 */
    struct network_subnet subnet6; /* of family 0 without --ipv6 */
    int is_internal;
    int has_dns;
    int64_t mtu; /* 0: not asked for */
    struct strv labels;
    struct strv options; /* "K=V", as given */
};

struct network_configs {
    struct network_config *v;
    size_t count;
};

void network_config_done(struct network_config *c);
void network_configs_done(struct network_configs *l);

/* Open the folder and lock it, as long as *ret_fd is open. */
int network_config_lock(const struct store *store, int *ret_fd, struct err *e);

/* The network that @word means: its name, its id or a beginning of that. On success the caller owns
 * *ret. Errors: -ENOENT, -ENOTUNIQ. */
int network_config_find(const struct store *store, const char *word, struct network_config *ret,
                        struct err *e);

/* All of them by name; those whose file is damaged are pushed to @ret_damaged (may be NULL). */
int network_config_list(const struct store *store, struct network_configs *ret,
                        struct strv *ret_damaged, struct err *e);

/* Make @c, whose name and wishes are filled in: what is left open is chosen, so that it overlaps no
 * other network, nor one of the host. Errors: -EEXIST; -EADDRINUSE naming the other. */
int network_config_make(const struct store *store, struct network_config *c, struct err *e);

/* Remove it. Errors: -ENOENT. */
int network_config_remove(const struct store *store, const char *name, struct err *e);

/* As `network inspect` prints it. New reference. */
json_t *network_config_json(const struct network_config *c);

#endif
