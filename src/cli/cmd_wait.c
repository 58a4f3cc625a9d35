/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/control.h"
#include "cli/cmd.h"
#include "cli/container.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const struct opt_refused REFUSED[] = {{"condition", 0, NULL},
                                             {"interval", 'i', NULL},
                                             {"ignore", 0, NULL},
                                             {"latest", 'l', NULL},
                                             {0}};

static int wait_for(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_wait = {
    .names = {"wait", "container wait"},
    .group = CMD_CONTAINERS,
    .summary = "wait until containers have ended, and print their exit statuses",
    .usage = "CONTAINER [CONTAINER…]",
    .description = "Prints -1 for one that was removed with its end (--rm).",
    .refused = REFUSED,
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = wait_for,
};

static int wait_one(const struct store *store, const char *word, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct container c;
    int r = find_container(store, word, &f, e);

    r = r < 0 ? r : control_wait(&f, CONTROL_FOREVER, e);
    if (r < 0) {
        return r;
    }
    close_fd(&f.run_fd); /* ended: what counts now is its exit.json */
    r = container_read(&f, &c, e);
    if (r == -ENOENT) {
        err_clear(e);
        (void)puts("-1");
        return 0;
    }
    if (r == 0) {
        (void)printf("%" PRId64 "\n", c.status);
        container_done(&c);
    }
    return r;
}

static int wait_for(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    for (int i = 0; r == 0 && i < argc; i++) {
        r = wait_one(store, argv[i], e);
    }
    return r;
}
