/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_use.h"

#include "base/cleanup.h"
#include "cli/container.h"
#include "image/garbage.h"

#include <errno.h>

/* Call @fn for each container that can be read; one that is being made or removed is skipped. */
static int each_container(const struct store *store,
                          void (*fn)(const struct container *c, void *arg), void *arg,
                          struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        struct container c;

        r = container_read(&all.rows[i], &c, e);
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
    return each_container(store, push_image, ret, e);
}

static void keep_layers(const struct container *c, void *arg)
{
    for (size_t i = 0; i < c->spec.box.layers.len; i++) {
        garbage_keep_layer(arg, c->spec.box.layers.v[i]);
    }
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
    r = each_container(store, keep_layers, &g, e);
    r = r < 0 ? r : garbage_sweep(&g, ret_bytes, e);
    garbage_done(&g);
    return r;
}
