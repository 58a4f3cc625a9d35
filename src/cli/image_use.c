/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_use.h"
#include "box/events.h"

#include "base/cleanup.h"
#include "cli/container.h"
#include "cli/image_filter.h"
#include "image/garbage.h"
#include "image/record.h"

#include <errno.h>
#include <stdio.h>

/* Call @fn for each container that can be read, but for those with the ids @leaving (NULL: none);
 * one that is being made or removed is skipped. */
static int each_container(const struct store *store, const struct strv *leaving,
                          void (*fn)(const struct container *c, void *arg), void *arg,
                          struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        struct container c;

        if (leaving != NULL && strv_has(leaving, all.rows[i].id)) {
            continue;
        }
        r = container_glance(&all.rows[i], &c, e);
        if (r == 0) {
            fn(&c, arg);
            container_done(&c);
        } else if (r == -ENOENT) {
            err_clear(e);
            r = 0;
        }
    }
    return r;
}

static void push_image(const struct container *c, void *arg)
{
    if (c->spec.box.image_id != NULL) {
        strv_push(arg, c->spec.box.image_id);
    }
}

int image_use_ids(const struct store *store, struct strv *ret, struct err *e)
{
    return each_container(store, /* leaving= */ NULL, push_image, ret, e);
}

static void keep_layers(const struct container *c, void *arg)
{
    for (size_t i = 0; i < c->spec.box.layers.len; i++) {
        garbage_keep_layer(arg, c->spec.box.layers.v[i]);
    }
}

int image_use_reclaimable(const struct store *store, const struct strv *kept,
                          const struct strv *leaving, int64_t *ret_bytes, struct err *e)
{
    struct garbage g;
    int r = garbage_begin_without(store, kept, &g, e);

    if (r < 0) {
        return r;
    }
    r = each_container(store, leaving, keep_layers, &g, e);
    r = r < 0 ? r : garbage_usage(&g, ret_bytes, e);
    garbage_done(&g);
    return r;
}

struct unused {
    int all;
    struct strv used; /* ids of images that containers have */
    const struct image_filter *filter;
    struct strv *names;
    struct err *e;
};

static int push_unused(const struct image *i, void *arg)
{
    struct unused *u = arg;

    if (i->id == NULL) { /* before any name is taken away */
        return garbage_refuse(i, u->e);
    }
    if (!strv_has(&u->used, i->id) && (u->all || record_is_dangling(i->name)) &&
        (u->filter == NULL || image_filter_matches(u->filter, i))) {
        strv_push(u->names, i->name);
    }
    return 0;
}

int image_use_unused(const struct store *store, int all, const struct strv *leaving,
                     const struct image_filter *filter, struct strv *ret, struct err *e)
{
    struct unused u = {.all = all, .filter = filter, .names = ret, .e = e};
    int r = each_container(store, leaving, push_image, &u.used, e);

    r = r < 0 ? r : record_each(store, push_unused, &u, e);
    strv_done(&u.used);
    return r;
}

int image_use_remove(const struct store *store, const struct strv *names, struct err *e)
{
    for (size_t k = 0; k < names->len; k++) {
        struct image i = {.lock_fd = -1};
        int r = record_read(store, names->v[k], &i, e);

        r = r < 0 ? r : record_remove(store, &i, e);
        image_done(&i);
        if (r == -ESTALE || r == -ENOENT) { /* somebody else was faster */
            err_clear(e);
        } else if (r < 0) {
            return r;
        } else {
            events_add(store, "image", "prune", NULL, names->v[k]);
            (void)printf("%s\n", names->v[k]);
        }
    }
    return 0;
}

int image_use_sweep(const struct store *store, enum store_lock how, int64_t *ret_bytes,
                    struct err *e)
{
    struct garbage g;
    int r = garbage_begin(store, how, &g, e);

    if (r == -EWOULDBLOCK) {
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    r = each_container(store, /* leaving= */ NULL, keep_layers, &g, e);
    r = r < 0 ? r : garbage_sweep(&g, ret_bytes, e);
    garbage_done(&g);
    return r;
}

int image_use_brought(const struct store *store, int r)
{
    struct err ignored = {0};

    if (r == -EOVERFLOW) {
        (void)image_use_sweep(store, STORE_TRY, NULL, &ignored);
    }
    return r;
}
