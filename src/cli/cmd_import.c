/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "image/load.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct import_options {
    struct image_config config;
};

static int parse_change(const char *value, void *config, struct err *e);

static const struct opt OPTIONS[] = {
    {"change", 'c', "INSTRUCTION", OPT_PARSE, offsetof(struct import_options, config),
     "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR, as in a Dockerfile",
     parse_change},
    {0},
};

static const struct opt_refused REFUSED[] = {{"message", 'm', NULL},
                                             {"platform", 0, NULL},
                                             {"os", 0, NULL},
                                             {"arch", 0, NULL},
                                             {"variant", 0, NULL},
                                             {"quiet", 'q', NULL},
                                             {0}};

static void import_done(void *options);
static int import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_import = {
    .names = {"import", "image import"},
    .group = CMD_IMAGES,
    .summary = "make an image of a root file system tarball",
    .usage = "[options] FILE NAME",
    .description =
        "FILE is a tarball of a root file system, compressed or not; - is standard input.\n"
        "Prints the image's id.",
    .examples = "rbox import rootfs.tar.gz openwrt\n"
                "rbox import -c 'CMD [\"/bin/sh\"]' -c 'ENV A=b' - mine < rootfs.tar\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct import_options),
    .min_args = 2,
    .max_args = 2,
    .done = import_done,
    .run = import,
};

static void import_done(void *options)
{
    struct image_config *c = &((struct import_options *)options)->config;

    strv_done(&c->entrypoint);
    strv_done(&c->cmd);
    strv_done(&c->env);
    strv_done(&c->volumes);
    strv_done(&c->exposed_ports);
    strv_done(&c->labels);
    free(c->working_dir);
    free(c->user);
    free(c->stop_signal);
}

/* ---- --change */

/* A JSON array of words, else one line for a shell. */
static int parse_words(const char *text, struct strv *ret, struct err *e)
{
    json_t *words = NULL;
    size_t i = 0;
    json_t *word = NULL;
    int r = 0;

    strv_done(ret);
    if (text[0] != '[') {
        strv_push(ret, "/bin/sh");
        strv_push(ret, "-c");
        strv_push(ret, text);
        return 0;
    }
    r = json_parse(text, strlen(text), "the list", &words, e);
    json_array_foreach(words, i, word)
    {
        r = r < 0 || json_is_string(word) ? r
                                          : err_new(e, EINVAL, "the list has more than strings");
        strv_push(ret, json_is_string(word) ? json_string_value(word) : "");
    }
    json_decref(words);
    return r;
}

static int change_cmd(const char *text, struct image_config *c, struct err *e)
{
    return parse_words(text, &c->cmd, e);
}

static int change_entrypoint(const char *text, struct image_config *c, struct err *e)
{
    return parse_words(text, &c->entrypoint, e);
}

static int change_env(const char *text, struct image_config *c, struct err *e)
{
    return spec_parse_pair(text, &c->env, e);
}

static int change_label(const char *text, struct image_config *c, struct err *e)
{
    return spec_parse_pair(text, &c->labels, e);
}

static int change_expose(const char *text, struct image_config *c, struct err *e)
{
    return spec_parse_expose(text, &c->exposed_ports, e);
}

static int change_stop_signal(const char *text, struct image_config *c, struct err *e)
{
    int number = 0;
    int r = spec_parse_signal(text, &number, e);

    if (r == 0) {
        free(c->stop_signal);
        c->stop_signal = xstrdup(text);
    }
    return r;
}

static int change_user(const char *text, struct image_config *c, struct err *e)
{
    return spec_parse_user(text, &c->user, e);
}

static int change_volume(const char *text, struct image_config *c, struct err *e)
{
    char *place = spec_clean_path(text);

    if (place == NULL) {
        return err_new(e, EINVAL, "'%s' is not an absolute path", text);
    }
    strv_take(&c->volumes, place);
    return 0;
}

static int change_workdir(const char *text, struct image_config *c, struct err *e)
{
    return spec_parse_workdir(text, &c->working_dir, e);
}

static const struct {
    const char *name;
    int (*change)(const char *text, struct image_config *c, struct err *e);
} CHANGES[] = {
    {"CMD", change_cmd},         {"ENTRYPOINT", change_entrypoint},
    {"ENV", change_env},         {"EXPOSE", change_expose},
    {"LABEL", change_label},     {"STOPSIGNAL", change_stop_signal},
    {"USER", change_user},       {"VOLUME", change_volume},
    {"WORKDIR", change_workdir},
};

static int parse_change(const char *value, void *config, struct err *e)
{
    size_t len = strcspn(value, " =");
    const char *text = value + len + (value[len] != '\0');

    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
        if (strlen(CHANGES[i].name) == len && strncasecmp(CHANGES[i].name, value, len) == 0) {
            if (*text == '\0') {
                return err_new(e, EINVAL, "%s needs a value", CHANGES[i].name);
            }
            return CHANGES[i].change(text, config, e);
        }
    }
    return err_new(e, EINVAL, "'%.*s' is not an instruction that an image's config has", (int)len,
                   value);
}

/* ---- */

static int import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct import_options *o = options;
    int is_stdin = strcmp(argv[0], "-") == 0;
    autoclose int fd = is_stdin ? STDIN_FILENO : open(argv[0], O_RDONLY | O_CLOEXEC);
    autofree char *id = NULL;
    struct store *store = NULL;
    int r = fd < 0 ? err_set(e, errno, "cannot open '%s'", argv[0]) : ctx_store(ctx, &store, e);

    (void)argc;
    r = r < 0 ? r : load_import(store, fd, argv[1], &o->config, &id, e);
    if (r == 0) {
        (void)printf("%s\n", id);
    }
    return r;
}
