/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --filter KEY=VALUE and KEY!=VALUE of commands that list things: a table says which keys there
 * are.
 *
 *     static const struct filter_key FILTERS[] = {
 *         {.key = "name", .match = match_name}, {.key = "label", .match = match_label}, {0}};
 *
 * Of one key any value may match, or all must (wants_all); different keys must all match, and none
 * that is denied may. */
#ifndef RBOX_CLI_FILTER_H
#define RBOX_CLI_FILTER_H

#include "base/err.h"
#include "base/mem.h"
#include "image/store.h"

#include <regex.h>
#include <stdint.h>

/* One filter that was given. */
struct filter_term {
    const struct filter_key *key;
    const char *value; /* borrowed */
    int is_denied;     /* KEY!=VALUE */
    int has_regex;
    regex_t regex;   /* what a prepare() made of the value */
    int64_t when_ns; /* or this */
    int is_true;     /* or this */
    int64_t number;  /* or this */
};

struct filter_key {
    const char *key; /* NULL ends the table */
    int (*match)(const void *row, const struct filter_term *t);
    int (*prepare)(const struct store *store, struct filter_term *t,
                   struct err *e); /* before the first match; or NULL */
    int wants_all;
};

/* The prepare() of keys whose value is a time: t->when_ns. Errors: -EINVAL. */
int filter_prepare_time(const struct store *store, struct filter_term *t, struct err *e);

/* The same of keys whose value is true or false: t->is_true. */
int filter_prepare_truth(const struct store *store, struct filter_term *t, struct err *e);

/* Add "KEY=VALUE" or "KEY!=VALUE" to @list. Errors: -EINVAL @keys has no such key; the hint says
 * which there are.
 */
int filter_add(const struct filter_key *keys, const char *filter, struct strv *list, struct err *e);

/* Filters made ready. */
struct filter {
    struct filter_term *terms; /* NULL: everything matches */
    size_t count;
};

/* Make those of @list ready, which were added by filter_add() and stay the caller's; NULL has none.
 * On success the caller owns *ret. Errors: those of the keys' prepare(). */
int filter_open(const struct filter_key *keys, const struct store *store, const struct strv *list,
                struct filter *ret, struct err *e);

int filter_matches(const struct filter *f, const void *row);

/* Does any of them ask for @key? */
int filter_asks(const struct filter *f, const char *key);

void filter_done(struct filter *f);
#define autofilter __attribute__((cleanup(filter_done)))

#endif
