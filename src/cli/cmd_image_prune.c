/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/image_filter.h"
#include "cli/image_use.h"
#include "image/image.h"
#include "image/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct prune_options {
    int all;
    int force;
    struct strv filters;
};

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct prune_options, all),
     "all images that no container has, not only those without a name", NULL},
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {"filter", 0, "KEY=VALUE", OPT_PARSE, offsetof(struct prune_options, filters),
     "only those, as with rbox images", image_filter_parse},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"external", 0, "the store has no containers of other programs"}, {0}};

static void prune_done(void *options)
{
    strv_done(&((struct prune_options *)options)->filters);
}

static int image_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_image_prune = {
    .names = {"image prune"},
    .group = CMD_IMAGES,
    .summary = "remove images that nobody needs",
    .usage = "[options]",
    .description =
        "Lists the images and asks first. Takes away what broken-off loads and pulls left, too,\n"
        "and says how much disk space that gave.",
    .examples = "rbox image prune\n"
                "rbox image prune -a -f\n"
                "rbox image prune -a --filter until=720h\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct prune_options),
    .done = prune_done,
    .run = image_prune,
};

static int is_agreed(const struct prune_options *o, const struct strv *names)
{
    if (o->force || names->len == 0) {
        return 1;
    }
    for (size_t i = 0; i < names->len; i++) {
        (void)printf("%s\n", names->v[i]);
    }
    return cmd_confirm("Remove them?");
}

static int image_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    autostrv struct strv names = {0};
    autoimagefilter struct image_filter filter = {0};
    struct store *store = NULL;
    int64_t bytes = 0;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : image_filter_open(store, &o->filters, &filter, e);
    r = r < 0 ? r : image_use_unused(store, o->all, /* leaving= */ NULL, &filter, &names, e);
    if (r == 0 && is_agreed(o, &names)) {
        r = image_use_remove(store, &names, e);
        r = r < 0 ? r : image_use_sweep(store, STORE_EXCLUSIVE, &bytes, e);
        if (r == 0) {
            autofree char *size = format_size(bytes);

            (void)printf("Freed: %s\n", size);
        }
    }
    return r;
}
