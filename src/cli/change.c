/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change.h"

#include "base/json.h"
#include "base/mem.h"
#include "spec/image_config.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

int change_parse(const char *value, void *config, struct err *e)
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
