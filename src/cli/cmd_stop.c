/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "box/control.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <signal.h>

struct stop_options {
    int64_t time_ms; /* -1: the container's own */
    int signal;      /* 0: the container's own */
    int all;
    int64_t begun_ms; /* when the last one got its signal */
};

#define FIELD(name) offsetof(struct stop_options, name)

static const struct opt OPTIONS[] = {
    {"time", 't', "SECONDS", OPT_DURATION, FIELD(time_ms),
     "how long to wait before KILL (default: --stop-timeout of run, else 10)", NULL},
    {"timeout", 0, "SECONDS", OPT_DURATION, FIELD(time_ms), "the same", NULL},
    {"signal", 's', "SIGNAL", OPT_PARSE, FIELD(signal),
     "the first signal (default: --stop-signal of run, else the image's, else TERM)",
     spec_parse_signal},
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all that run", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"cidfile", 0, NULL}, {"latest", 'l', NULL}, {"filter", 'f', NULL}, {"ignore", 'i', NULL}, {0}};

static void stop_init(void *options);
static int stop(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_stop = {
    .names = {"stop", "container stop"},
    .group = CMD_CONTAINERS,
    .summary = "end containers: a signal first, KILL when that does not help",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .examples = "rbox stop -t 3 web\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct stop_options),
    .max_args = CMD_ANY_ARGS,
    .init = stop_init,
    .run = stop,
};

static void stop_init(void *options)
{
    ((struct stop_options *)options)->time_ms = -1;
}

/* How @f is to be stopped; one that is gone already (--rm) in no way. */
static int read_way(const struct stop_options *o, const struct found *f, int *ret_signo,
                    int64_t *ret_time_ms, struct err *e)
{
    struct container c;
    int r = container_read(f, &c, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return r;
    }
    *ret_time_ms = o->time_ms >= 0 ? o->time_ms : c.spec.box.stop_timeout_ms;
    *ret_signo = *ret_time_ms == 0 ? SIGKILL : o->signal != 0 ? o->signal : c.spec.box.stop_signal;
    container_done(&c);
    return 0;
}

/* All get their signal first, so that they end side by side. */
static int begin_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    struct stop_options *o = arg;
    int64_t time_ms = 0;
    int signo = 0;
    int r = read_way(o, f, &signo, &time_ms, e);

    (void)store;
    o->begun_ms = clock_monotonic_ms();
    return r < 0 || signo == 0 ? r : control_stop_begin(f, signo, e);
}

/* One that ends while it is being stopped is a success. */
static int stop_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct stop_options *o = arg;
    int64_t time_ms = 0;
    int64_t left_ms = 0;
    int signo = 0;
    int r = read_way(o, f, &signo, &time_ms, e);

    left_ms = time_ms - (clock_monotonic_ms() - o->begun_ms);
    left_ms = signo == SIGKILL ? CONTROL_FOREVER : left_ms > 0 ? left_ms : 0;
    r = r < 0 ? r : control_stop_end(f, left_ms, e);
    if (r == 0) {
        events_add(store, "container", "stop", f->id, f->name);
    }
    return r;
}

static int stop(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct stop_options *o = options;
    const struct container_words words = {
        .argc = argc, .argv = argv, .all = o->all, .begin = begin_one};

    return container_each(ctx, &words, stop_one, options, e);
}
