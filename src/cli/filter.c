/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/filter.h"

#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>

/* The row of "key=value", or NULL; *ret_value is in @filter. */
static const struct filter_key *find_key(const struct filter_key *keys, const char *filter,
                                         const char **ret_value)
{
    for (; keys->key != NULL; keys++) {
        const char *rest = str_after(filter, keys->key);

        if (rest != NULL && *rest == '=') {
            *ret_value = rest + 1;
            return keys;
        }
    }
    return NULL;
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
    const char *value = NULL;

    if (find_key(keys, filter, &value) == NULL) {
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

        t->key = find_key(keys, list->v[i], &t->value);
        if (t->key == NULL) {
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
        if (f->terms[i].key == key && key->match(row, &f->terms[i])) {
            return 1;
        }
    }
    return 0;
}

int filter_matches(const struct filter *f, const void *row)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct filter_key *key = f->terms[i].key;

        if (!(key->wants_all ? key->match(row, &f->terms[i]) : any_matches(f, key, row))) {
            return 0;
        }
    }
    return 1;
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
