/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/network_use.h"

#include "base/cleanup.h"
#include "box/events.h"
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

static int match_name(const void *row, const struct filter_term *t)
{
    const struct network_config *c = row;
    return strstr(c->name, t->value) != NULL;
}

static int match_id(const void *row, const struct filter_term *t)
{
    const struct network_config *c = row;
    return str_after(c->id, t->value) != NULL;
}

static int match_driver(const void *row, const struct filter_term *t)
{
    (void)row;
    return strcmp(t->value, "bridge") == 0;
}

static int match_label(const void *row, const struct filter_term *t)
{
    const struct network_config *c = row;
    return spec_env_has(&c->labels, t->value);
}

static int match_until(const void *row, const struct filter_term *t)
{
    const struct network_config *c = row;
    return c->created_ns < t->when_ns;
}

static const struct filter_key FILTERS[] = {
    {.key = "name", .match = match_name},
    {.key = "id", .match = match_id},
    {.key = "driver", .match = match_driver},
    {.key = "label", .match = match_label},
    {.key = "until", .match = match_until, .prepare = filter_prepare_time},
    {0},
};

int network_use_parse_filter(const char *filter, void *list, struct err *e)
{
    return filter_add(FILTERS, filter, list, e);
}

int network_use_filter(const struct store *store, const struct strv *filters, struct filter *ret,
                       struct err *e)
{
    return filter_open(FILTERS, store, filters, ret, e);
}

/* ---- those that nobody is in */

int network_use_unused(const struct store *store, int running_only, const struct strv *filters,
                       struct strv *ret, struct err *e)
{
    autostrv struct strv used = {0};
    autofilter struct filter filter = {0};
    struct network_configs all = {0};
    int r = network_use_filter(store, filters, &filter, e);

    r = r < 0 ? r : members_used(store, push_networks, running_only, &used, e);
    r = r < 0 ? r : network_config_list(store, &all, NULL, e);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        const struct network_config *c = &all.v[i];

        if (!strv_has(&used, c->name) && strcmp(c->name, NETWORK_DEFAULT) != 0 &&
            filter_matches(&filter, c)) {
            strv_push(ret, c->name);
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
