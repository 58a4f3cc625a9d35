/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/container.h"

#include <errno.h>
#include <stdio.h>

struct prune_options {
    int force;
};

static const struct opt OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"filter", 0, NULL}, {0}};

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_container_prune = {
    .names = {"container prune"},
    .group = CMD_CONTAINERS,
    .summary = "remove all containers that do not run, and print their ids",
    .usage = "[options]",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct prune_options),
    .run = prune,
};

static int prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    autofound_list struct found_list all = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    if (r == 0 && !o->force && !cmd_confirm("Remove all containers that do not run?")) {
        return 0;
    }
    r = r < 0 ? r : find_all(store, &all, e);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (all.rows[i].run_fd >= 0) {
            continue;
        }
        r = container_remove(store, &all.rows[i], /* force= */ 0, e);
        if (r == 0) {
            (void)puts(all.rows[i].id);
        } else if (r == -EBUSY) { /* it was started meanwhile */
            err_clear(e);
            r = 0;
        }
    }
    return r;
}
