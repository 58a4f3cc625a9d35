/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/box.h"
#include "box/control.h"
#include "cli/cmd.h"
#include "cli/container.h"

#include <errno.h>
#include <stdio.h>

struct start_options {
    int attach;
    int interactive;
    int all;
    struct detach_keys detach_keys;
};

struct restart_options {
    int64_t time_ms; /* -1: the container's own */
    int all;
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
    {"all", 0, NULL, OPT_FLAG, START(all), "all that do not run", NULL},
    {0},
};

static const struct opt_refused START_REFUSED[] = {{"latest", 'l', NULL},
                                                   {"filter", 'f', NULL},
                                                   {"sig-proxy", 0, "signals are always passed on"},
                                                   {0}};

static const struct opt RESTART_OPTIONS[] = {
    {"time", 't', "SECONDS", OPT_DURATION, RESTART(time_ms),
     "how long to wait before KILL (default: --stop-timeout of run, else 10)", NULL},
    {"timeout", 0, "SECONDS", OPT_DURATION, RESTART(time_ms), "the same", NULL},
    {"all", 'a', NULL, OPT_FLAG, RESTART(all), "all, running or not", NULL},
    {"running", 0, NULL, OPT_FLAG, RESTART(running), "all that run", NULL},
    {0},
};

static const struct opt_refused RESTART_REFUSED[] = {
    {"latest", 'l', NULL}, {"filter", 'f', NULL}, {"cidfile", 0, NULL}, {0}};

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
    .refused = RESTART_REFUSED,
    .options_size = sizeof(struct restart_options),
    .max_args = CMD_ANY_ARGS,
    .init = restart_init,
    .run = restart,
};

static void restart_init(void *options)
{
    ((struct restart_options *)options)->time_ms = -1;
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
    r = box_start(store, &c.spec, &box, e);
    container_done(&c);
    return r < 0 ? err_wrap(e, "container '%s'", f->name) : r;
}

/* One that runs already is as was asked. */
static int start_word(const struct store *store, const char *word, const struct start_options *o,
                      struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    int attached = o->attach || o->interactive;
    int r = find_container(store, word, &f, e);

    if (r == 0 && f.run_fd >= 0 && attached) {
        (void)err_new(e, EBUSY, "container '%s' runs already", word);
        return err_hint(e, "rbox attach %s", word);
    }
    if (r == 0 && f.run_fd < 0) {
        r = start_found(store, &f, o, e);
    }
    if (r == 0 && !attached) {
        (void)printf("%s\n", word);
    }
    return r;
}

static int start_all(const struct store *store, const struct start_options *o, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        r = all.rows[i].run_fd >= 0 ? 0 : start_word(store, all.rows[i].name, o, e);
    }
    return r;
}

static int start(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct start_options *o = options;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    if (r < 0) {
        return r;
    }
    if (argc == 0 && !o->all) {
        (void)err_new(e, EINVAL, "no container is named");
        return err_hint(e, "rbox ps -a");
    }
    if (argc > 1 && (o->attach || o->interactive)) {
        return err_new(e, EINVAL, "only one container can be attached");
    }
    if (o->all) {
        return start_all(store, o, e);
    }
    for (int i = 0; r == 0 && i < argc; i++) {
        r = start_word(store, argv[i], o, e);
    }
    return r;
}

static int restart_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct restart_options *o = arg;
    const struct start_options detached = {0};
    struct container c;
    int r = container_read(f, &c, e);

    if (r < 0) {
        return r;
    }
    if (c.is_running) {
        r = control_stop(f, c.spec.box.stop_signal,
                         o->time_ms >= 0 ? o->time_ms : c.spec.box.stop_timeout_ms, e);
    }
    container_done(&c);
    return r < 0 ? r : start_found(store, f, &detached, e);
}

static int restart(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct restart_options *o = options;
    const struct container_words words = {
        .argc = argc, .argv = argv, .all = o->all || o->running, .stopped = !o->running};

    return container_each(ctx, &words, restart_one, options, e);
}
