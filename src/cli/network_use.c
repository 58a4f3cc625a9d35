/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/network_use.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "box/events.h"
#include "cli/container.h"
#include "spec/spec_join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- containers */

struct visit {
    const struct store *store;
    network_use_fn *fn;
    void *arg;
    const char *network; /* NULL: any */
    struct strv *names;  /* of networks, instead of @fn */
};

static int visit_one(const struct visit *v, const struct found *f, struct err *e)
{
    struct container c;
    int is_in = 0;
    int r = container_read(f, &c, e);

    if (r == -ENOENT) { /* it went meanwhile */
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; v->names != NULL && i < c.spec.box.network.join_count; i++) {
        strv_push(v->names, c.spec.box.network.joins[i].network);
    }
    is_in = v->network != NULL && spec_join_find(&c.spec.box.network, v->network) != NULL;
    container_done(&c);
    return is_in ? v->fn(v->store, v->arg, f, e) : 0;
}

static int visit_all(const struct visit *v, int running_only, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(v->store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (!running_only || all.rows[i].run_fd >= 0) {
            r = visit_one(v, &all.rows[i], e);
        }
    }
    return r;
}

int network_use_each(const struct store *store, const char *network, network_use_fn *fn, void *arg,
                     struct err *e)
{
    const struct visit v = {.store = store, .fn = fn, .arg = arg, .network = network};

    return visit_all(&v, 0, e);
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
    struct err ignored = {0};
    int64_t until_ns = 0;

    return parse_time_ns(t->value, &until_ns, &ignored) == 0 && c->created_ns < until_ns;
}

static const struct filter_key FILTERS[] = {
    {.key = "name", .match = match_name},     {.key = "id", .match = match_id},
    {.key = "driver", .match = match_driver}, {.key = "label", .match = match_label},
    {.key = "until", .match = match_until},   {0},
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
    const struct visit v = {.store = store, .names = &used};
    int r = network_use_filter(store, filters, &filter, e);

    r = r < 0 ? r : visit_all(&v, running_only, e);
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
