/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/volume_use.h"

#include "base/cleanup.h"
#include "box/events.h"
#include "cli/filter.h"
#include "cli/members.h"
#include "image/volume.h"
#include "userns/userns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- containers */

void volume_use_names(const struct spec *s, struct strv *ret)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        if (s->mounts[i].volume_name != NULL) {
            strv_push(ret, s->mounts[i].volume_name);
        }
    }
}

int volume_use_members(const struct store *store, const struct strv *volumes,
                       struct found_list *ret, struct err *e)
{
    return members_find(store, volume_use_names, volumes, ret, e);
}

/* ---- filters */

static int match_name(const void *row, const struct filter_term *t)
{
    return strstr(((const struct volume *)row)->name, t->value) != NULL;
}

static int match_label(const void *row, const struct filter_term *t)
{
    return spec_env_has(&((const struct volume *)row)->labels, t->value);
}

static int match_dangling(const void *row, const struct filter_term *t)
{
    return ((const struct volume *)row)->is_used != t->is_true;
}

/* The driver is called as the scope is. */
static int match_driver(const void *row, const struct filter_term *t)
{
    (void)row;
    return strcmp(t->value, "local") == 0;
}

/* No volume has an option. */
static int match_opt(const void *row, const struct filter_term *t)
{
    (void)row;
    (void)t;
    return 0;
}

static int match_until(const void *row, const struct filter_term *t)
{
    static const int64_t NS_PER_S = 1000000000;

    return ((const struct volume *)row)->created_s * NS_PER_S < t->when_ns;
}

static const struct filter_key FILTERS[] = {
    {.key = "name", .match = match_name, .wants_all = 1},
    {.key = "label", .match = match_label, .wants_all = 1},
    {.key = "dangling", .match = match_dangling, .prepare = filter_prepare_truth, .wants_all = 1},
    {.key = "driver", .match = match_driver},
    {.key = "scope", .match = match_driver},
    {.key = "opt", .match = match_opt},
    {.key = "until", .match = match_until, .prepare = filter_prepare_time, .wants_all = 1},
    {0},
};

int volume_use_parse_filter(const char *filter, void *list, struct err *e)
{
    return filter_add(FILTERS, filter, list, e);
}

/* ---- volumes */

static void volume_done(struct volume *v)
{
    free(v->name);
    strv_done(&v->labels);
}

void volumes_done(struct volumes *v)
{
    for (size_t i = 0; i < v->count; i++) {
        volume_done(&v->v[i]);
    }
    free(v->v);
    *v = (struct volumes){0};
}

static int list(const struct store *store, int with_users, const struct strv *leaving,
                const struct strv *filters, struct volumes *ret, struct err *e)
{
    autostrv struct strv used = {0};
    autostrv struct strv names = {0};
    autofilter struct filter filter = {0};
    int r = filter_open(FILTERS, store, filters, &filter, e);

    /* `volume ls` has nothing to ask of containers, which may be many, or damaged. */
    if (r == 0 && (with_users || filter_asks(&filter, "dangling"))) {
        r = members_used(store, volume_use_names, leaving, &used, e);
    }
    r = r < 0 ? r : volume_list(store, &names, e);
    ret->v = xcalloc(names.len + 1, sizeof(*ret->v));
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        struct volume v = {.name = xstrdup(names.v[i]),
                           .created_s = volume_created(store, names.v[i]),
                           .is_used = strv_has(&used, names.v[i])};

        r = volume_labels(store, v.name, &v.labels, e);
        if (r == 0 && filter_matches(&filter, &v)) {
            ret->v[ret->count++] = v;
        } else {
            volume_done(&v);
        }
    }
    return r;
}

int volume_use_list(const struct store *store, const struct strv *filters, struct volumes *ret,
                    struct err *e)
{
    return list(store, /* with_users= */ 0, /* leaving= */ NULL, filters, ret, e);
}

int volume_use_unused(const struct store *store, const struct strv *leaving,
                      const struct strv *filters, struct strv *ret, struct err *e)
{
    autovolumes struct volumes all = {0};
    int r = list(store, /* with_users= */ 1, leaving, filters, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (!all.v[i].is_used) {
            strv_push(ret, all.v[i].name);
        }
    }
    return r;
}

int volume_use_remove(const struct store *store, const struct strv *names, struct err *e)
{
    struct spec s = {0};
    int r = userns_own_maps(&s, e);

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        r = volume_remove(store, names->v[i], &s.linux_.uid_mappings, &s.linux_.gid_mappings, e);
        if (r == 0) {
            events_add(store, "volume", "remove", NULL, names->v[i]);
            (void)printf("%s\n", names->v[i]);
        }
    }
    spec_done(&s);
    return r;
}
