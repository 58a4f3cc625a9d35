/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox volume …; inspect is in cmd_inspect.c. */
#include "base/cleanup.h"
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

struct create_options {
    struct strv labels;
    int ignore;
};

static const struct opt CREATE_OPTIONS[] = {
    {"label", 'l', "KEY=VALUE", OPT_STRV, offsetof(struct create_options, labels), "a label", NULL},
    {"ignore", 0, NULL, OPT_FLAG, offsetof(struct create_options, ignore),
     "one that is there already is fine", NULL},
    {0},
};
static const struct opt_refused CREATE_REFUSED[] = {{"driver", 'd', NULL}, {"opt", 'o', NULL}, {0}};

const struct cmd cmd_volume_create = {
    .names = {"volume create"},
    .group = CMD_VOLUMES,
    .summary = "make a volume",
    .usage = "[NAME]",
    .description =
        "Prints the name; without one it is made up. `run -v NAME:PLACE` makes it as well.",
    .examples = "rbox volume create data\n",
    .options = CREATE_OPTIONS,
    .refused = CREATE_REFUSED,
    .options_size = sizeof(struct create_options),
    .max_args = 1,
    .run = volume_create,
};

struct ls_options {
    struct format_list list;
    struct strv filters;
};

static int parse_filter(const char *value, void *list, struct err *e);

static const struct opt LS_OPTIONS[] = {
    FORMAT_LIST_ROWS(struct ls_options, list),
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, offsetof(struct ls_options, filters),
     "only those with that name or label", parse_filter},
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
                "rbox volume ls -q --filter label=team=web\n",
    .options = LS_OPTIONS,
    .options_size = sizeof(struct ls_options),
    .done = ls_done,
    .run = volume_ls,
};

static const struct opt_refused RM_REFUSED[] = {{"force", 'f', "rbox rm its containers first"},
                                                {"all", 'a', "rbox volume prune"},
                                                {"time", 't', NULL},
                                                {0}};

const struct cmd cmd_volume_rm = {
    .names = {"volume rm", "volume remove"},
    .group = CMD_VOLUMES,
    .summary = "remove volumes with all that is in them",
    .usage = "NAME [NAME…]",
    .description = "The exit status is 1 when there is no such volume, 2 when a container has it.",
    .examples = "rbox volume rm data cache\n",
    .refused = RM_REFUSED,
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = volume_rm,
};

struct prune_options {
    int force;
};

static const struct opt PRUNE_OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {0},
};

static const struct opt_refused PRUNE_REFUSED[] = {{"filter", 0, NULL}, {0}};

const struct cmd cmd_volume_prune = {
    .names = {"volume prune"},
    .group = CMD_VOLUMES,
    .summary = "remove the volumes that no container has",
    .usage = "[options]",
    .description = "Lists them and asks before it removes any.",
    .examples = "rbox volume prune\n"
                "rbox volume prune -f\n",
    .options = PRUNE_OPTIONS,
    .refused = PRUNE_REFUSED,
    .options_size = sizeof(struct prune_options),
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

struct volume {
    const char *name;
    struct strv labels;
};

static int match_name(const void *row, const struct filter_term *t)
{
    return strstr(((const struct volume *)row)->name, t->value) != NULL;
}

static int match_label(const void *row, const struct filter_term *t)
{
    return spec_env_has(&((const struct volume *)row)->labels, t->value);
}

static const struct filter_key FILTERS[] = {
    {.key = "name", .match = match_name, .wants_all = 1},
    {.key = "label", .match = match_label, .wants_all = 1},
    {0},
};

static int parse_filter(const char *value, void *list, struct err *e)
{
    return filter_add(FILTERS, value, list, e);
}

static int add_row(const struct store *store, const char *name, const struct filter *filter,
                   json_t *rows, struct err *e)
{
    autofree char *path = xasprintf("%s/volumes/%s/_data", store->path, name);
    struct volume v = {.name = name};
    int r = volume_labels(store, name, &v.labels, e);

    if (r == 0 && filter_matches(filter, &v)) {
        (void)json_array_append_new(rows,
                                    json_pack("{s:s, s:o, s:o, s:I, s:o}", "Driver", "local",
                                              "Name", json_str(name), "Mountpoint", json_str(path),
                                              "Created", (json_int_t)volume_created(store, name),
                                              "Labels", json_from_pairs(&v.labels)));
    }
    strv_done(&v.labels);
    return r;
}

static int volume_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    static const struct format_column COLUMNS[] = {
        {"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}, {NULL, NULL}};
    const struct ls_options *o = options;
    autostrv struct strv names = {0};
    autofilter struct filter filter = {0};
    json_auto_t *rows = json_array();
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : filter_open(FILTERS, store, &o->filters, &filter, e);
    r = r < 0 ? r : volume_list(store, &names, e);
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        r = add_row(store, names.v[i], &filter, rows, e);
    }
    return r < 0 ? r : format_listed(stdout, &o->list, COLUMNS, rows, e);
}

/* ---- removing */

/* Push the names of all volumes that containers have. */
int volume_use_names(const struct store *store, int running_only, struct strv *ret, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        struct container c;

        if (running_only && all.rows[i].run_fd < 0) {
            continue;
        }
        r = container_glance(&all.rows[i], &c, e);
        if (r == -ENOENT) {
            err_clear(e);
            r = 0;
            continue;
        }
        for (size_t m = 0; r == 0 && m < c.spec.mount_count; m++) {
            if (c.spec.mounts[m].volume_name != NULL) {
                strv_push(ret, c.spec.mounts[m].volume_name);
            }
        }
        if (r == 0) {
            container_done(&c);
        }
    }
    return r;
}

int volume_use_unused(const struct store *store, int running_only, struct strv *ret, struct err *e)
{
    autostrv struct strv used = {0};
    autostrv struct strv all = {0};
    int r = volume_use_names(store, running_only, &used, e);

    r = r < 0 ? r : volume_list(store, &all, e);
    for (size_t i = 0; r == 0 && i < all.len; i++) {
        if (!strv_has(&used, all.v[i])) {
            strv_push(ret, all.v[i]);
        }
    }
    return r;
}

int volume_use_remove(const struct store *store, const struct strv *names, struct err *e)
{
    struct spec s = {0};
    int r = userns_own_maps(&s, e);

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        r = volume_remove(store, names->v[i], &s.linux_.uid_mappings, &s.linux_.gid_mappings, e);
        if (r == 0) {
            events_add(store, "volume", "remove", NULL, names->v[i]);
            (void)printf("%s\n", names->v[i]);
        }
    }
    spec_done(&s);
    return r;
}

static int volume_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autostrv struct strv used = {0};
    autostrv struct strv names = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    r = r < 0 ? r : volume_use_names(store, 0, &used, e);
    for (int i = 0; r == 0 && i < argc; i++) {
        if (strchr(argv[i], '/') != NULL || !volume_exists(store, argv[i])) {
            (void)volume_missing(argv[i], e);
            return err_exit(e, EXITCODE_NO_SUCH);
        }
        if (strv_has(&used, argv[i])) {
            (void)err_new(e, EBUSY, "a container has volume '%s'", argv[i]);
            (void)err_hint(e, "rbox ps -a");
            return err_exit(e, EXITCODE_IN_USE);
        }
        strv_push(&names, argv[i]);
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
    r = r < 0 ? r : volume_use_unused(store, 0, &unused, e);
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
