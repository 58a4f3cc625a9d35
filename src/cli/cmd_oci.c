/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct oci_options_global {
    char *log;
    char *log_format;
    int systemd_cgroup;
};

#define FIELD(name) offsetof(struct oci_options_global, name)

static int parse_log_format(const char *value, void *field, struct err *e)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0) {
        return err_new(e, EINVAL, "'%s' is neither json nor text", value);
    }
    free(*(char **)field);
    *(char **)field = xstrdup(value);
    return 0;
}

static const struct opt OPTIONS[] = {
    {"log", 0, "FILE", OPT_STRING, FIELD(log), "write what fails there, too", NULL},
    {"log-format", 0, "FORMAT", OPT_PARSE, FIELD(log_format), "of that file: text or json",
     parse_log_format},
    {"systemd-cgroup", 0, NULL, OPT_FLAG, FIELD(systemd_cgroup),
     "cgroups by systemd: linux.cgroupsPath is SLICE:PREFIX:NAME", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"criu", 0, NULL}, {"rootless", 0, NULL}, {0}};

static int oci(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_oci = {
    .names = {"oci"},
    .group = CMD_SYSTEM,
    .summary = "the command line of an OCI runtime, for podman --runtime",
    .usage = "[options] COMMAND [options] [ID …]",
    .description =
        "create, start, state, kill, delete, run, exec, list, ps, pause, resume, update, spec and\n"
        "features, as the OCI runtime spec has them, for bundles: folders with a config.json.\n"
        "rbox-oci is the same without the word oci. State is kept below --root (default:\n"
        "$XDG_RUNTIME_DIR/rbox-oci). What config.json asks for and rbox can't do is an error that\n"
        "names the field. Devices are the host's own, as far as the caller may open them.",
    .examples = "podman --runtime /usr/local/bin/rbox-oci run --rm busybox echo hello\n"
                "rbox oci run --bundle ./web web1\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct oci_options_global),
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .run = oci,
};

static void write_log(const struct oci_options_global *o, const struct err *e)
{
    autoclose int fd = open(o->log, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);
    autofree char *line = NULL;
    char now[CLOCK_TEXT_BYTES];

    (void)clock_text(clock_realtime_ns(), now);
    if (str_eq(o->log_format, "json")) {
        json_auto_t *entry =
            json_pack("{s:o, s:s, s:s}", "msg", json_str(e->msg), "level", "error", "time", now);
        autofree char *text = json_text(entry);

        line = xasprintf("%s\n", text);
    } else {
        line = xasprintf("%s: %s\n", now, e->msg);
    }
    if (fd < 0 || fd_write_all(fd, line, strlen(line)) < 0) {
        debug("cannot write --log '%s'", o->log);
    }
}

/* ---- the command after the options */

static void print_version(void)
{
    (void)printf("rbox version %s\nspec: 1.1.0\n", RBOX_VERSION);
}

static int dispatch(struct ctx *ctx, int argc, char **argv, struct err *e)
{
    char **words = xcalloc((size_t)argc + 2, sizeof(*words));
    char name[] = "oci";
    const struct cmd *c = NULL;
    int count = 0;
    int r = 0;

    words[0] = name;
    memcpy(words + 1, argv, (size_t)argc * sizeof(*argv));
    c = cmd_find(argc + 1, words, &count);
    if (c == NULL || count < 2) {
        (void)err_new(e, EINVAL, "unknown command '%s' of an OCI runtime", argv[0]);
        r = err_hint(e, "rbox oci --help");
    } else {
        r = cmd_run_row(ctx, c, argc + 1 - count, words + count, e);
    }
    free(words);
    return r;
}

static int oci(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_options_global *o = options;
    int r = 0;

    if (ctx->version) {
        print_version();
        return 0;
    }
    if (argc == 0) {
        help_commands(stdout, "oci");
        return 0;
    }
    if (o->systemd_cgroup) {
        free(ctx->cgroup_manager);
        ctx->cgroup_manager = xstrdup("systemd");
    }
    r = dispatch(ctx, argc, argv, e);
    if (r < 0 && o->log != NULL) {
        write_log(o, e);
    }
    return r;
}

/* ---- shared */

int oci_open_root(const struct ctx *ctx, int *ret_root_fd, struct err *e)
{
    return oci_state_open_root(ctx->root, ret_root_fd, e);
}

int oci_open(const struct ctx *ctx, const char *id, int *ret_root_fd, struct oci_state *ret,
             struct err *e)
{
    int r = oci_open_root(ctx, ret_root_fd, e);

    return r < 0 ? r : oci_state_open(*ret_root_fd, id, ret, e);
}
