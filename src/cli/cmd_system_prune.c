/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/container_filter.h"
#include "cli/dependencies.h"
#include "cli/format.h"
#include "cli/image_filter.h"
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
    struct strv filters;
};

#define FIELD(name) offsetof(struct prune_options, name)

static int parse_filter(const char *value, void *list, struct err *e);

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "also images that have a name", NULL},
    {"force", 'f', NULL, OPT_FLAG, FIELD(force), "do not ask", NULL},
    {"volumes", 0, NULL, OPT_FLAG, FIELD(volumes), "also volumes", NULL},
    {"filter", 0, "KEY=VALUE", OPT_PARSE, FIELD(filters),
     "only what has that label (label=NAME[=VALUE], label!=…), or was made before until=TIME",
     parse_filter},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"external", 0, "the store has no containers of other programs"}, {0}};

static void prune_done(void *options);
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
                "rbox system prune -af --volumes\n"
                "rbox system prune -af --filter until=720h --filter label!=keep\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct prune_options),
    .done = prune_done,
    .run = prune,
};

static void prune_done(void *options)
{
    strv_done(&((struct prune_options *)options)->filters);
}

/* What containers, images, networks and volumes have in common, podman's two. Each kind matches
 * them by a table of its own. */
static int parse_filter(const char *value, void *list, struct err *e)
{
    static const struct filter_key KEYS[] = {{.key = "label"}, {.key = "until"}, {0}};

    return filter_add(KEYS, value, list, e);
}

/* What is to go, and its size. */
struct plan {
    const struct prune_options *options;
    struct strv containers; /* ids */
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
    autostrv struct strv paths = {0};
    autofilter struct filter filter = {0};
    int r = container_filter_open(store, &p->options->filters, &filter, e);

    r = r < 0 ? r : find_all(store, &all, e);
    for (size_t i = 0; i < all.count; i++) {
        const struct found *f = &all.rows[i];

        if (f->run_fd < 0 && container_filter_matches(&filter, f)) {
            strv_push(&p->containers, f->id);
            strv_pushf(&paths, "containers/%s", f->id);
        }
    }
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)paths.v, paths.len,
                               &p->container_bytes, e);
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

static int plan_images(const struct store *store, struct plan *p, struct err *e)
{
    autoimagefilter struct image_filter filter = {0};
    struct keeping k = {.leaving = &p->images};
    int r = image_filter_open(store, &p->options->filters, &filter, e);

    r = r < 0 ? r
              : image_use_unused(store, p->options->all, &p->containers, &filter, &p->images, e);
    r = r < 0 ? r : record_each(store, push_kept, &k, e);
    r = r < 0 ? r : image_use_reclaimable(store, &k.ids, &p->containers, &p->image_bytes, e);
    strv_done(&k.ids);
    return r;
}

static int plan_volumes(const struct store *store, struct plan *p, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = volume_use_unused(store, &p->containers, &p->options->filters, &p->volumes, e);

    for (size_t i = 0; i < p->volumes.len; i++) {
        strv_pushf(&paths, "volumes/%s", p->volumes.v[i]);
    }
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)paths.v, paths.len,
                               &p->volume_bytes, e);
}

static int is_agreed(const struct plan *p)
{
    const struct prune_options *o = p->options;
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

        r = strv_has(&p->containers, f->id) ? remove_container(store, f, &needs, e) : 0;
    }
    return r;
}

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    struct plan p = {.options = o};
    struct store *store = NULL;
    int64_t bytes = 0;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : plan_containers(store, &p, e);
    r = r < 0 ? r : plan_images(store, &p, e);
    r = r < 0 || !o->volumes ? r : plan_volumes(store, &p, e);
    r = r < 0 ? r : network_use_unused(store, &p.containers, &o->filters, &p.networks, e);
    if (r < 0 || !is_agreed(&p)) {
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
