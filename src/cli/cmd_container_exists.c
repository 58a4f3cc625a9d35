/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exitcode.h"
#include "box/find.h"
#include "cli/cmd.h"

#include <errno.h>

static int container_exists(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_container_exists = {
    .names = {"container exists"},
    .group = CMD_CONTAINERS,
    .summary = "tell by the exit status whether a container is there",
    .usage = "CONTAINER",
    .examples = "rbox container exists web || rbox run -d --name web nginx\n",
    .min_args = 1,
    .max_args = 1,
    .run = container_exists,
};

static int container_exists(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : find_container(store, argv[0], &f, e);
    return r == -ENOENT ? EXITCODE_NO_SUCH : r;
}
