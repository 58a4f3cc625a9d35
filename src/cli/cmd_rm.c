/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exitcode.h"
#include "box/control.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct rm_options {
    int force;
    int all;
    int ignore;
    int volumes;
};

#define FIELD(name) offsetof(struct rm_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all containers that do not run; with --force all",
     NULL},
    {"force", 'f', NULL, OPT_FLAG, FIELD(force), "end those that run first (KILL)", NULL},
    {"ignore", 'i', NULL, OPT_FLAG, FIELD(ignore), "no error for one that does not exist", NULL},
    {"volumes", 'v', NULL, OPT_FLAG, FIELD(volumes),
     "anonymous volumes too (they always go with their container)", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"cidfile", 0, NULL},
                                             {"depend", 0, NULL},
                                             {"filter", 0, NULL},
                                             {"latest", 'l', NULL},
                                             {"link", 0, NULL},
                                             {"time", 't', "rbox stop --time"},
                                             {0}};

static int rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_rm = {
    .names = {"rm", "container rm"},
    .group = CMD_CONTAINERS,
    .summary = "remove containers",
    .usage = "[options] CONTAINER [CONTAINER…]",
    .description = "The exit status is 1 when there is no such container, 2 when it runs.",
    .examples = "rbox rm web\n"
                "rbox rm -f $(rbox ps -q)\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct rm_options),
    .max_args = CMD_ANY_ARGS,
    .run = rm,
};

enum {
    KILL_TIMEOUT_MS = 10000
};

static int remove_files(const struct store *store, const struct spec *s, struct err *e)
{
    autostate struct state st = {.dir_fd = -1, .lock_fd = -1};
    int r = state_open(store, s, &st, e);

    if (r == -ENOENT) { /* with --rm it went by itself */
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : state_remove(&st, s, e);
}

int container_remove(const struct store *store, const struct found *f, int force, struct err *e)
{
    struct container c;
    int r = container_read(f, &c, e);

    if (r < 0) {
        return r;
    }
    if (c.is_running && !force) {
        (void)err_new(e, EBUSY, "container '%s' runs", f->name);
        (void)err_hint(e, "rbox rm -f %s", f->name);
        r = err_exit(e, EXITCODE_IN_USE);
    } else if (c.is_running) {
        r = control_stop(f, SIGKILL, KILL_TIMEOUT_MS, e);
    }
    r = r < 0 ? r : remove_files(store, &c.spec, e);
    container_done(&c);
    return r;
}

static int remove_word(const struct store *store, const char *word, const struct rm_options *o,
                       struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    int r = find_container(store, word, &f, e);

    if (r == -ENOENT && (o->ignore || o->force)) {
        err_clear(e);
        return 0;
    }
    if (r == -ENOENT) {
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    r = r < 0 ? r : container_remove(store, &f, o->force, e);
    if (r == 0) {
        (void)printf("%s\n", word);
    }
    return r;
}

int container_remove_all(const struct store *store, int force, void (*removed)(const char *id),
                         struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && force && i < all.count; i++) { /* they end side by side */
        r = all.rows[i].run_fd >= 0 ? control_stop_begin(&all.rows[i], SIGKILL, e) : 0;
    }
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (all.rows[i].run_fd >= 0 && !force) {
            continue;
        }
        r = container_remove(store, &all.rows[i], force, e);
        if (r == -ENOENT) { /* with --rm it went by itself */
            err_clear(e);
            r = 0;
        }
        if (r == 0 && removed != NULL) {
            removed(all.rows[i].id);
        }
    }
    return r;
}

static void print_id(const char *id)
{
    (void)puts(id);
}

static int rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct rm_options *o = options;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    if (r == 0 && argc == 0 && !o->all) {
        (void)err_new(e, EINVAL, "rbox rm needs a container");
        return err_hint(e, "rbox ps -a");
    }
    if (r == 0 && o->all) {
        return container_remove_all(store, o->force, print_id, e);
    }
    for (int i = 0; r == 0 && i < argc; i++) {
        r = remove_word(store, argv[i], o, e);
    }
    return r;
}
