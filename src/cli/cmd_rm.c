/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"
#include "cli/stopping.h"

#include <errno.h>

struct rm_options {
    struct select select;
    struct stopping stopping;
    int force;
    int volumes;
    int depend;
    struct needs needs;
};

#define FIELD(name) offsetof(struct rm_options, name)

static const struct opt OPTIONS[] = {
    SELECT_ALL_ROW('a', struct rm_options, select,
                   "all containers that do not run; with --force all"),
    {"depend", 0, NULL, OPT_FLAG, FIELD(depend),
     "also those that need it: that join its namespaces, or require it", NULL},
    {"force", 'f', NULL, OPT_FLAG, FIELD(force), "stop those that run first", NULL},
    {"time", 't', "SECONDS", OPT_DURATION, FIELD(stopping.time_ms),
     "with --force: how long to wait before KILL (default: --stop-timeout of run, else 10)", NULL},
    SELECT_CIDFILE_ROW(struct rm_options, select),
    SELECT_FILTER_ROW(0, struct rm_options, select),
    SELECT_IGNORE_ROW('i', struct rm_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct rm_options, select, latest)),
    {"volumes", 'v', NULL, OPT_FLAG, FIELD(volumes),
     "also the anonymous volumes that no other container has", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"link", 0, "there are no links; rbox network disconnect takes a container out of a network"},
    {0}};

static void rm_init(void *options);
static int rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_rm = {
    .names = {"rm", "container rm"},
    .group = CMD_CONTAINERS,
    .summary = "remove containers",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description =
        "The exit status is 1 when there is no such container, 2 when it runs. One that\n"
        "others need goes after them only.",
    .examples = "rbox rm web\n"
                "rbox rm -f $(rbox ps -q)\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct rm_options),
    .max_args = CMD_ANY_ARGS,
    .init = rm_init,
    .run = rm,
};

static void rm_init(void *options)
{
    ((struct rm_options *)options)->stopping = STOPPING_INIT;
}

static int remove_files(const struct store *store, const struct spec *s, int with_volumes,
                        struct err *e)
{
    autostate struct state st = {.dir_fd = -1, .lock_fd = -1};
    int r = state_open(store, s, &st, e);

    if (r == -ENOENT) { /* with --rm it went by itself */
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : state_remove(&st, s, with_volumes || s->box.remove, e);
}

/* With --rm it may go by itself, since it was found or told to end. */
static int is_gone(const struct store *store, const struct found *f)
{
    autofound struct found again = {.dir_fd = -1, .run_fd = -1};
    struct err ignored = {0};
    int r = find_container(store, f->id, &again, &ignored);

    err_clear(&ignored);
    return r == -ENOENT;
}

static int remove_container(const struct store *store, const struct found *f, int with_volumes,
                            struct stopping *stopping, struct err *e)
{
    struct container c;
    int r = container_read(f, &c, e);

    if (r == -ENOENT && is_gone(store, f)) {
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    if (c.is_running && stopping == NULL) {
        (void)err_new(e, EBUSY, "container '%s' runs", f->name);
        (void)err_hint(e, "rbox rm -f %s", f->name);
        r = err_exit(e, EXITCODE_IN_USE);
    } else if (c.is_running) {
        r = stopping->begun_ms == 0 ? stopping_begin(stopping, f, e) : 0;
        r = r < 0 ? r : stopping_end(stopping, f, e);
    }
    r = r < 0 ? r : remove_files(store, &c.spec, with_volumes, e);
    container_done(&c);
    return r;
}

/* One that went by itself needs nobody either. */
static int remove_unneeded(const struct store *store, const struct found *f, struct needs *needs,
                           int with_volumes, struct stopping *stopping, struct err *e)
{
    int r = needs_check(needs, f, NULL, e);

    r = r < 0 ? r : remove_container(store, f, with_volumes, stopping, e);
    if (r == 0 || r == -ENOENT) {
        needs_forget(needs, f->id);
    }
    return r;
}

int container_remove(const struct store *store, const struct found *f, struct needs *needs,
                     struct stopping *stopping, struct err *e)
{
    return remove_unneeded(store, f, needs, /* with_volumes= */ 0, stopping, e);
}

static int remove_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    struct rm_options *o = arg;

    return remove_unneeded(store, f, &o->needs, o->volumes, o->force ? &o->stopping : NULL, e);
}

static int remove_each(struct ctx *ctx, const struct selected *meant, struct rm_options *o,
                       struct err *e)
{
    int r = select_each(ctx, meant, remove_one, o, e);

    needs_done(&o->needs);
    return r;
}

static int rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct rm_options *o = options;
    const struct selected meant = {.select = &o->select,
                                   .argc = argc,
                                   .argv = argv,
                                   .state = o->force ? SELECT_ANY : SELECT_STOPPED,
                                   .stopping = o->force ? &o->stopping : NULL,
                                   .needs = &o->needs,
                                   .with_dependents = o->depend,
                                   .is_removal = 1};
    int r = 0;

    if (!o->force && o->stopping.time_ms >= 0) {
        return err_new(e, EINVAL, "--time needs --force");
    }
    o->select.ignore |= o->force;
    r = remove_each(ctx, &meant, o, e);
    return r == -ENOENT ? err_exit(e, EXITCODE_NO_SUCH) : r;
}

int container_remove_found(const struct store *store, const struct found_list *l, int64_t time_ms,
                           struct err *e)
{
    autofree size_t *order = xcalloc(l->count + 1, sizeof(*order));
    autoneeds struct needs needs = {0};
    int r = needs_read(store, /* running_only= */ 0, &needs, e);

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        r = needs_check(&needs, &l->rows[i], l, e);
    }
    needs_order(&needs, l, order);
    for (size_t i = 0; r == 0 && i < l->count; i++) {
        struct stopping stopping = {.time_ms = time_ms};

        r = container_remove(store, &l->rows[order[i]], &needs, &stopping, e);
    }
    return r;
}

int container_remove_all(struct ctx *ctx, struct err *e)
{
    struct rm_options o = {.select = {.all = 1}, .force = 1, .stopping = {.time_ms = 0}};
    const struct selected all = {.select = &o.select,
                                 .state = SELECT_ANY,
                                 .quiet = 1,
                                 .stopping = &o.stopping,
                                 .needs = &o.needs};

    return remove_each(ctx, &all, &o, e);
}
