/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --filter of images: `rbox images`, `rbox image prune`. */
#ifndef RBOX_CLI_IMAGE_FILTER_H
#define RBOX_CLI_IMAGE_FILTER_H

#include "base/err.h"
#include "base/mem.h"
#include "cli/filter.h"
#include "image/image.h"
#include "image/store.h"

#define IMAGE_FILTER_HELP                                                              \
    "only these: dangling=true, reference=PATTERN, label=NAME[=VALUE], before=IMAGE, " \
    "since=IMAGE, until=TIME, id=ID, containers=true; KEY!=VALUE for the others"

/* Filters made ready. */
struct image_filter {
    struct filter filter;
    struct strv used; /* ids of the images that containers have, where a filter asks for them */
};

/* For rows of options: adds "KEY=VALUE" to a struct strv. Errors: -EINVAL. */
int image_filter_parse(const char *filter, void *list, struct err *e);

/* Make those of @list ready. On success the caller owns *ret. Errors: -ENOENT before= or since= an
 * image that is not there; -EINVAL. */
int image_filter_open(const struct store *store, const struct strv *list, struct image_filter *ret,
                      struct err *e);

int image_filter_matches(const struct image_filter *f, const struct image *i);

void image_filter_done(struct image_filter *f);
#define autoimagefilter __attribute__((cleanup(image_filter_done)))

#endif
