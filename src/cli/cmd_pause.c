/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/cgroup.h"
#include "box/events.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/container.h"

#include <errno.h>
#include <stdio.h>

struct pause_options {
    int all;
};

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct pause_options, all), "all that can be", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"latest", 'l', NULL}, {"filter", 'f', NULL}, {"cidfile", 0, NULL}, {0}};

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
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct pause_options),
    .max_args = CMD_ANY_ARGS,
    .run = pause_containers,
};

const struct cmd cmd_unpause = {
    .names = {"unpause", "container unpause"},
    .group = CMD_CONTAINERS,
    .summary = "let paused containers go on",
    .usage = "[options] CONTAINER…",
    .options = OPTIONS,
    .refused = REFUSED,
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

static int freeze(const struct store *store, const struct found *f, int frozen, struct err *e)
{
    int r = container_freeze(f, frozen, e);

    if (r == 0) {
        events_add(store, "container", frozen ? "pause" : "unpause", f->id, f->name);
    }
    return r;
}

/* Those that it makes no difference to, or that cannot be, are passed over. */
static int freeze_all(const struct store *store, int frozen, struct err *e)
{
    autofound_list struct found_list l = {0};
    int r = find_all(store, &l, e);

    for (size_t i = 0; r == 0 && i < l.count; i++) {
        r = l.rows[i].run_fd >= 0 ? freeze(store, &l.rows[i], frozen, e) : -EALREADY;
        if (r == 0) {
            (void)printf("%s\n", l.rows[i].name);
        } else if (r == -EALREADY || r == -ENOTSUP) {
            err_clear(e);
            r = 0;
        }
    }
    return r;
}

static int freeze_named(const struct store *store, char **words, int frozen, struct err *e)
{
    int r = 0;

    for (; r == 0 && *words != NULL; words++) {
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};

        r = find_running(store, *words, &f, e);
        r = r < 0 ? r : freeze(store, &f, frozen, e);
        if (r == 0) {
            (void)printf("%s\n", *words);
        }
    }
    return r;
}

static int run(struct ctx *ctx, const struct pause_options *o, char **words, int frozen,
               struct err *e)
{
    struct store *store = NULL;

    if (o->all == (words[0] != NULL)) {
        return err_new(e, EINVAL, "name containers, or give --all");
    }
    if (ctx_store(ctx, &store, e) < 0) {
        return -e->errnum;
    }
    return o->all ? freeze_all(store, frozen, e) : freeze_named(store, words, frozen, e);
}

static int pause_containers(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)argc;
    return run(ctx, options, argv, /* frozen= */ 1, e);
}

static int unpause(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)argc;
    return run(ctx, options, argv, /* frozen= */ 0, e);
}
