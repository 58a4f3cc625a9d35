/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images from and to registries (https://github.com/opencontainers/distribution-spec). Host side.
 */
#ifndef RBOX_IMAGE_PULL_H
#define RBOX_IMAGE_PULL_H

#include "base/err.h"
#include "base/mem.h"
#include "image/fetch.h"
#include "image/platform.h"
#include "image/store.h"

#include <stdint.h>

enum transfer_step {
    TRANSFER_RESOLVE, /* what: a full name that is tried */
    TRANSFER_BYTES,   /* what: a digest; so many bytes of it are here */
    TRANSFER_HAVE,    /* what: a digest that was here before (push: there) */
    TRANSFER_WHOLE,   /* what: a digest that has come whole (push: is sent) */
    TRANSFER_MOUNTED, /* push: the registry took it from another repository */
    TRANSFER_UNPACK,  /* what: a digest that is being unpacked */
    TRANSFER_STORE    /* what: the manifest's digest, written */
};

/* How a transfer goes, for a person or a program to see. */
struct transfer_progress {
    void (*step)(void *arg, enum transfer_step step, const char *what, int64_t bytes,
                 int64_t total_bytes);
    void *arg;
};

struct pull_options {
    struct fetch_options fetch;
    struct platform platform;
    const struct transfer_progress *progress; /* may be NULL */
};

/* Pull what @name says: the first of the full names that it may mean (registries_names()) which
 * there is. Blobs that the store has are not fetched again, and an image that has not changed costs
 * its manifest only. *ret_name and *ret_id are the caller's (either may be NULL).
 * Errors: -ENOENT, -EACCES with the hint to log in, -EIO. */
int image_pull(const struct store *store, const char *name, const struct pull_options *o,
               char **ret_name, char **ret_id, struct err *e);

/* The same, but only look whether it could be pulled: *ret_digest, the caller's, is its manifest's.
 */
int image_pull_look(const struct store *store, const char *name, const struct pull_options *o,
                    char **ret_name, char **ret_digest, struct err *e);

/* Push image @name as @destination (NULL: the same name). *ret_digest is the caller's. */
int image_push(const struct store *store, const char *name, const char *destination,
               const struct pull_options *o, char **ret_digest, struct err *e);

#endif
