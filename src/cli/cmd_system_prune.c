/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/dependencies.h"
#include "cli/format.h"
#include "cli/image_use.h"
#include "cli/network_use.h"
#include "cli/volume_use.h"
#include "image/image.h"
#include "image/record.h"
#include "image/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct prune_options {
    int all;
    int force;
    int volumes;
};

#define FIELD(name) offsetof(struct prune_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "also images that have a name", NULL},
    {"force", 'f', NULL, OPT_FLAG, FIELD(force), "do not ask", NULL},
    {"volumes", 0, NULL, OPT_FLAG, FIELD(volumes), "also volumes", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"filter", 0, NULL}, {"external", 0, NULL}, {0}};

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_system_prune = {
    .names = {"system prune"},
    .group = CMD_SYSTEM,
    .summary = "remove all that no running container needs",
    .usage = "[options]",
    .description = "Containers that do not run, networks and images without a name that no running "
                   "container\n"
                   "has, and what nothing refers to. Says what that is and how much it frees, and "
                   "asks. It needs "
                   "no space to\n"
                   "do so: it works on a full disk.",
    .examples = "rbox system prune\n"
                "rbox system prune -af --volumes\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct prune_options),
    .run = prune,
};

/* What is to go, and its size. */
struct plan {
    struct strv containers; /* "containers/ID" */
    struct strv images;     /* names */
    struct strv volumes;    /* names */
    struct strv networks;   /* names */
    int64_t container_bytes;
    int64_t image_bytes; /* with what nothing refers to */
    int64_t volume_bytes;
};

static void plan_done(struct plan *p)
{
    strv_done(&p->containers);
    strv_done(&p->images);
    strv_done(&p->volumes);
    strv_done(&p->networks);
}

/* ---- the plan */

static int plan_containers(const struct store *store, struct plan *p, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; i < all.count; i++) {
        if (all.rows[i].run_fd < 0) {
            strv_pushf(&p->containers, "containers/%s", all.rows[i].id);
        }
    }
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)p->containers.v,
                               p->containers.len, &p->container_bytes, e);
}

struct keeping {
    const struct strv *leaving;
    struct strv ids;
};

static int push_kept(const struct image *i, void *arg)
{
    struct keeping *k = arg;

    if (i->id != NULL && !strv_has(k->leaving, i->name)) {
        strv_push(&k->ids, i->id);
    }
    return 0;
}

static int plan_images(const struct store *store, int all, struct plan *p, struct err *e)
{
    struct keeping k = {.leaving = &p->images};
    int r = image_use_unused(store, all, /* running_only= */ 1, /* filter= */ NULL, &p->images, e);

    r = r < 0 ? r : record_each(store, push_kept, &k, e);
    r = r < 0 ? r : image_use_reclaimable(store, &k.ids, 1, &p->image_bytes, e);
    strv_done(&k.ids);
    return r;
}

static int plan_volumes(const struct store *store, struct plan *p, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = volume_use_unused(store, /* running_only= */ 1, NULL, &p->volumes, e);

    for (size_t i = 0; i < p->volumes.len; i++) {
        strv_pushf(&paths, "volumes/%s", p->volumes.v[i]);
    }
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)paths.v, paths.len,
                               &p->volume_bytes, e);
}

static int is_agreed(const struct plan *p, const struct prune_options *o)
{
    autofree char *containers = format_size(p->container_bytes);
    autofree char *images = format_size(p->image_bytes);
    autofree char *volumes = format_size(p->volume_bytes);

    (void)printf("containers that do not run: %zu (%s)\n", p->containers.len, containers);
    (void)printf("images and what nothing refers to: %zu (%s)\n", p->images.len, images);
    (void)printf("networks: %zu\n", p->networks.len);
    if (o->volumes) {
        (void)printf("volumes: %zu (%s)\n", p->volumes.len, volumes);
    }
    return o->force || cmd_confirm("Remove them?");
}

/* ---- the removal */

/* One that was started or removed meanwhile stays as it is; so does what another one needs. */
static int remove_container(const struct store *store, const struct found *f, struct needs *needs,
                            struct err *e)
{
    int r = container_remove(store, f, needs, /* stopping= */ NULL, e);

    if (r == -EBUSY || r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0) {
        (void)puts(f->id);
    }
    return r;
}

static int remove_containers(const struct store *store, const struct plan *p, struct err *e)
{
    autoneeds struct needs needs = {0};
    autofound_list struct found_list all = {0};
    autofree size_t *order = NULL;
    int r = needs_read(store, /* running_only= */ 0, &needs, e);

    r = r < 0 ? r : find_all(store, &all, e);
    order = xcalloc(all.count + 1, sizeof(*order));
    needs_order(&needs, &all, order);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        const struct found *f = &all.rows[order[i]];
        autofree char *path = xasprintf("containers/%s", f->id);

        r = strv_has(&p->containers, path) ? remove_container(store, f, &needs, e) : 0;
    }
    return r;
}

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    struct plan p = {.container_bytes = 0};
    struct store *store = NULL;
    int64_t bytes = 0;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : plan_containers(store, &p, e);
    r = r < 0 ? r : plan_images(store, o->all, &p, e);
    r = r < 0 || !o->volumes ? r : plan_volumes(store, &p, e);
    r = r < 0 ? r : network_use_unused(store, /* running_only= */ 1, NULL, &p.networks, e);
    if (r < 0 || !is_agreed(&p, o)) {
        plan_done(&p);
        return r;
    }
    r = remove_containers(store, &p, e);
    r = r < 0 ? r : network_use_remove(store, &p.networks, e);
    r = r < 0 ? r : image_use_remove(store, &p.images, e);
    r = r < 0 || !o->volumes ? r : volume_use_remove(store, &p.volumes, e);
    r = r < 0 ? r : image_use_sweep(store, STORE_EXCLUSIVE, &bytes, e);
    if (r == 0) {
        autofree char *size = format_size(bytes + p.container_bytes + p.volume_bytes);

        (void)printf("Freed: %s\n", size);
    }
    plan_done(&p);
    return r;
}
