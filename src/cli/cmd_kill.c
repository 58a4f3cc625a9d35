/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/control.h"
#include "box/events.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/select.h"
#include "spec/spec_parse.h"

#include <signal.h>
#include <stdio.h>

struct kill_options {
    int signal;
    struct select select;
};

#define FIELD(name) offsetof(struct kill_options, name)

static const struct opt OPTIONS[] = {
    {"signal", 's', "SIGNAL", OPT_PARSE, FIELD(signal), "name or number (default: KILL)",
     spec_parse_signal},
    SELECT_ALL_ROW('a', struct kill_options, select, "all that run"),
    SELECT_CIDFILE_ROW(struct kill_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct kill_options, select, latest)),
    {0},
};

static void kill_init(void *options);
static int kill_containers(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_kill = {
    .names = {"kill", "container kill"},
    .group = CMD_CONTAINERS,
    .summary = "send a signal to containers",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description =
        "A signal that would end a program and that the command does not handle ends the\n"
        "container, as it would end a program outside of one.",
    .examples = "rbox kill -s HUP web\n",
    .options = OPTIONS,
    .options_size = sizeof(struct kill_options),
    .max_args = CMD_ANY_ARGS,
    .init = kill_init,
    .run = kill_containers,
};

static void kill_init(void *options)
{
    ((struct kill_options *)options)->signal = SIGKILL;
}

static int kill_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct kill_options *o = arg;

    int r = state_mark_killed(f->run_fd, e);

    /* Meant to end it: no restart policy is to bring it back. */
    if (r == 0 && (o->signal == SIGKILL || o->signal == SIGTERM)) {
        r = state_mark_stopping(f->run_fd, e);
    }
    r = r < 0 ? r : control_signal(f, o->signal, e);
    if (r == 0) {
        events_add(store, "container", "kill", f->id, f->name);
    }
    return r;
}

static int kill_containers(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct kill_options *o = options;
    const struct selected meant = {
        .select = &o->select, .argc = argc, .argv = argv, .state = SELECT_RUNNING};

    return select_each(ctx, &meant, kill_one, options, e);
}
