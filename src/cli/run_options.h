/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `rbox run`, shared with `rbox create`: what a container can be asked for. */
#ifndef RBOX_CLI_RUN_OPTIONS_H
#define RBOX_CLI_RUN_OPTIONS_H

#include "box/box.h"
#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/registry_options.h"
#include "image/image.h"
#include "spec/spec_merge.h"

struct run_options {
    struct spec_request request; /* most rows point into it */
    enum image_pull pull;
    struct registry_options registry;
    char *cidfile;
    char *pidfile;
    int replace;
    int rmi;
    struct unpacking unpacking;
    struct strv volumes_from;
    struct strv secrets;
    int dry_run;
    struct detach_keys detach_keys;
    box_action *action; /* box_run, or box_create */
};

extern const struct opt RUN_OPTIONS[];
extern const struct opt_refused RUN_REFUSED[];

/* Parsers of rows, into a struct strv: a variable, names with commas between them, a file of lines.
 */
opt_parser run_option_env;
opt_parser run_option_names;
opt_parser run_option_lines;

/* For cmd->init and cmd->done. */
void run_options_init(void *options);
void run_options_done(void *options);

/* cmd->run of both: from the options to the action. */
int run_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

#endif
