/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/image_use.h"
#include "image/image.h"
#include "image/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct prune_options {
    int all;
    int force;
};

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct prune_options, all),
     "all images that no container has, not only those without a name", NULL},
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"filter", 0, NULL}, {"external", 0, NULL}, {0}};

static int image_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_image_prune = {
    .names = {"image prune"},
    .group = CMD_IMAGES,
    .summary = "remove images that nobody needs",
    .usage = "[options]",
    .description =
        "Lists the images and asks first. Takes away what broken-off loads and pulls left, too,\n"
        "and says how much disk space that gave.",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct prune_options),
    .run = image_prune,
};

struct unused {
    const struct prune_options *options;
    struct strv used; /* ids of images that containers have */
    struct strv names;
};

static int push_unused(const struct image *i, void *arg)
{
    struct unused *u = arg;

    if (i->id != NULL && !strv_has(&u->used, i->id) &&
        (u->options->all || record_is_dangling(i->name))) {
        strv_push(&u->names, i->name);
    }
    return 0;
}

static int is_agreed(const struct unused *u)
{
    if (u->options->force || u->names.len == 0) {
        return 1;
    }
    for (size_t i = 0; i < u->names.len; i++) {
        (void)printf("%s\n", u->names.v[i]);
    }
    return cmd_confirm("Remove them?");
}

static int remove_names(const struct store *store, const struct strv *names, struct err *e)
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
            (void)printf("%s\n", names->v[k]);
        }
    }
    return 0;
}

static int image_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct unused u = {.options = options};
    struct store *store = NULL;
    int64_t bytes = 0;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : image_use_ids(store, &u.used, e);
    r = r < 0 ? r : record_each(store, push_unused, &u, e);
    if (r == 0 && is_agreed(&u)) {
        r = remove_names(store, &u.names, e);
        r = r < 0 ? r : image_use_sweep(store, STORE_EXCLUSIVE, &bytes, e);
        if (r == 0) {
            autofree char *size = format_size(bytes);

            (void)printf("Freed: %s\n", size);
        }
    }
    strv_done(&u.used);
    strv_done(&u.names);
    return r;
}
