/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox secret …; run --secret is in given_mounts.c. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "image/secret.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int secret_create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int secret_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int secret_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int secret_inspect(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

struct create_options {
    int env;
    int replace;
    char *driver;
    struct strv labels;
};

static const struct opt CREATE_OPTIONS[] = {
    {"env", 0, NULL, OPT_FLAG, offsetof(struct create_options, env),
     "FILE is the name of a variable of the caller's", NULL},
    {"replace", 0, NULL, OPT_FLAG, offsetof(struct create_options, replace),
     "in place of one of that name", NULL},
    {"label", 'l', "KEY=VALUE", OPT_PARSE, offsetof(struct create_options, labels), "a label",
     spec_parse_pair},
    {"driver", 'd', "NAME", OPT_STRING, offsetof(struct create_options, driver),
     "file, which is the only one", NULL},
    {0},
};
static const struct opt_refused CREATE_REFUSED[] = {{"driver-opts", 0, NULL}, {0}};

static void create_done(void *options)
{
    strv_done(&((struct create_options *)options)->labels);
}

const struct cmd cmd_secret_create = {
    .names = {"secret create"},
    .group = CMD_VOLUMES,
    .summary = "keep a secret for containers",
    .usage = "[options] NAME FILE|-",
    .description =
        "It is a file in the store, which only you can enter; run --secret NAME gives it to a\n"
        "container as /run/secrets/NAME, or as a variable. It is in no image and no inspect.",
    .examples = "printf s3cret | rbox secret create db -\n"
                "rbox run --secret db app\n"
                "rbox run --secret db,uid=70,mode=0400 --secret token,type=env,target=TOKEN app\n",
    .options = CREATE_OPTIONS,
    .refused = CREATE_REFUSED,
    .options_size = sizeof(struct create_options),
    .min_args = 2,
    .max_args = 2,
    .done = create_done,
    .run = secret_create,
};

struct ls_options {
    struct format_list list;
    struct strv filters;
};

static const struct opt LS_OPTIONS[] = {
    FORMAT_LIST_ROWS(struct ls_options, list),
    {"filter", 'f', "name=TEXT", OPT_STRV, offsetof(struct ls_options, filters),
     "only those whose name has TEXT in it; id=TEXT is the same", NULL},
    {0},
};

const struct cmd cmd_secret_ls = {
    .names = {"secret ls"},
    .group = CMD_VOLUMES,
    .summary = "list secrets",
    .usage = "[options]",
    .examples = "rbox secret ls\n",
    .options = LS_OPTIONS,
    .options_size = sizeof(struct ls_options),
    .run = secret_ls,
};

struct rm_options {
    int all;
    int ignore;
};

static const struct opt RM_OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct rm_options, all), "all of them", NULL},
    {"ignore", 'i', NULL, OPT_FLAG, offsetof(struct rm_options, ignore),
     "pass over those that are not there", NULL},
    {0},
};

const struct cmd cmd_secret_rm = {
    .names = {"secret rm"},
    .group = CMD_VOLUMES,
    .summary = "remove secrets",
    .usage = "[options] NAME [NAME…]",
    .description = "Containers that run keep what they have.",
    .examples = "rbox secret rm token\n"
                "rbox secret rm --all\n",
    .options = RM_OPTIONS,
    .options_size = sizeof(struct rm_options),
    .max_args = CMD_ANY_ARGS,
    .run = secret_rm,
};

struct inspect_options {
    char *format;
};

static const struct opt INSPECT_OPTIONS[] = {
    {"format", 'f', "FORMAT", OPT_STRING, offsetof(struct inspect_options, format),
     "json, or a template such as {{.Spec.Name}}", NULL},
    {0},
};

const struct cmd cmd_secret_inspect = {
    .names = {"secret inspect"},
    .group = CMD_VOLUMES,
    .summary = "print what is known of secrets, as JSON",
    .usage = "[options] NAME [NAME…]",
    .examples = "rbox secret inspect token\n",
    .options = INSPECT_OPTIONS,
    .options_size = sizeof(struct inspect_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = secret_inspect,
};

/* ---- */

static int read_data(const struct create_options *o, const char *source, char **ret,
                     size_t *ret_len, struct err *e)
{
    if (o->env) {
        const char *value = getenv(source);

        if (value == NULL) {
            return err_new(e, ENOENT, "there is no variable '%s'", source);
        }
        *ret = xstrdup(value);
        *ret_len = strlen(value);
        return 0;
    }
    if (strcmp(source, "-") == 0) {
        return fd_read_all(STDIN_FILENO, SECRET_BYTES_MAX, ret, ret_len, e);
    }
    return file_read_followed(AT_FDCWD, source, SECRET_BYTES_MAX, ret, ret_len, e);
}

static int secret_create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct create_options *o = options;
    autofree char *name = NULL;
    autofree char *data = NULL;
    size_t len = 0;
    struct store *store = NULL;
    int r = spec_parse_name(argv[0], &name, e);

    (void)argc;
    if (r == 0 && o->driver != NULL && strcmp(o->driver, "file") != 0) {
        r = err_new(e, ENOTSUP, "--driver can be file, not '%s'", o->driver);
    }
    r = r < 0 ? r : read_data(o, argv[1], &data, &len, e);
    if (r == 0 && len == 0) {
        r = err_new(e, EINVAL, "the secret is empty");
    }
    r = r < 0 ? r : ctx_store(ctx, &store, e);
    r = r < 0 ? r
              : secret_make(
                    store,
                    &(struct secret){.name = name, .data = data, .len = len, .labels = &o->labels},
                    o->replace, e);
    if (r == 0) {
        (void)puts(name);
    }
    return r;
}

static const struct format_column COLUMNS[] = {
    {"ID", "ID"}, {"NAME", "Name"}, {"DRIVER", "Driver"}, {"CREATED", "CreatedAt"}, {NULL, NULL}};

static json_t *describe(const struct store *store, const char *name)
{
    int64_t created_s = secret_created_s(store, name);
    autofree char *since = format_ago(time(NULL) - created_s);

    return json_pack("{s:o, s:o, s:s, s:s}", "ID", json_str(name), "Name", json_str(name), "Driver",
                     "file", "CreatedAt", since);
}

/* One of the texts will do, as podman has it. */
static int is_wanted(const char *name, const struct strv *filters)
{
    for (size_t i = 0; i < filters->len; i++) {
        if (strstr(name, strchr(filters->v[i], '=') + 1) != NULL) {
            return 1;
        }
    }
    return filters->len == 0;
}

static int check_filters(const struct strv *filters, struct err *e)
{
    for (size_t i = 0; i < filters->len; i++) {
        if (str_after(filters->v[i], "name=") == NULL && str_after(filters->v[i], "id=") == NULL) {
            return err_new(e, EINVAL, "--filter '%s' is not name=TEXT or id=TEXT", filters->v[i]);
        }
    }
    return 0;
}

static int secret_ls(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct ls_options *o = options;
    autostrv struct strv names = {0};
    json_auto_t *rows = json_array();
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : check_filters(&o->filters, e);
    r = r < 0 ? r : secret_list(store, &names, e);
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        if (is_wanted(names.v[i], &o->filters)) {
            (void)json_array_append_new(rows, describe(store, names.v[i]));
        }
    }
    return r < 0 ? r : format_listed(stdout, &o->list, COLUMNS, rows, e);
}

static int secret_rm(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct rm_options *o = options;
    autostrv struct strv names = {0};
    struct store *store = NULL;
    int r = (argc > 0) == o->all ? err_new(e, EINVAL, "name secrets, or give --all")
                                 : ctx_store(ctx, &store, e);

    r = r < 0 || !o->all ? r : secret_list(store, &names, e);
    for (int i = 0; i < argc; i++) {
        strv_push(&names, argv[i]);
    }
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        autofree char *name = NULL;

        r = spec_parse_name(names.v[i], &name, e);
        r = r < 0 ? r : secret_remove(store, name, e);
        if (r == -ENOENT && o->ignore) {
            err_clear(e);
            r = 0;
        } else if (r == 0) {
            (void)puts(name);
        }
    }
    return r == -ENOENT ? err_exit(e, EXITCODE_NO_SUCH) : r;
}

static int secret_inspect(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct inspect_options *o = options;
    json_auto_t *list = json_array();
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    for (int i = 0; r == 0 && i < argc; i++) {
        autostrv struct strv labels = {0};
        char when[CLOCK_TEXT_BYTES];
        int64_t created_s = strchr(argv[i], '/') == NULL ? secret_created_s(store, argv[i]) : -1;

        if (created_s < 0) {
            (void)secret_missing(argv[i], e);
            return err_exit(e, EXITCODE_NO_SUCH);
        }
        r = secret_labels(store, argv[i], &labels, e);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:{s:s, s:{s:s}, s:o}}", "ID", argv[i], "CreatedAt",
                            clock_text(created_s * 1000000000, when), "Spec", "Name", argv[i],
                            "Driver", "Name", "file", "Labels", json_from_pairs(&labels)));
    }
    return r < 0 ? r : format_value(stdout, o->format, list, e);
}
