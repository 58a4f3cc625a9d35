/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cmd.h"
#include "cli/help.h"

#include <errno.h>

static int help(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_help = {
    .names = {"help"},
    .group = CMD_SYSTEM,
    .summary = "print help for a command",
    .usage = "[COMMAND]",
    .examples = "rbox help run\n"
                "rbox help volume create\n",
    .max_args = 2,
    .run = help,
};

static int help(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    int words = 0;
    const struct cmd *c = cmd_find(argc, argv, &words);

    (void)ctx;
    (void)options;
    if (c != NULL && words == argc) {
        help_command(stdout, c);
        return 0;
    }
    if (argc == 0 || (argc == 1 && cmd_is_family(argv[0]))) {
        help_commands(stdout, argc == 0 ? NULL : argv[0]);
        return 0;
    }
    (void)err_new(e, EINVAL, "unknown command '%s'", argv[0]);
    return err_hint(e, "rbox --help");
}
