/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What containers are given of the store's secrets (image/secret.h): files secrets/NAME. */
#ifndef RBOX_BOX_SECRETS_H
#define RBOX_BOX_SECRETS_H

#include "base/err.h"
#include "spec/spec.h"

/* Put the secrets that @s wants as variables into its environment; @store_fd: the store, or
 * AT_FDCWD where that is the current folder. As the caller, on the host or in the child. Nothing of
 * it is ever written to config.json: the environment of a stored container is without. */
int secrets_set_env(int store_fd, struct spec *s, struct err *e);

/* "There is no secret @name", with how to make it; -ENOENT. */
int secrets_missing(const char *name, struct err *e);

/* Open secret @name below the current folder. As the caller, child side. */
int secrets_open(const char *name, int *ret_fd, struct err *e);

/* Copy the secret @in_fd to @name below @dir_fd with the owner and the mode that @m asks for: the
 * owner that the store's file has is the caller's. As root of the mapped namespace. *ret_fd
 * (O_PATH) is the caller's. */
int secrets_copy(const struct spec_mount *m, int in_fd, int dir_fd, const char *name, int *ret_fd,
                 struct err *e);

#endif
