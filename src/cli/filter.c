/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/filter.h"

#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Put the row of "key=value" or "key!=value" into *ret, with what is in @filter of it. Returns
 * whether there is one. */
static int find_key(const struct filter_key *keys, const char *filter, struct filter_term *ret)
{
    for (; keys->key != NULL; keys++) {
        const char *rest = str_after(filter, keys->key);
        int is_denied = rest != NULL && *rest == '!';

        if (rest != NULL && rest[is_denied] == '=') {
            ret->key = keys;
            ret->is_denied = is_denied;
            ret->value = rest + is_denied + 1;
            return 1;
        }
    }
    return 0;
}

static int refuse(const struct filter_key *keys, const char *filter, struct err *e)
{
    autobuf struct buf known = {0};

    for (size_t i = 0; keys[i].key != NULL; i++) {
        buf_printf(&known, "%s%s=",
                   i == 0                    ? ""
                   : keys[i + 1].key == NULL ? " or "
                                             : ", ",
                   keys[i].key);
    }
    (void)err_new(e, EINVAL, "'%s' is not a filter", filter);
    return err_hint(e, "%s", known.data);
}

int filter_prepare_time(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return parse_time_ns(t->value, &t->when_ns, e) < 0 ? err_wrap(e, "--filter") : 0;
}

int filter_prepare_truth(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return parse_bool(t->value, &t->is_true, e) < 0 ? err_wrap(e, "--filter %s", t->key->key) : 0;
}

int filter_add(const struct filter_key *keys, const char *filter, struct strv *list, struct err *e)
{
    struct filter_term unused;

    if (!find_key(keys, filter, &unused)) {
        return refuse(keys, filter, e);
    }
    strv_push(list, filter);
    return 0;
}

int filter_open(const struct filter_key *keys, const struct store *store, const struct strv *list,
                struct filter *ret, struct err *e)
{
    size_t count = list != NULL ? list->len : 0;
    struct filter f = {.terms = xcalloc(count, sizeof(*f.terms))};
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        struct filter_term *t = &f.terms[f.count];

        if (!find_key(keys, list->v[i], t)) {
            r = refuse(keys, list->v[i], e);
            break;
        }
        f.count++;
        r = t->key->prepare != NULL ? t->key->prepare(store, t, e) : 0;
    }
    if (r < 0) {
        filter_done(&f);
        return r;
    }
    *ret = f;
    return 0;
}

/* Does any term of @key match? */
static int any_matches(const struct filter *f, const struct filter_key *key, const void *row)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->terms[i].key == key && !f->terms[i].is_denied && key->match(row, &f->terms[i])) {
            return 1;
        }
    }
    return 0;
}

int filter_matches(const struct filter *f, const void *row)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct filter_term *t = &f->terms[i];
        int is_alone = t->is_denied || t->key->wants_all;

        if (is_alone ? (t->key->match(row, t) != 0) == t->is_denied
                     : !any_matches(f, t->key, row)) {
            return 0;
        }
    }
    return 1;
}

int filter_asks(const struct filter *f, const char *key)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->terms[i].key->key, key) == 0) {
            return 1;
        }
    }
    return 0;
}

void filter_done(struct filter *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->terms[i].has_regex) {
            regfree(&f->terms[i].regex);
        }
    }
    free(f->terms);
    *f = (struct filter){0};
}
