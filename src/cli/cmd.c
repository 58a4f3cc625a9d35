/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cmd.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/storage.h"
#include "cli/help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct cmd *const COMMANDS[] = {
    &cmd_run,
    &cmd_create,
    &cmd_start,
    &cmd_stop,
    &cmd_restart,
    &cmd_ps,
    &cmd_exec,
    &cmd_logs,
    &cmd_healthcheck_run,
    &cmd_attach,
    &cmd_kill,
    &cmd_wait,
    &cmd_rm,
    &cmd_cp,
    &cmd_diff,
    &cmd_export,
    &cmd_commit,
    &cmd_rename,
    &cmd_top,
    &cmd_events,
    &cmd_container_prune,
    &cmd_container_inspect,
    &cmd_container_exists,
    &cmd_images,
    &cmd_pull,
    &cmd_push,
    &cmd_login,
    &cmd_logout,
    &cmd_search,
    &cmd_load,
    &cmd_save,
    &cmd_import,
    &cmd_tag,
    &cmd_untag,
    &cmd_rmi,
    &cmd_image_prune,
    &cmd_history,
    &cmd_image_inspect,
    &cmd_image_exists,
    &cmd_image_tree,
    &cmd_image_mount,
    &cmd_volume_create,
    &cmd_volume_export,
    &cmd_volume_import,
    &cmd_secret_create,
    &cmd_secret_ls,
    &cmd_secret_rm,
    &cmd_secret_inspect,
    &cmd_volume_ls,
    &cmd_volume_rm,
    &cmd_volume_prune,
    &cmd_volume_inspect,
    &cmd_volume_exists,
    &cmd_network_create,
    &cmd_network_ls,
    &cmd_network_inspect,
    &cmd_network_connect,
    &cmd_network_disconnect,
    &cmd_network_rm,
    &cmd_network_prune,
    &cmd_network_exists,
    &cmd_stats,
    &cmd_pause,
    &cmd_unpause,
    &cmd_update,
    &cmd_port,
    &cmd_port_add,
    &cmd_port_rm,
    &cmd_inspect,
    &cmd_generate_systemd,
    &cmd_system_df,
    &cmd_system_prune,
    &cmd_system_check,
    &cmd_system_reset,
    &cmd_info,
    &cmd_oci,
    &cmd_oci_create,
    &cmd_oci_start,
    &cmd_oci_run,
    &cmd_oci_exec,
    &cmd_oci_kill,
    &cmd_oci_delete,
    &cmd_oci_state,
    &cmd_oci_list,
    &cmd_oci_ps,
    &cmd_oci_spec,
    &cmd_oci_features,
    &cmd_oci_pause,
    &cmd_oci_resume,
    &cmd_oci_update,
    &cmd_doctor,
    &cmd_explain,
    &cmd_unshare,
    &cmd_rm_tree,
    &cmd_chown_back,
    &cmd_help,
    &cmd_version,
    &cmd_generate,
};
/* clang-format on */

const struct cmd *cmd_at(size_t i)
{
    return i < sizeof(COMMANDS) / sizeof(COMMANDS[0]) ? COMMANDS[i] : NULL;
}

/* ---- global options */

static int parse_log_level(const char *value, void *field, struct err *e)
{
    static const struct {
        const char *name;
        int level;
    } LEVELS[] = {{"debug", 1},   {"trace", 1},  {"info", 0},   {"warn", 0},
                  {"warning", 0}, {"error", -1}, {"fatal", -1}, {"panic", -1}};

    for (size_t i = 0; i < sizeof(LEVELS) / sizeof(LEVELS[0]); i++) {
        if (strcmp(value, LEVELS[i].name) == 0) {
            *(int *)field = LEVELS[i].level;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not debug, info, warn or error", value);
}

static int parse_cgroup_manager(const char *value, void *field, struct err *e)
{
    if (strcmp(value, "systemd") != 0 && strcmp(value, "cgroupfs") != 0) {
        return err_new(e, EINVAL, "'%s' is neither systemd nor cgroupfs", value);
    }
    free(*(char **)field);
    *(char **)field = xstrdup(value);
    return 0;
}

static int parse_storage_driver(const char *value, void *field, struct err *e)
{
    if (!storage_is_driver(value)) {
        return err_new(e, EINVAL, "'%s' is not overlay, fuse-overlayfs or copy", value);
    }
    free(*(char **)field);
    *(char **)field = xstrdup(value);
    return 0;
}

#define FIELD(name) offsetof(struct ctx, name)

const struct opt CMD_GLOBAL_OPTIONS[] = {
    {"root", 0, "DIR", OPT_STRING, FIELD(root),
     "the store (default: $RBOX_STORE, else ~/.local/share/rbox)", NULL},
    {"storage-driver", 0, "NAME", OPT_PARSE, FIELD(storage_driver),
     "overlay, fuse-overlayfs or copy (default: the first that works)", parse_storage_driver},
    {"cgroup-manager", 0, "NAME", OPT_PARSE, FIELD(cgroup_manager),
     "systemd or cgroupfs (default: the one that answers)", parse_cgroup_manager},
    {"log-level", 0, "LEVEL", OPT_PARSE, FIELD(log_level), "debug, info, warn or error",
     parse_log_level},
    {"debug", 0, NULL, OPT_FLAG, FIELD(debug), "say what is done, with times", NULL},
    {"help", 'h', NULL, OPT_FLAG, FIELD(help), "print help", NULL},
    {"version", 0, NULL, OPT_FLAG, FIELD(version), "print the version", NULL},
    {0},
};

/* Options of podman's own set-up, which rbox has no use for or does otherwise. */
static const struct opt_refused GLOBAL_REFUSED[] = {
    {"runroot", 0, "live state is in the store: rbox --root DIR"},
    {"runtime", 0, "rbox is its own runtime"},
    {"storage-opt", 0, NULL},
    {"url", 0, "rbox has no service to talk to"},
    {"remote", 0, "rbox has no service to talk to"},
    {"host", 'H', "rbox has no service to talk to"},
    {"connection", 'c', "rbox has no service to talk to"},
    {"context", 0, "rbox has no service to talk to"},
    {"conmon", 0, "rbox supervises containers itself"},
    {"network-cmd-path", 0, NULL},
    {"events-backend", 0, NULL},
    {"hooks-dir", 0, NULL},
    {0},
};

int ctx_store(struct ctx *ctx, struct store **ret, struct err *e)
{
    if (!ctx->store_is_open) {
        int r = store_open(ctx->root, &ctx->store, e);

        if (r < 0) {
            return r;
        }
        ctx->store_is_open = 1;
    }
    *ret = &ctx->store;
    return 0;
}

void ctx_done(struct ctx *ctx)
{
    if (ctx->store_is_open) {
        store_done(&ctx->store);
        ctx->store_is_open = 0;
    }
    opts_done(&(struct opts){.rows = CMD_GLOBAL_OPTIONS, .fields = ctx});
    free(ctx->storage_driver);
    free(ctx->cgroup_manager);
    free(ctx->argv);
}

int cmd_confirm(const char *question)
{
    char line[16] = "";

    (void)printf("%s [y/N] ", question);
    (void)fflush(stdout);
    return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* ---- finding the command */

const struct cmd *cmd_find(int argc, char **argv, int *ret_words)
{
    autofree char *two = argc > 1 ? xasprintf("%s %s", argv[0], argv[1]) : NULL;
    const struct cmd *found = NULL;

    for (size_t i = 0; argc > 0 && i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && COMMANDS[i]->names[n] != NULL; n++) {
            if (str_eq(COMMANDS[i]->names[n], two)) {
                *ret_words = 2;
                return COMMANDS[i];
            }
            if (found == NULL && str_eq(COMMANDS[i]->names[n], argv[0])) {
                *ret_words = 1;
                found = COMMANDS[i];
            }
        }
    }
    return found;
}

int cmd_is_family(const char *word)
{
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && COMMANDS[i]->names[n] != NULL; n++) {
            const char *rest = str_after(COMMANDS[i]->names[n], word);

            if (rest != NULL && *rest == ' ') {
                return 1;
            }
        }
    }
    return 0;
}

/* Families that docker or podman have and rbox has not: refused by name, not taken for typing
 * errors.
 */
static const struct {
    const char *name;
    const char *what;
    const char *instead;
} ABSENT[] = {
    {"pod", "rbox has no pods",
     "rbox network create NAME, or --network container:NAME; "
     "podman-compose: --in-pod 0"},
};

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int unknown_command(int argc, char **argv, struct err *e)
{
    const char *names[CMD_NAMES_MAX * sizeof(COMMANDS) / sizeof(COMMANDS[0])];
    size_t count = 0;
    int family = cmd_is_family(argv[0]);
    autofree char *word =
        family && argc > 1 ? xasprintf("%s %s", argv[0], argv[1]) : xstrdup(argv[0]);
    const char *near = NULL;

    for (size_t i = 0; i < sizeof(ABSENT) / sizeof(ABSENT[0]); i++) {
        if (strcmp(argv[0], ABSENT[i].name) == 0) {
            (void)err_new(e, ENOTSUP, "%s", ABSENT[i].what);
            return err_hint(e, "%s", ABSENT[i].instead);
        }
    }
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && COMMANDS[i]->names[n] != NULL; n++) {
            if (COMMANDS[i]->group != CMD_HIDDEN) {
                names[count++] = COMMANDS[i]->names[n];
            }
        }
    }
    (void)err_new(e, EINVAL, "unknown command '%s'", word);
    near = opts_nearest(word, names, count);
    return near != NULL ? err_hint(e, "did you mean rbox %s?", near) : err_hint(e, "rbox --help");
}

/* ---- running it */

static int check_operands(const struct cmd *c, int argc, struct err *e)
{
    if (argc < c->min_args) {
        (void)err_new(e, EINVAL, "rbox %s needs %s", c->names[0],
                      c->min_args == 1 ? "an argument" : "more arguments");
    } else if (c->max_args != CMD_ANY_ARGS && argc > c->max_args) {
        (void)err_new(e, EINVAL, "rbox %s takes %s", c->names[0],
                      c->max_args == 0 ? "no arguments" : "fewer arguments");
    } else {
        return 0;
    }
    return err_hint(e, "rbox %s --help", c->names[0]);
}

int cmd_run_row(struct ctx *ctx, const struct cmd *c, int argc, char **argv, struct err *e)
{
    autofree void *options = xcalloc(1, c->options_size);
    struct opts sets[] = {
        {.rows = c->options, .refused = c->refused, .fields = options},
        {.rows = CMD_GLOBAL_OPTIONS, .refused = GLOBAL_REFUSED, .fields = ctx},
    };
    int r = 0;

    if (c->init != NULL) {
        c->init(options);
    }
    r = opts_parse(sets, 2, c->stop_at_operand ? OPTS_STOP_AT_OPERAND : 0, &argc, argv, e);
    if (r == 0 && ctx->help) {
        help_command(stdout, c);
    } else if (r == 0) {
        log_set_level(ctx->debug ? 1 : ctx->log_level);
        r = check_operands(c, argc, e);
        r = r < 0 ? r : c->run(ctx, options, argc, argv, e);
        if (r < 0 && ctx->store_is_open) {
            store_explain(&ctx->store, e);
        }
    }
    if (c->options != NULL) {
        opts_done(&sets[0]);
    }
    if (c->done != NULL) {
        c->done(options);
    }
    return r;
}

int cmd_main(struct ctx *ctx, int argc, char **argv, struct err *e)
{
    const struct opts global = {
        .rows = CMD_GLOBAL_OPTIONS, .refused = GLOBAL_REFUSED, .fields = ctx};
    const struct cmd *c = NULL;
    int words = 0;
    int r = 0;

    ctx->argc = argc;
    ctx->argv = xmemdup(argv, (size_t)(argc + 1) * sizeof(*argv)); /* parsing moves words about */
    ctx->log_level = log_level();
    argc--;
    argv++;
    r = opts_parse(&global, 1, OPTS_STOP_AT_OPERAND, &argc, argv, e);
    if (r < 0) {
        return r;
    }
    if (ctx->version) {
        return cmd_version.run(ctx, NULL, 0, NULL, e);
    }
    c = cmd_find(argc, argv, &words);
    if (c != NULL) {
        return cmd_run_row(ctx, c, argc - words, argv + words, e);
    }
    if (argc == 0 || (cmd_is_family(argv[0]) && (argc == 1 || is_help(argv[1])))) {
        help_commands(stdout, argc == 0 ? NULL : argv[0]);
        return 0;
    }
    return unknown_command(argc, argv, e);
}
