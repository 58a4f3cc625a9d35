/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cmd.h"

#include <stdio.h>

static int version(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_version = {
    .names = {"version"},
    .group = CMD_SYSTEM,
    .summary = "print the version",
    .usage = "",
    .examples = "rbox version\n",
    .run = version,
};

static int version(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)ctx;
    (void)options;
    (void)argc;
    (void)argv;
    (void)e;
    (void)printf("rbox %s\n", RBOX_VERSION);
    return 0;
}
