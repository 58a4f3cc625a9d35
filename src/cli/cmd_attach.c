/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/attach.h"
#include "box/events.h"
#include "box/streams.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"

struct attach_options {
    int no_stdin;
    int latest;
    struct detach_keys detach_keys;
};

#define FIELD(name) offsetof(struct attach_options, name)

static const struct opt OPTIONS[] = {
    {"no-stdin", 0, NULL, OPT_FLAG, FIELD(no_stdin), "do not pass standard input on", NULL},
    SELECT_LATEST_ROW(FIELD(latest)),
    CONTAINER_DETACH_KEYS(FIELD(detach_keys)),
    {0},
};

static const struct opt_refused REFUSED[] = {{"sig-proxy", 0, "signals are always passed on"}, {0}};

static int attach(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_attach = {
    .names = {"attach", "container attach"},
    .group = CMD_CONTAINERS,
    .summary = "connect the terminal to a running container's",
    .usage = "[options] CONTAINER",
    .description = "Ends with the container's exit status, or with 0 after the detach keys, which\n"
                   "leave it running. Signals are passed on. What it wrote before is in its log.",
    .examples = "rbox attach shell\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct attach_options),
    .max_args = 1,
    .run = attach,
};

static int attach(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct attach_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct attach a = {.control_fd = -1, .has_streams = 1, .detach_keys = &o->detach_keys};
    struct report report = {0};
    struct container c;
    struct store *store = NULL;
    int r = select_one(ctx, o->latest, &argv, &store, &f, e);

    (void)argc;
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    a.terminal = c.spec.process.terminal;
    a.interactive = c.spec.box.interactive && !o->no_stdin;
    a.ret_report = &report;
    events_add_container(store, &c.spec, "attach", NULL);
    container_done(&c);
    attach_block_signals();
    r = streams_connect(f.run_fd, &a.control_fd, e);
    r = r < 0 ? err_wrap(e, "container '%s'", f.name) : attach_run(&a, e);
    close_fd(&a.control_fd);
    return r;
}
