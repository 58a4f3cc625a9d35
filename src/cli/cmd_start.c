/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/box.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/dependencies.h"
#include "cli/select.h"
#include "cli/stopping.h"
#include "spec/spec_parse.h"

#include <errno.h>

struct start_options {
    struct select select;
    int attach;
    int interactive;
    struct detach_keys detach_keys;
};

struct restart_options {
    struct select select;
    struct stopping stopping;
    int running;
};

#define START(name)   offsetof(struct start_options, name)
#define RESTART(name) offsetof(struct restart_options, name)

static const struct opt START_OPTIONS[] = {
    {"attach", 'a', NULL, OPT_FLAG, START(attach), "show its output, and end with its status",
     NULL},
    {"interactive", 'i', NULL, OPT_FLAG, START(interactive), "the same, and pass standard input on",
     NULL},
    CONTAINER_DETACH_KEYS(START(detach_keys)),
    SELECT_ALL_ROW(0, struct start_options, select, "all that do not run"),
    SELECT_FILTER_ROW('f', struct start_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct start_options, select, latest)),
    {0},
};

static const char NO_CHECKPOINTS[] = "a checkpoint (CRIU) takes root of the host";

static const struct opt_refused START_REFUSED[] = {{"sig-proxy", 0, "signals are always passed on"},
                                                   {"checkpoint", 0, NO_CHECKPOINTS},
                                                   {"checkpoint-dir", 0, NO_CHECKPOINTS},
                                                   {0}};

static const struct opt RESTART_OPTIONS[] = {
    STOPPING_ROWS(struct restart_options, stopping),
    SELECT_ALL_ROW('a', struct restart_options, select, "all, running or not"),
    SELECT_CIDFILE_ROW(struct restart_options, select),
    SELECT_FILTER_ROW('f', struct restart_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct restart_options, select, latest)),
    {"running", 0, NULL, OPT_FLAG, RESTART(running), "all that run", NULL},
    {0},
};

static int start(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static void restart_init(void *options);
static int restart(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_start = {
    .names = {"start", "container start"},
    .group = CMD_CONTAINERS,
    .summary = "run containers again, or for the first time",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .examples = "rbox start web\n"
                "rbox start -ai shell\n",
    .options = START_OPTIONS,
    .refused = START_REFUSED,
    .options_size = sizeof(struct start_options),
    .max_args = CMD_ANY_ARGS,
    .run = start,
};

const struct cmd cmd_restart = {
    .names = {"restart", "container restart"},
    .group = CMD_CONTAINERS,
    .summary = "stop containers and start them",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .examples = "rbox restart -t 3 web\n",
    .options = RESTART_OPTIONS,
    .options_size = sizeof(struct restart_options),
    .max_args = CMD_ANY_ARGS,
    .init = restart_init,
    .run = restart,
};

static void restart_init(void *options)
{
    ((struct restart_options *)options)->stopping = STOPPING_INIT;
}

static int start_found(const struct store *store, const struct found *f,
                       const struct start_options *o, struct err *e)
{
    const struct box_options box = {.mode = o->attach || o->interactive ? SUPERVISE_ATTACHED
                                                                        : SUPERVISE_DETACHED,
                                    .detach_keys = &o->detach_keys};
    struct container c;
    int r = container_read(f, &c, e);

    if (r < 0) {
        return r;
    }
    c.spec.box.interactive = c.spec.box.interactive || o->interactive;
    r = dependencies_start(store, &c.spec, e);
    r = r < 0 ? r : box_start(store, &c.spec, &box, e);
    container_done(&c);
    return r < 0 ? err_wrap(e, "container '%s'", f->name) : r;
}

/* One that runs already is as was asked. */
static int start_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct start_options *o = arg;

    if (f->run_fd < 0) {
        return start_found(store, f, o, e);
    }
    if (o->attach || o->interactive) {
        (void)err_new(e, EBUSY, "container '%s' runs already", f->name);
        return err_hint(e, "rbox attach %s", f->name);
    }
    return 0;
}

static int start(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct start_options *o = options;
    const struct selected meant = {.select = &o->select,
                                   .argc = argc,
                                   .argv = argv,
                                   .state = SELECT_STOPPED,
                                   .quiet = o->attach || o->interactive};

    if ((argc > 1 || o->select.all || o->select.filters.len > 0) && meant.quiet) {
        return err_new(e, EINVAL, "only one container can be attached");
    }
    return select_each(ctx, &meant, start_one, options, e);
}

static int restart_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct start_options detached = {0};
    int r = stopping_end(&((struct restart_options *)arg)->stopping, f, e);

    return r < 0 ? r : start_found(store, f, &detached, e);
}

static int restart(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct restart_options *o = options;
    const struct selected meant = {.select = &o->select,
                                   .argc = argc,
                                   .argv = argv,
                                   .state = o->running ? SELECT_RUNNING : SELECT_ANY,
                                   .stopping = &o->stopping};

    o->select.all |= o->running;
    return select_each(ctx, &meant, restart_one, o, e);
}
