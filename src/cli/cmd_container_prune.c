/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"

#include <errno.h>

struct prune_options {
    struct select select;
    int force;
    struct needs needs;
};

static const struct opt OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    SELECT_FILTER_ROW(0, struct prune_options, select),
    {0},
};

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_container_prune = {
    .names = {"container prune"},
    .group = CMD_CONTAINERS,
    .summary = "remove all containers that do not run, and print their ids",
    .usage = "[options]",
    .examples = "rbox container prune\n"
                "rbox container prune -f --filter until=24h\n",
    .options = OPTIONS,
    .options_size = sizeof(struct prune_options),
    .run = prune,
};

static int prune_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    struct prune_options *o = arg;
    int r = container_remove(store, f, &o->needs, /* stopping= */ NULL, e);

    return r == -EBUSY ? -ENOENT : r; /* it was started meanwhile, or one that runs needs it */
}

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct prune_options *o = options;
    const struct selected meant = {.select = &o->select,
                                   .argc = argc,
                                   .argv = argv,
                                   .state = SELECT_STOPPED,
                                   .needs = &o->needs};
    int r = 0;

    if (!o->force && !cmd_confirm("Remove all containers that do not run?")) {
        return 0;
    }
    o->select.all = o->select.filters.len == 0;
    r = select_each(ctx, &meant, prune_one, o, e);
    needs_done(&o->needs);
    return r;
}
