/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cmd.h"
#include "cli/run_options.h"

static void create_init(void *options);

const struct cmd cmd_create = {
    .names = {"create", "container create"},
    .group = CMD_CONTAINERS,
    .summary = "make a container without running it, and print its id",
    .usage = "[options] IMAGE [COMMAND [ARG…]]",
    .description = "Takes the options of run; rbox start runs it.",
    .examples = "rbox create --name job busybox sh -c 'date >>/log'\n"
                "rbox start -a job\n",
    .options = RUN_OPTIONS,
    .refused = RUN_REFUSED,
    .options_size = sizeof(struct run_options),
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .init = create_init,
    .done = run_options_done,
    .run = run_container,
};

static void create_init(void *options)
{
    run_options_init(options);
    ((struct run_options *)options)->action = box_create;
}
