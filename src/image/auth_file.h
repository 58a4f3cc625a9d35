/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who we are for a registry: auth.json as podman and docker keep it (containers-auth.json(5)).
 * Host side. */
#ifndef RBOX_IMAGE_AUTH_FILE_H
#define RBOX_IMAGE_AUTH_FILE_H

#include "base/err.h"

struct credentials {
    char *user; /* NULL: none */
    char *password;
    char *identity_token; /* instead of both */
};

/* What is known for "@registry/@repository": the entry with the longest part of that name, of the
 * first file that has one: @authfile (--authfile), $REGISTRY_AUTH_FILE; else
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json.
 * Credential helpers that these files name are asked. None is no error. The caller owns *ret. */
int auth_find(const char *authfile, const char *registry, const char *repository,
              struct credentials *ret, struct err *e);
void credentials_done(struct credentials *c);

/* "USER:PASSWORD" of --creds. */
int credentials_parse(const char *text, struct credentials *ret, struct err *e);

/* Keep @c for @registry in @authfile, or where auth_find() looks first. *ret_path, the file, is the
 * caller's. */
int auth_store(const char *authfile, const char *registry, const struct credentials *c,
               char **ret_path, struct err *e);

/* Forget @registry, or all with NULL. Returns 1 when there was something, 0 when not. */
int auth_forget(const char *authfile, const char *registry, struct err *e);

#endif
