/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A conversation with rbox-fetch, which speaks with registries (helpers/fetch/fetch.h has the
 * requests). Host side. */
#ifndef RBOX_IMAGE_FETCH_H
#define RBOX_IMAGE_FETCH_H

#include "base/err.h"
#include "image/image_ref.h"
#include "image/registries.h"
#include "image/store.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* How registries are spoken with; zeroed: as the configuration says. */
struct fetch_options {
    const char *authfile; /* --authfile */
    const char *creds;    /* --creds USER:PASSWORD */
    const char *cert_dir; /* --cert-dir */
    int tls_verify;       /* --tls-verify: 0 as configured, 1 yes, -1 no */
};

struct fetch {
    int pidfd;
    int say_fd;     /* a socket: what we say */
    FILE *out;      /* what it answers */
    int partial_fd; /* the folder it downloads into */
    int file_fd;    /* the file for the request "file"; -1: none. Borrowed */
};

/* One that is not open: what fetch_close() leaves, and takes. */
#define FETCH_CLOSED                                               \
    {                                                              \
        .pidfd = -1, .say_fd = -1, .partial_fd = -1, .file_fd = -1 \
    }

/* Start the helper for the repository of @ref, with its mirrors in front. On success the caller
 * calls fetch_close(). */
int fetch_open(const struct store *store, const struct registries *conf,
               const struct image_ref *ref, const struct fetch_options *o, struct fetch *ret,
               struct err *e);

/* The same for the http or https @url, whose file the request "file" with *ret_path (borrows from
 * @url) writes into @file_fd. Errors: -EINVAL no such URL. */
int fetch_open_url(const struct store *store, const char *url, int file_fd, struct fetch *ret,
                   const char **ret_path, struct err *e);

void fetch_close(struct fetch *f);

/* Called for each line before the last; a negative return ends the request. */
typedef int fetch_event(const json_t *event, void *arg, struct err *e);

/* Say @request (its reference is taken) and read to the end of the answer. *ret (may be NULL) is
 * the last line, the caller's reference. Errors: -ENOENT missing, -EACCES denied (with the hint to
 * log in), -EIO network, -EPROTO what breaks the rules, -ENOKEY no TLS or no trust. */
int fetch_ask(struct fetch *f, json_t *request, fetch_event *event, void *arg, json_t **ret,
              struct err *e);

/* Add to @e the hint that its errnum asks for: to log in at @registry, or to trust it. Returns
 * -e->errnum. */
int fetch_hint(const struct fetch_options *o, const char *registry, struct err *e);

#endif
