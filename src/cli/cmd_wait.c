/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/parse.h"
#include "box/control.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/select.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct wait_options {
    struct select select;
    struct strv conditions;
    int64_t interval_ms;
};

static int parse_condition(const char *value, void *list, struct err *e);

#define FIELD(name) offsetof(struct wait_options, name)

static const struct opt OPTIONS[] = {
    {"condition", 0, "STATE", OPT_PARSE, FIELD(conditions),
     "wait for created, running, paused, exited or stopped (the default); several: any of them",
     parse_condition},
    {"interval", 'i', "TIME", OPT_DURATION, FIELD(interval_ms),
     "between two looks, for states other than stopped (default: 250ms)", NULL},
    SELECT_IGNORE_ROW(0, struct wait_options, select),
    SELECT_LATEST_ROW(SELECT_AT(struct wait_options, select, latest)),
    {0},
};

static void wait_init(void *options);
static int wait_for(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_wait = {
    .names = {"wait", "container wait"},
    .group = CMD_CONTAINERS,
    .summary = "wait until containers have ended, and print their exit statuses",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description = "Prints -1 for one that was removed with its end (--rm), or has not ended.",
    .examples = "rbox wait web\n"
                "rbox wait --condition healthy web\n",
    .options = OPTIONS,
    .options_size = sizeof(struct wait_options),
    .max_args = CMD_ANY_ARGS,
    .init = wait_init,
    .run = wait_for,
};

static void wait_init(void *options)
{
    ((struct wait_options *)options)->interval_ms = 250;
}

static int parse_condition(const char *value, void *list, struct err *e)
{
    static const char *const STATES[] = {"created", "running", "paused",    "exited",
                                         "stopped", "healthy", "unhealthy", NULL};
    int ignored = 0;
    int r = parse_word(value, STATES, &ignored, e);

    if (r == 0) {
        strv_push(list, value);
    }
    return r;
}

/* A container has a state only after its supervisor wrote one: they are looked for, again and
 * again.
 */
static int wait_state(const struct store *store, const struct wait_options *o,
                      const struct found *f, struct err *e)
{
    for (;;) {
        autofound struct found now = {.dir_fd = -1, .run_fd = -1};
        struct container c;
        const char *state = NULL;
        int r = find_container(store, f->id, &now, e);

        r = r < 0 ? r : container_read(&now, &c, e);
        if (r < 0) {
            return r;
        }
        state = container_state(&c);
        r = strv_has(&o->conditions, state) ||
            (strcmp(state, "exited") == 0 && strv_has(&o->conditions, "stopped")) ||
            (c.is_running && strv_has(&o->conditions, container_health(&c)));
        container_done(&c);
        if (r) {
            return 0;
        }
        clock_sleep_ms(o->interval_ms);
    }
}

static int wait_one(const struct store *store, void *arg, const struct found *f, struct err *e)
{
    const struct wait_options *o = arg;
    struct found ended = {.id = f->id, .name = f->name, .dir_fd = f->dir_fd, .run_fd = -1};
    struct container c;
    int r =
        o->conditions.len > 0 ? wait_state(store, o, f, e) : control_wait(f, CONTROL_FOREVER, e);

    r = r < 0 ? r : container_read(&ended, &c, e); /* what counts is its exit.json */
    if (r == -ENOENT) {
        err_clear(e);
        (void)puts("-1");
        return 0;
    }
    if (r == 0) {
        (void)printf("%" PRId64 "\n", c.has_ended ? c.status : -1);
        container_done(&c);
    }
    return r;
}

static int wait_for(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct wait_options *o = options;
    const struct selected meant = {
        .select = &o->select, .argc = argc, .argv = argv, .state = SELECT_ANY, .quiet = 1};

    return select_each(ctx, &meant, wait_one, options, e);
}
