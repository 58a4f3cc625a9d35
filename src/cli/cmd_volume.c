/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox volume …; inspect is in cmd_inspect.c. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/volume_use.h"
#include "image/volume.h"
#include "spec/spec_name.h"
#include "spec/spec_parse.h"
#include "userns/userns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int volume_create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int volume_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int volume_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int volume_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int volume_is_there(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static int parse_driver(const char *value, void *field, struct err *e);
static int parse_opt(const char *value, void *field, struct err *e);

struct create_options {
    struct strv labels;
    int unused; /* what the only driver there is has no choice in */
    int ignore;
};

static const struct opt CREATE_OPTIONS[] = {
    {"label", 'l', "KEY=VALUE", OPT_STRV, offsetof(struct create_options, labels), "a label", NULL},
    {"driver", 'd', "NAME", OPT_PARSE, offsetof(struct create_options, unused), "local",
     parse_driver},
    {"opt", 'o', "KEY=VALUE", OPT_PARSE, offsetof(struct create_options, unused),
     "copy: first use copies the image's content, as it always does", parse_opt},
    {"ignore", 0, NULL, OPT_FLAG, offsetof(struct create_options, ignore),
     "one that is there already is fine", NULL},
    {0},
};

const struct cmd cmd_volume_create = {
    .names = {"volume create"},
    .group = CMD_VOLUMES,
    .summary = "make a volume",
    .usage = "[NAME]",
    .description =
        "Prints the name; without one it is made up. `run -v NAME:PLACE` makes it as well.",
    .examples = "rbox volume create data\n",
    .options = CREATE_OPTIONS,
    .options_size = sizeof(struct create_options),
    .max_args = 1,
    .run = volume_create,
};

struct ls_options {
    struct format_list list;
    struct strv filters;
};

static const struct opt LS_OPTIONS[] = {
    FORMAT_LIST_ROWS(struct ls_options, list),
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, offsetof(struct ls_options, filters),
     "only those with that name, label or driver, made before until, or dangling: in no container",
     volume_use_parse_filter},
    {0},
};

static void ls_done(void *options)
{
    strv_done(&((struct ls_options *)options)->filters);
}

const struct cmd cmd_volume_ls = {
    .names = {"volume ls", "volume list"},
    .group = CMD_VOLUMES,
    .summary = "list volumes",
    .usage = "[options]",
    .examples = "rbox volume ls\n"
                "rbox volume ls -q --filter dangling=true\n",
    .options = LS_OPTIONS,
    .options_size = sizeof(struct ls_options),
    .done = ls_done,
    .run = volume_ls,
};

struct rm_options {
    int64_t time_ms;
    int all;
    int force;
};

static const struct opt RM_OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct rm_options, all), "all volumes", NULL},
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct rm_options, force),
     "end and remove the containers that have them, and pass over one that is not there", NULL},
    {"time", 't', "SECONDS", OPT_DURATION, offsetof(struct rm_options, time_ms),
     "with --force: how long to wait before KILL (default: --stop-timeout of run, else 10)", NULL},
    {0},
};

static void rm_init(void *options)
{
    ((struct rm_options *)options)->time_ms = -1;
}

const struct cmd cmd_volume_rm = {
    .names = {"volume rm", "volume remove"},
    .group = CMD_VOLUMES,
    .summary = "remove volumes with all that is in them",
    .usage = "[options] [NAME…]",
    .description = "The exit status is 1 when there is no such volume, 2 when a container has it.",
    .examples = "rbox volume rm data cache\n"
                "rbox volume rm -f data\n",
    .options = RM_OPTIONS,
    .options_size = sizeof(struct rm_options),
    .init = rm_init,
    .max_args = CMD_ANY_ARGS,
    .run = volume_rm,
};

struct prune_options {
    struct strv filters;
    int force;
};

static const struct opt PRUNE_OPTIONS[] = {
    {"filter", 0, "KEY=VALUE", OPT_PARSE, offsetof(struct prune_options, filters),
     "only those, as with rbox volume ls", volume_use_parse_filter},
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {0},
};

static void prune_done(void *options)
{
    strv_done(&((struct prune_options *)options)->filters);
}

const struct cmd cmd_volume_prune = {
    .names = {"volume prune"},
    .group = CMD_VOLUMES,
    .summary = "remove the volumes that no container has",
    .usage = "[options]",
    .description = "Lists them and asks before it removes any.",
    .examples = "rbox volume prune\n"
                "rbox volume prune -f --filter label=team=web\n",
    .options = PRUNE_OPTIONS,
    .options_size = sizeof(struct prune_options),
    .done = prune_done,
    .run = volume_prune,
};

const struct cmd cmd_volume_exists = {
    .names = {"volume exists"},
    .group = CMD_VOLUMES,
    .summary = "tell by the exit status whether a volume is there",
    .usage = "NAME",
    .examples = "rbox volume exists data || rbox volume create data\n",
    .min_args = 1,
    .max_args = 1,
    .run = volume_is_there,
};

static int parse_driver(const char *value, void *field, struct err *e)
{
    (void)field;
    if (strcmp(value, "local") == 0) {
        return 0;
    }
    (void)err_new(e, EINVAL, "there is no '%s'", value);
    return err_hint(e, "--driver local");
}

/* What other drivers and mount(8) would do is an option of the container's. */
static int parse_opt(const char *value, void *field, struct err *e)
{
    static const struct {
        const char *key;
        const char *instead;
    } ELSEWHERE[] = {
        {"type=tmpfs", "rbox run --tmpfs PLACE"},
        {"type=", "rbox run -v DIR:PLACE, of what is mounted there"},
        {"device=", "rbox run -v DIR:PLACE"},
        {"o=", "rbox run -v NAME:PLACE:OPTIONS"},
        {"nocopy", "rbox run -v NAME:PLACE:nocopy"},
    };

    (void)field;
    if (strcmp(value, "copy") == 0) {
        return 0;
    }
    (void)err_new(e, EINVAL, "a volume has no option '%s': it is a folder of the store", value);
    for (size_t i = 0; i < sizeof(ELSEWHERE) / sizeof(ELSEWHERE[0]); i++) {
        if (str_after(value, ELSEWHERE[i].key) != NULL) {
            return err_hint(e, "%s", ELSEWHERE[i].instead);
        }
    }
    return -EINVAL;
}

/* The caller's usual map, in @s: owners of a volume's files are ids of it. */
static int volume_create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct create_options *o = options;
    autofree char *name = NULL;
    struct store *store = NULL;
    struct spec s = {0};
    int r = argc > 0 ? spec_parse_name(argv[0], &name, e) : spec_make_id(&name, e);

    r = r < 0 ? r : ctx_store(ctx, &store, e);
    if (r < 0) {
        return r;
    }
    if (argc > 0 && volume_exists(store, name)) {
        if (o->ignore) {
            (void)printf("%s\n", name);
            return 0;
        }
        (void)err_new(e, EEXIST, "there is a volume '%s' already", name);
        return err_hint(e, "rbox run -v %s:/PLACE … uses it; rbox volume rm %s", name, name);
    }
    r = userns_own_maps(&s, e);
    r = r < 0 || o->labels.len == 0 ? r : volume_label(store, name, &o->labels, e);
    r = r < 0 ? r : volume_make(store, name, &s.linux_.uid_mappings, &s.linux_.gid_mappings, e);
    if (r == 0) {
        events_add(store, "volume", "create", NULL, name);
        (void)printf("%s\n", name);
    }
    spec_done(&s);
    return r;
}

static void add_row(const struct store *store, const struct volume *v, json_t *rows)
{
    autofree char *path = xasprintf("%s/volumes/%s/_data", store->path, v->name);
    char when[CLOCK_TEXT_BYTES];

    (void)json_array_append_new(
        rows,
        json_pack("{s:s, s:o, s:o, s:s, s:I, s:o, s:s, s:{}}", "Driver", "local", "Name",
                  json_str(v->name), "Mountpoint", json_str(path), "CreatedAt",
                  clock_text(v->created_s * 1000000000, when), "Created", (json_int_t)v->created_s,
                  "Labels", json_from_pairs(&v->labels), "Scope", "local", "Options"));
}

static int volume_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    static const struct format_column COLUMNS[] = {
        {"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}, {NULL, NULL}};
    const struct ls_options *o = options;
    autovolumes struct volumes all = {0};
    json_auto_t *rows = json_array();
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : volume_use_list(store, &o->filters, &all, e);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        add_row(store, &all.v[i], rows);
    }
    return r < 0 ? r : format_listed(stdout, &o->list, COLUMNS, rows, e);
}

/* ---- removing */

/* Name the first of @names that a container has. */
static int refuse(const struct store *store, const struct strv *names, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        const struct strv one = {.v = names->v + i, .len = 1};
        autofound_list struct found_list members = {0};

        r = volume_use_members(store, &one, &members, e);
        if (r == 0 && members.count > 0) {
            const char *container = members.rows[0].name;

            (void)err_new(e, EBUSY, "container '%s' has volume '%s'", container, names->v[i]);
            (void)err_hint(e, "rbox rm %s, or rbox volume rm --force", container);
            r = err_exit(e, EXITCODE_IN_USE);
        }
    }
    return r;
}

/* Push @name, unless there is no such volume and that is fine. */
static int push_volume(const struct store *store, const char *name, int force, struct strv *ret,
                       struct err *e)
{
    if (strchr(name, '/') == NULL && volume_exists(store, name)) {
        strv_push(ret, name);
        return 0;
    }
    return force ? 0 : err_exit((volume_missing(name, e), e), EXITCODE_NO_SUCH);
}

/* Take the containers out of the way, or say that there are some. */
static int clear_volumes(const struct store *store, const struct strv *names,
                         const struct rm_options *o, struct err *e)
{
    autofound_list struct found_list members = {0};
    int r = volume_use_members(store, names, &members, e);

    if (r < 0 || members.count == 0) {
        return r;
    }
    return o->force ? container_remove_found(store, &members, o->time_ms, e)
                    : refuse(store, names, e);
}

static int volume_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct rm_options *o = options;
    autostrv struct strv wanted = {0};
    autostrv struct strv names = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    if (r == 0 && o->all == (argc > 0)) {
        return err_new(e, EINVAL, "names of volumes or --all");
    }
    if (!o->force && o->time_ms >= 0) {
        return err_new(e, EINVAL, "--time needs --force");
    }
    for (int i = 0; r == 0 && i < argc; i++) {
        r = push_volume(store, argv[i], o->force, &wanted, e);
    }
    r = r < 0 || !o->all ? r : volume_list(store, &wanted, e);
    r = r < 0 ? r : clear_volumes(store, &wanted, o, e);
    for (size_t i = 0; r == 0 && i < wanted.len; i++) {
        /* Anonymous ones may have gone with their container, and a name may be given twice. */
        if (volume_exists(store, wanted.v[i]) && !strv_has(&names, wanted.v[i])) {
            strv_push(&names, wanted.v[i]);
        }
    }
    return r < 0 ? r : volume_use_remove(store, &names, e);
}

static int volume_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    autostrv struct strv unused = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : volume_use_unused(store, /* leaving= */ NULL, &o->filters, &unused, e);
    if (r < 0 || unused.len == 0) {
        return r;
    }
    if (!o->force) {
        for (size_t i = 0; i < unused.len; i++) {
            (void)printf("%s\n", unused.v[i]);
        }
        if (!cmd_confirm("Remove them?")) {
            return 0;
        }
    }
    return volume_use_remove(store, &unused, e);
}

static int volume_is_there(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    if (r < 0) {
        return r;
    }
    return strchr(argv[0], '/') == NULL && volume_exists(store, argv[0]) ? 0 : EXITCODE_NO_SUCH;
}
