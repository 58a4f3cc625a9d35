/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/network_use.h"

#include "base/cleanup.h"
#include "box/events.h"
#include "cli/filter.h"
#include "cli/members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- containers */

static void push_networks(const struct spec *s, struct strv *ret)
{
    for (size_t i = 0; i < s->box.network.join_count; i++) {
        strv_push(ret, s->box.network.joins[i].network);
    }
}

int network_use_members(const struct store *store, const char *network, struct found_list *ret,
                        struct err *e)
{
    autostrv struct strv wanted = {0};

    strv_push(&wanted, network);
    return members_find(store, push_networks, &wanted, ret, e);
}

/* ---- filters */

/* What filters look at. */
struct row {
    const struct network_config *config;
    int is_used; /* by a container; known where a filter asks for it */
};

static int match_name(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return strstr(r->config->name, t->value) != NULL;
}

static int match_id(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return str_after(r->config->id, t->value) != NULL;
}

static int match_driver(const void *row, const struct filter_term *t)
{
    (void)row;
    return strcmp(t->value, "bridge") == 0;
}

static int match_label(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return spec_env_has(&r->config->labels, t->value);
}

static int match_until(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return r->config->created_ns < t->when_ns;
}

/* The default network never is: it is no one's to remove. */
static int match_dangling(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    int is_dangling = !r->is_used && strcmp(r->config->name, NETWORK_DEFAULT) != 0;

    return is_dangling == t->is_true;
}

static const struct filter_key FILTERS[] = {
    {.key = "name", .match = match_name},
    {.key = "id", .match = match_id},
    {.key = "driver", .match = match_driver},
    {.key = "label", .match = match_label},
    {.key = "dangling", .match = match_dangling, .prepare = filter_prepare_truth, .wants_all = 1},
    {.key = "until", .match = match_until, .prepare = filter_prepare_time},
    {0},
};

int network_use_parse_filter(const char *filter, void *list, struct err *e)
{
    return filter_add(FILTERS, filter, list, e);
}

int network_use_filter(const struct store *store, const struct strv *filters,
                       struct network_configs *all, struct err *e)
{
    autofilter struct filter filter = {0};
    autostrv struct strv used = {0};
    size_t count = 0;
    int r = filter_open(FILTERS, store, filters, &filter, e);

    if (r == 0 && filter_asks(&filter, "dangling")) {
        r = members_used(store, push_networks, /* leaving= */ NULL, &used, e);
    }
    for (size_t i = 0; r == 0 && i < all->count; i++) {
        const struct row row = {.config = &all->v[i], .is_used = strv_has(&used, all->v[i].name)};

        if (filter_matches(&filter, &row)) {
            struct network_config kept = all->v[count];

            all->v[count++] = all->v[i];
            all->v[i] = kept;
        }
    }
    for (size_t i = count; r == 0 && i < all->count; i++) {
        network_config_done(&all->v[i]);
    }
    all->count = r < 0 ? all->count : count;
    return r;
}

/* ---- those that nobody is in */

int network_use_unused(const struct store *store, const struct strv *leaving,
                       const struct strv *filters, struct strv *ret, struct err *e)
{
    autostrv struct strv used = {0};
    struct network_configs all = {0};
    int r = members_used(store, push_networks, leaving, &used, e);

    r = r < 0 ? r : network_config_list(store, &all, NULL, e);
    r = r < 0 ? r : network_use_filter(store, filters, &all, e);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (!strv_has(&used, all.v[i].name) && strcmp(all.v[i].name, NETWORK_DEFAULT) != 0) {
            strv_push(ret, all.v[i].name);
        }
    }
    network_configs_done(&all);
    return r;
}

int network_use_remove(const struct store *store, const struct strv *names, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        r = network_config_remove(store, names->v[i], e);
        if (r == 0) {
            events_add(store, "network", "remove", NULL, names->v[i]);
            (void)puts(names->v[i]);
        }
    }
    return r;
}
