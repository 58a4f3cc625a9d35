/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of the network, for import. Host side. */
#ifndef RBOX_IMAGE_FETCH_URL_H
#define RBOX_IMAGE_FETCH_URL_H

#include "base/err.h"
#include "image/pull.h"
#include "image/store.h"

/* Is @name a URL of http or https? */
int fetch_is_url(const char *name);

/* Download @url into a file of the store's disk that has no name, so that nothing is left of it,
 * however this ends. *ret_fd, at its start, is the caller's. @progress may be NULL. Errors: of
 * fetch_ask(). */
int fetch_url(const struct store *store, const char *url, const struct transfer_progress *progress,
              int *ret_fd, struct err *e);

#endif
