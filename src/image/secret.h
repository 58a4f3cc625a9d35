/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets: files secrets/NAME of the store, which nobody but its owner can enter; their labels are
 * in secret-labels/NAME. Host side. */
#ifndef RBOX_IMAGE_SECRET_H
#define RBOX_IMAGE_SECRET_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_BYTES_MAX = 512000 /* docker's and podman's */
};

/* Keep @len bytes as @name, with @labels ("K=V"). Errors: -EEXIST without @replace. */
struct secret {
    const char *name;
    const void *data;
    size_t len;
    const struct strv *labels;
};
int secret_make(const struct store *store, const struct secret *secret, int replace, struct err *e);
int secret_remove(const struct store *store, const char *name, struct err *e); /* -ENOENT */

/* "There is no secret @name", with where those are that there are; -ENOENT. */
int secret_missing(const char *name, struct err *e);

/* When it was made, in seconds since 1970; -1: there is none. */
int64_t secret_created_s(const struct store *store, const char *name);

/* Push the names, in order. */
int secret_list(const struct store *store, struct strv *ret, struct err *e);

/* Push its labels, "K=V". */
int secret_labels(const struct store *store, const char *name, struct strv *ret, struct err *e);

#endif
