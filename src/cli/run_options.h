/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `rbox run`, shared with `rbox create`: what a container can be asked for. */
#ifndef RBOX_CLI_RUN_OPTIONS_H
#define RBOX_CLI_RUN_OPTIONS_H

#include "cli/opts.h"
#include "image/image.h"
#include "spec/spec_merge.h"

struct run_options {
    struct spec_request request; /* most rows point into it */
    enum image_pull pull;
    char *cidfile;
    char *pidfile;
    int replace;
    int dry_run;
};

extern const struct opt RUN_OPTIONS[];
extern const struct opt_refused RUN_REFUSED[];

/* For cmd->init and cmd->done. */
void run_options_init(void *options);
void run_options_done(void *options);

#endif
