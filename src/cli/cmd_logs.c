/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/control.h"
#include "box/logs.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"

#include <errno.h>
#include <string.h>

struct logs_options {
    struct logs_query query;
    int names;
    int latest;
    int has_several; /* their lines are told apart by their ids */
};

static int parse_tail(const char *value, void *field, struct err *e);
static int parse_time(const char *value, void *field, struct err *e);

#define FIELD(name) offsetof(struct logs_options, name)

static const struct opt OPTIONS[] = {
    {"follow", 'f', NULL, OPT_FLAG, FIELD(query.follow), "go on until the container ends", NULL},
    {"tail", 0, "N", OPT_PARSE, FIELD(query.tail), "the last N lines only; all: every line",
     parse_tail},
    {"since", 0, "TIME", OPT_PARSE, FIELD(query.since_ns),
     "lines since then: 2026-11-27T05:56:38Z, 10m (ago), or seconds since 1970", parse_time},
    {"until", 0, "TIME", OPT_PARSE, FIELD(query.until_ns), "lines until then", parse_time},
    {"timestamps", 't', NULL, OPT_FLAG, FIELD(query.timestamps), "the time before each line", NULL},
    SELECT_LATEST_ROW(FIELD(latest)),
    {"names", 'n', NULL, OPT_FLAG, FIELD(names),
     "the container's name before each line (of several: its id)", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"color", 0, "--names tells several containers apart"},
    {"details", 0, "--timestamps, --names; what a container was asked for: rbox inspect"},
    {0}};

static void logs_init(void *options);
static int logs(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_logs = {
    .names = {"logs", "container logs"},
    .group = CMD_CONTAINERS,
    .summary = "print what a container wrote",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description =
        "What its command wrote to stdout and stderr goes there again. The log has what passed\n"
        "through rbox: that of detached containers, and of terminals. The output of rbox run\n"
        "without -d and -t is its caller's alone.",
    .examples = "rbox logs -f --tail 20 web\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct logs_options),
    .max_args = CMD_ANY_ARGS,
    .init = logs_init,
    .run = logs,
};

static void logs_init(void *options)
{
    ((struct logs_options *)options)->query.tail = -1;
}

static int parse_tail(const char *value, void *field, struct err *e)
{
    if (strcmp(value, "all") == 0) {
        *(int64_t *)field = -1;
        return 0;
    }
    return parse_int64(value, -1, INT64_MAX, field, e);
}

static int parse_time(const char *value, void *field, struct err *e)
{
    return parse_time_ns(value, field, e);
}

static int ended(void *arg)
{
    return control_has_ended(arg);
}

static int print_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct logs_options *o = arg;
    autofree char *prefix = o->names         ? xasprintf("%s ", f->name)
                            : o->has_several ? xasprintf("%.12s ", f->id)
                                             : NULL;
    struct logs_query q = o->query;
    int r = 0;

    (void)store;
    q.prefix = prefix;
    q.ended = ended;
    q.arg = (void *)(uintptr_t)f;
    r = logs_print(f->dir_fd, &q, e);
    if (r == -ENOENT) {
        (void)err_new(e, ENODATA, "container '%s' has no log", f->name);
        return err_hint(e, "rbox run -d   (what rbox run prints is its caller's alone)");
    }
    return r;
}

static int logs(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct logs_options *o = options;
    const struct select select = {.latest = o->latest};
    const struct selected meant = {
        .select = &select, .argc = argc, .argv = argv, .state = SELECT_ANY, .quiet = 1};

    if (argc > 1 && o->query.follow) {
        return err_new(e, EINVAL, "only one container can be followed");
    }
    o->has_several = argc > 1;
    return select_each(ctx, &meant, print_one, o, e);
}
