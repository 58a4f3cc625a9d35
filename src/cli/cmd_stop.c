/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/select.h"
#include "cli/stopping.h"
#include "spec/spec_parse.h"

struct stop_options {
    struct select select;
    struct stopping stopping;
};

static const struct opt OPTIONS[] = {
    STOPPING_ROWS(struct stop_options, stopping),
    SELECT_ALL_ROW('a', struct stop_options, select, "all that run"),
    SELECT_CIDFILE_ROW(struct stop_options, select),
    SELECT_FILTER_ROW('f', struct stop_options, select),
    SELECT_IGNORE_ROW('i', struct stop_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct stop_options, select, latest)),
    {0},
};

static void stop_init(void *options);
static int stop(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_stop = {
    .names = {"stop", "container stop"},
    .group = CMD_CONTAINERS,
    .summary = "end containers: a signal first, KILL when that does not help",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description = "One that does not run is what was asked for: no error.",
    .examples = "rbox stop -t 3 web\n",
    .options = OPTIONS,
    .options_size = sizeof(struct stop_options),
    .max_args = CMD_ANY_ARGS,
    .init = stop_init,
    .run = stop,
};

static void stop_init(void *options)
{
    ((struct stop_options *)options)->stopping = STOPPING_INIT;
}

static int stop_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    int r = stopping_end(&((struct stop_options *)arg)->stopping, f, e);

    if (r == 0 && f->run_fd >= 0) {
        events_add(store, "container", "stop", f->id, f->name);
    }
    return r;
}

static int stop(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct stop_options *o = options;
    autoneeds struct needs needs = {0};
    const struct selected meant = {.select = &o->select,
                                   .argc = argc,
                                   .argv = argv,
                                   .state = SELECT_RUNNING,
                                   .may_have_ended = 1,
                                   .stopping = &o->stopping,
                                   .needs = &needs};

    return select_each(ctx, &meant, stop_one, o, e);
}
