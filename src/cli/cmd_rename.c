/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "spec/spec_parse.h"

static int rename_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_rename = {
    .names = {"rename", "container rename"},
    .group = CMD_CONTAINERS,
    .summary = "give a container another name",
    .usage = "CONTAINER NAME",
    .examples = "rbox rename web old-web\n",
    .min_args = 2,
    .max_args = 2,
    .run = rename_container,
};

static int rename_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autofree char *name = NULL;
    struct store *store = NULL;
    struct container c;
    int r = spec_parse_name(argv[1], &name, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : container_find(ctx, argv[0], &store, &f, &c, e);
    if (r == 0) {
        const struct state st = {
            .store = store, .id = f.id, .name = f.name, .dir_fd = f.dir_fd, .lock_fd = -1};

        r = state_rename(&st, &c.spec, name, e);
        if (r == 0) {
            events_add(store, "container", "rename", f.id, name);
        }
        container_done(&c);
    }
    return r;
}
