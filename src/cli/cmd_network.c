/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox network ls, rm, prune, exists; create has a file of its own, so have connect and disconnect,
 * and inspect is in cmd_inspect.c. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/network_config.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/format.h"
#include "cli/network_use.h"
#include "spec/spec_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int network_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int network_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int network_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int network_is_there(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

struct ls_options {
    struct format_list list;
    struct strv filters;
    int no_trunc;
};

static const struct opt LS_OPTIONS[] = {
    FORMAT_LIST_ROWS(struct ls_options, list),
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, offsetof(struct ls_options, filters),
     "only those with that name, id, driver or label, made before until, or dangling: with no "
     "container",
     network_use_parse_filter},
    {"no-trunc", 0, NULL, OPT_FLAG, offsetof(struct ls_options, no_trunc), "print ids in full",
     NULL},
    {0},
};

static void ls_done(void *options)
{
    strv_done(&((struct ls_options *)options)->filters);
}

const struct cmd cmd_network_ls = {
    .names = {"network ls", "network list"},
    .group = CMD_NETWORKS,
    .summary = "list networks",
    .usage = "[options]",
    .examples = "rbox network ls\n"
                "rbox network ls -q\n",
    .options = LS_OPTIONS,
    .options_size = sizeof(struct ls_options),
    .done = ls_done,
    .run = network_ls,
};

struct rm_options {
    int64_t time_ms;
    int force;
};

static const struct opt RM_OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct rm_options, force),
     "end and remove the containers that are in it, and pass over one that is not there", NULL},
    {"time", 't', "SECONDS", OPT_DURATION, offsetof(struct rm_options, time_ms),
     "with --force: how long to wait before KILL (default: --stop-timeout of run, else 10)", NULL},
    {0},
};

static void rm_init(void *options)
{
    ((struct rm_options *)options)->time_ms = -1;
}

const struct cmd cmd_network_rm = {
    .names = {"network rm", "network remove"},
    .group = CMD_NETWORKS,
    .summary = "remove networks",
    .usage = "[options] NAME [NAME…]",
    .description =
        "The exit status is 1 when there is no such network, 2 when a container is in it, running "
        "or\nnot.",
    .examples = "rbox network rm back\n"
                "rbox network rm -f back\n",
    .options = RM_OPTIONS,
    .options_size = sizeof(struct rm_options),
    .init = rm_init,
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = network_rm,
};

struct prune_options {
    int force;
    struct strv filters;
};

static const struct opt PRUNE_OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct prune_options, force), "do not ask", NULL},
    {"filter", 0, "KEY=VALUE", OPT_PARSE, offsetof(struct prune_options, filters),
     "only those with that label, or made before until", network_use_parse_filter},
    {0},
};

static void prune_done(void *options)
{
    strv_done(&((struct prune_options *)options)->filters);
}

const struct cmd cmd_network_prune = {
    .names = {"network prune"},
    .group = CMD_NETWORKS,
    .summary = "remove the networks that no container is in",
    .usage = "[options]",
    .description = "Lists them and asks before it removes any.",
    .examples = "rbox network prune\n"
                "rbox network prune -f\n",
    .options = PRUNE_OPTIONS,
    .options_size = sizeof(struct prune_options),
    .done = prune_done,
    .run = network_prune,
};

const struct cmd cmd_network_exists = {
    .names = {"network exists"},
    .group = CMD_NETWORKS,
    .summary = "tell by the exit status whether a network is there",
    .usage = "NAME",
    .examples = "rbox network exists back || rbox network create back\n",
    .min_args = 1,
    .max_args = 1,
    .run = network_is_there,
};

/* ---- */

static json_t *describe(const struct network_config *c, int no_trunc)
{
    autofree char *id = xstrndup(c->id, no_trunc ? strlen(c->id) : SPEC_SHORT_ID);
    autofree char *subnet = network_subnet_text(&c->subnet);
    json_t *all = network_config_json(c);
    char when[CLOCK_TEXT_BYTES];
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:O, s:O, s:O, s:O, s:O, s:s}", "ID", id, "Name",
        c->name, "Driver", "bridge", "Subnet", subnet, "Internal", c->is_internal, "IPv6Enabled",
        c->subnet6.family != 0, "DNSEnabled", c->has_dns, "Labels", json_object_get(all, "labels"),
        "Options", json_object_get(all, "options"), "IPAMOptions",
        json_object_get(all, "ipam_options"), "Subnets", json_object_get(all, "subnets"),
        "NetworkInterface", json_object_get(all, "network_interface"), "Created",
        clock_text(c->created_ns, when));

    json_decref(all);
    return row;
}

static int network_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    static const struct format_column COLUMNS[] = {
        {"NETWORK ID", "ID"}, {"NAME", "Name"}, {"DRIVER", "Driver"}, {NULL, NULL}};
    const struct ls_options *o = options;
    json_auto_t *rows = json_array();
    autostrv struct strv damaged = {0};
    struct network_configs all = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : network_config_list(store, &all, &damaged, e);
    for (size_t i = 0; i < damaged.len; i++) {
        warn("%s: rbox network rm takes it away", damaged.v[i]);
    }
    r = r < 0 ? r : network_use_filter(store, &o->filters, &all, e);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        /* JSON as inspect prints it: podman's rule. */
        (void)json_array_append_new(rows, str_eq(o->list.format, "json")
                                              ? network_config_json(&all.v[i])
                                              : describe(&all.v[i], o->no_trunc));
    }
    network_configs_done(&all);
    return r < 0 ? r : format_listed(stdout, &o->list, COLUMNS, rows, e);
}

/* ---- removing */

static int refuse(const struct found *f, const char *network, struct err *e)
{
    (void)err_new(e, EBUSY, "container '%s' is in network '%s'", f->name, network);
    (void)err_hint(e, "rbox rm %s, or rbox network rm --force", f->name);
    return err_exit(e, EXITCODE_IN_USE);
}

/* Take the containers out of the way, or say that there are some. */
static int clear_network(const struct store *store, const char *network, const struct rm_options *o,
                         struct err *e)
{
    autofound_list struct found_list members = {0};
    int r = network_use_members(store, network, &members, e);

    if (r < 0 || members.count == 0) {
        return r;
    }
    return o->force ? container_remove_found(store, &members, o->time_ms, e)
                    : refuse(&members.rows[0], network, e);
}

static int remove_one(const struct store *store, const char *word, const struct rm_options *o,
                      struct err *e)
{
    struct network_config c = {0};
    autostrv struct strv names = {0};
    int r = network_config_find(store, word, &c, e);

    if (r == -ENOENT) {
        if (o->force) {
            err_clear(e);
            return 0;
        }
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    if (r < 0 && r != -ENOTUNIQ) { /* damaged: it can go all the same */
        err_clear(e);
        c.name = xstrdup(word);
        r = 0;
    }
    if (r == 0 && strcmp(c.name, NETWORK_DEFAULT) != 0) {
        r = clear_network(store, c.name, o, e);
    }
    if (r == 0) {
        strv_push(&names, c.name);
        r = network_use_remove(store, &names, e);
    }
    network_config_done(&c);
    return r;
}

static int network_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct rm_options *o = options;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    if (r == 0 && !o->force && o->time_ms >= 0) {
        r = err_new(e, EINVAL, "--time needs --force");
    }
    for (int i = 0; r == 0 && i < argc; i++) {
        r = remove_one(store, argv[i], o, e);
    }
    return r;
}

static int network_prune(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct prune_options *o = options;
    autostrv struct strv unused = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : network_use_unused(store, /* leaving= */ NULL, &o->filters, &unused, e);
    if (r < 0 || unused.len == 0) {
        return r;
    }
    if (!o->force) {
        for (size_t i = 0; i < unused.len; i++) {
            (void)puts(unused.v[i]);
        }
        if (!cmd_confirm("Remove them?")) {
            return 0;
        }
    }
    return network_use_remove(store, &unused, e);
}

static int network_is_there(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct network_config c = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : network_config_find(store, argv[0], &c, e);
    network_config_done(&c);
    return r == -ENOENT ? (err_clear(e), EXITCODE_NO_SUCH) : r;
}
