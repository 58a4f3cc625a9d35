/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/hints.h"
#include "cli/cmd.h"
#include "cli/probe.h"
#include "cli/run_options.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FAILS_MAX = 100 /* below the exit codes that mean something else */
};

struct doctor_options {
    int json;
    int print_apparmor;
    char *net;
};

static const struct opt OPTIONS[] = {
    {"json", 0, NULL, OPT_FLAG, offsetof(struct doctor_options, json), "print the result as JSON",
     NULL},
    {"print-apparmor", 0, NULL, OPT_FLAG, offsetof(struct doctor_options, print_apparmor),
     "print an AppArmor profile that lets this rbox create user namespaces", NULL},
    {"net", 0, "IMAGE", OPT_STRING, offsetof(struct doctor_options, net),
     "ask the image's registry, too", NULL},
    {0},
};

static int doctor(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_doctor = {
    .names = {"doctor"},
    .group = CMD_SYSTEM,
    .summary = "check what this host gives rbox, and say how to get what is missing",
    .usage = "[options] [-- run OPTIONS…]",
    .description =
        "Each line is OK, WARN (rbox works, with less) or FAIL, with what was seen, and the\n"
        "command that fixes it. The exit status is the number of FAILs. With a command of rbox's\n"
        "behind --, only what that one needs is checked, and what it would lack is a FAIL.",
    .examples = "rbox doctor\nrbox doctor --json\nrbox doctor -- run -m 1g -p 80:80 web\n",
    .options = OPTIONS,
    .options_size = sizeof(struct doctor_options),
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .run = doctor,
};

static const char *const LEVELS[] = {
    [PROBE_OK] = "OK", [PROBE_WARN] = "WARN", [PROBE_FAIL] = "FAIL"};

static void print_result(const struct probe *p, const struct probe_result *r)
{
    const struct hint *h = hint_find(p->id);
    autofree char *fix = probe_fix(p, r);

    (void)printf("%-4s  RBX-%d  %s: %s\n", LEVELS[r->level], (int)p->id, p->what, r->evidence);
    if (r->level != PROBE_OK && h != NULL) {
        (void)printf("      %s: %s\n", h->who == HINT_WHO_ROOT ? "an administrator runs" : "run",
                     fix);
    }
}

static json_t *result_json(const struct probe *p, const struct probe_result *r)
{
    const struct hint *h = hint_find(p->id);
    autofree char *fix = probe_fix(p, r);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "check", p->what, "level", LEVELS[r->level],
                          "evidence", r->evidence, "fix", fix);
    char id[16];

    (void)snprintf(id, sizeof(id), "RBX-%d", (int)p->id);
    (void)json_object_set_new(o, "id", json_string(id));
    (void)json_object_set_new(o, "who",
                              json_string(h != NULL && h->who == HINT_WHO_ROOT ? "root" : "user"));
    return o;
}

static void print_apparmor(void)
{
    char path[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';
    (void)printf("abi <abi/4.0>,\ninclude <tunables/global>\n\nprofile rbox %s flags=(unconfined) "
                 "{\n  userns,\n\n"
                 "  include if exists <local/rbox>\n}\n",
                 path);
}

/* @argv as words of a shell. The caller owns it. */
static char *shell_words(int argc, char **argv)
{
    struct buf b = {0};

    for (int i = 0; i < argc; i++) {
        autofree char *word = str_shell(argv[i]);

        buf_printf(&b, "%s%s", i > 0 ? " " : "", word);
    }
    return b.data;
}

/* The options of a run or create, as far as they can be read without an image. What they say goes
 * into @host, which borrows it but for its words. */
static int parse_wanted(struct ctx *ctx, int argc, char **argv, struct run_options *ret,
                        struct probe_host *host, struct err *e)
{
    const struct opts sets[] = {
        {.rows = RUN_OPTIONS, .refused = RUN_REFUSED, .fields = ret},
        {.rows = CMD_GLOBAL_OPTIONS, .fields = ctx},
    };
    int words = 0;
    const struct cmd *c = cmd_find(argc, argv, &words);
    int r = 0;

    if (c != &cmd_run && c != &cmd_create) {
        (void)err_new(e, EINVAL, "'%s' is not a command that doctor can look at", argv[0]);
        return err_hint(e, "rbox doctor -- run -m 1g busybox");
    }
    argc -= words;
    argv += words;
    host->words = shell_words(argc, argv);
    r = opts_parse(sets, 2, OPTS_STOP_AT_OPERAND, &argc, argv, e);
    ret->request.spec.box.storage_driver = xstrdup_null(ctx->storage_driver);
    host->wanted = &ret->request.spec;
    host->image = r == 0 && argc > 0 ? argv[0] : NULL;
    return r;
}

static int check_all(const struct probe_host *host, const struct doctor_options *o)
{
    const struct probe *p = NULL;
    json_auto_t *all = json_array();
    int fails = 0;

    for (size_t i = 0; (p = probe_at(i)) != NULL; i++) {
        struct probe_result r = {0};

        if (!probe_run(p, host, &r)) {
            continue;
        }
        fails += r.level == PROBE_FAIL;
        if (o->json) {
            (void)json_array_append_new(all, result_json(p, &r));
        } else {
            print_result(p, &r);
        }
        probe_result_done(&r);
    }
    if (o->json) {
        autofree char *text = json_dumps(all, JSON_INDENT(2));

        (void)puts(text);
    }
    return fails < FAILS_MAX ? fails : FAILS_MAX;
}

static int doctor(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct doctor_options *o = options;
    struct store *store = NULL;
    struct run_options wanted = {0};
    struct err store_error = {0};
    struct probe_host host = {.store_error = &store_error, .registry = o->net};
    int r = 0;

    if (o->print_apparmor) {
        print_apparmor();
        return 0;
    }
    run_options_init(&wanted);
    if (argc > 0) {
        r = parse_wanted(ctx, argc, argv, &wanted, &host, e);
    }
    if (r == 0) {
        host.store = ctx_store(ctx, &store, &store_error) < 0 ? NULL : store;
        r = check_all(&host, o);
    }
    run_options_done(&wanted);
    free(host.words);
    return r;
}
