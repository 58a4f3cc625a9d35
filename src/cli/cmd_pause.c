/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/cgroup.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"

#include <errno.h>

struct pause_options {
    struct select select;
};

static const struct opt OPTIONS[] = {
    SELECT_ALL_ROW('a', struct pause_options, select, "all that can be"),
    SELECT_CIDFILE_ROW(struct pause_options, select),
    SELECT_FILTER_ROW('f', struct pause_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct pause_options, select, latest)),
    {0},
};

static int pause_containers(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int unpause(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_pause = {
    .names = {"pause", "container pause"},
    .group = CMD_CONTAINERS,
    .summary = "stop the processes of containers for a while",
    .usage = "[options] CONTAINER…",
    .description =
        "The kernel stops all processes of the container at once, by its cgroup's freezer;\n"
        "they notice nothing. A container without a cgroup cannot be paused.",
    .examples = "rbox pause web\n"
                "rbox pause --all\n",
    .options = OPTIONS,
    .options_size = sizeof(struct pause_options),
    .max_args = CMD_ANY_ARGS,
    .run = pause_containers,
};

const struct cmd cmd_unpause = {
    .names = {"unpause", "container unpause"},
    .group = CMD_CONTAINERS,
    .summary = "let paused containers go on",
    .usage = "[options] CONTAINER…",
    .examples = "rbox unpause web\n"
                "rbox unpause --all\n",
    .options = OPTIONS,
    .options_size = sizeof(struct pause_options),
    .max_args = CMD_ANY_ARGS,
    .run = unpause,
};

int container_freeze(const struct found *f, int frozen, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;

    if (cgroup_load(f->run_fd, &c, e) < 0) {
        return -e->errnum;
    }
    if (c.way == CGROUP_NONE) {
        (void)err_new(e, ENOTSUP, "cannot pause '%s': it runs without a cgroup", f->name);
        return err_hint(e, "rbox run --cgroups=enabled …");
    }
    if (cgroup_is_frozen(c.box_fd) == frozen) {
        return err_new(e, EALREADY, "container '%s' is %s", f->name,
                       frozen ? "paused already" : "not paused");
    }
    return cgroup_freeze(c.box_fd, frozen, e);
}

struct freeze {
    int frozen;
    int all; /* those that it makes no difference to, or that cannot be, are passed over */
};

static int freeze_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct freeze *z = arg;
    int r = container_freeze(f, z->frozen, e);

    if (r == 0) {
        events_add(store, "container", z->frozen ? "pause" : "unpause", f->id, f->name);
    }
    return z->all && (r == -EALREADY || r == -ENOTSUP) ? -ENOENT : r;
}

static int freeze(struct ctx *ctx, const struct pause_options *o, int argc, char **argv, int frozen,
                  struct err *e)
{
    struct freeze z = {.frozen = frozen, .all = o->select.all || o->select.filters.len > 0};
    const struct selected meant = {
        .select = &o->select, .argc = argc, .argv = argv, .state = SELECT_RUNNING};

    return select_each(ctx, &meant, freeze_one, &z, e);
}

static int pause_containers(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    return freeze(ctx, options, argc, argv, /* frozen= */ 1, e);
}

static int unpause(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    return freeze(ctx, options, argc, argv, /* frozen= */ 0, e);
}
