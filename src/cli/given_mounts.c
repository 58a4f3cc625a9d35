/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/given_mounts.h"

#include "base/cleanup.h"
#include "box/secrets.h"
#include "cli/container.h"
#include "image/secret.h"
#include "image/volume.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- volumes of other containers */

static int check_access(const char *access, const char *word, struct err *e)
{
    static const char *const KNOWN[] = {"ro", "rw", "z", "Z"};

    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (strcmp(access, KNOWN[i]) == 0) {
            return 0;
        }
    }
    return err_new(e, EINVAL, "--volumes-from %s: '%s' is not ro or rw", word, access);
}

/* Access to the copy is that asked for, or else the original's. */
static void copy_mount(const struct spec_mount *from, const char *access, struct spec *s)
{
    struct spec_mount *m = spec_add_mount(s);

    m->destination = xstrdup(from->destination);
    m->type = xstrdup(from->type);
    m->source = xstrdup_null(from->source);
    m->volume_name = xstrdup_null(from->volume_name);
    m->is_anonymous = from->is_anonymous;
    m->subpath = xstrdup_null(from->subpath);
    for (size_t i = 0; i < from->options.len; i++) {
        const char *option = from->options.v[i];

        if (access == NULL || (strcmp(option, "ro") != 0 && strcmp(option, "rw") != 0)) {
            strv_push(&m->options, option);
        }
    }
    if (access != NULL && access[0] == 'r') {
        strv_push(&m->options, access);
    }
}

static int copy_mounts(const struct store *store, const struct spec *from, const char *access,
                       struct spec *s, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < from->mount_count; i++) {
        const struct spec_mount *m = &from->mounts[i];

        if ((m->volume_name == NULL && !str_eq(m->type, "bind")) ||
            spec_find_mount(s, m->destination) != NULL) {
            continue;
        }
        copy_mount(m, access, s);
        r = m->is_anonymous ? volume_share(store, m->volume_name, e) : 0;
    }
    return r;
}

static int volumes_of(const struct store *store, const char *word, struct spec *s, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autofree char *name = xstrndup(word, strcspn(word, ":"));
    const char *access = word[strlen(name)] == ':' ? word + strlen(name) + 1 : NULL;
    struct container c;
    int r = access != NULL ? check_access(access, word, e) : 0;

    r = r < 0 ? r : find_container(store, name, &f, e);
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r == 0) {
        r = copy_mounts(store, &c.spec, access, s, e);
        container_done(&c);
    }
    return r;
}

int given_volumes(const struct store *store, const struct strv *from, struct spec *s, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < from->len; i++) {
        r = volumes_of(store, from->v[i], s, e);
    }
    return r;
}

/* ---- secrets */

enum {
    ID_MAX = INT32_MAX,
    MODE_MAX = 07777
};

struct secret_words {
    char *name;
    char *target;
    int is_env;
    struct strv options; /* uid= gid= mode= */
};

static void words_done(struct secret_words *w)
{
    free(w->name);
    free(w->target);
    strv_done(&w->options);
}

/* A number of podman's options, to be read again where it is used. */
static int check_number(const char *option, struct err *e)
{
    int is_mode = str_after(option, "mode=") != NULL;
    const char *value = strchr(option, '=') + 1;
    char *end = NULL;
    long number = strtol(value, &end, is_mode ? 8 : 10);

    return *value >= '0' && *value <= '9' && *end == '\0' && number <= (is_mode ? MODE_MAX : ID_MAX)
               ? 0
               : err_new(e, EINVAL, "--secret: '%s' is no %s", option,
                         is_mode ? "mode (0400)" : "id");
}

static void keep_word(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

static int parse_word(const char *word, int is_first, struct secret_words *w, struct err *e)
{
    const char *value = strchr(word, '=');

    if (value == NULL && is_first) {
        keep_word(&w->name, word);
    } else if (str_after(word, "source=") != NULL || str_after(word, "src=") != NULL) {
        keep_word(&w->name, value + 1);
    } else if (str_after(word, "target=") != NULL) {
        keep_word(&w->target, value + 1);
    } else if (strcmp(word, "type=env") == 0 || strcmp(word, "type=mount") == 0) {
        w->is_env = value[1] == 'e';
    } else if (str_after(word, "uid=") != NULL || str_after(word, "gid=") != NULL ||
               str_after(word, "mode=") != NULL) {
        strv_push(&w->options, word);
        return check_number(word, e);
    } else {
        return err_new(e, EINVAL,
                       "--secret has source=, target=, type=mount|env, uid=, gid= and mode=, not "
                       "'%s'",
                       word);
    }
    return 0;
}

static int parse_secret(const char *text, struct secret_words *ret, struct err *e)
{
    autostrv struct strv parts = {0};
    int r = 0;

    strv_split(&parts, text, ',');
    for (size_t i = 0; r == 0 && i < parts.len; i++) {
        r = parse_word(parts.v[i], i == 0, ret, e);
    }
    if (r < 0) {
        return r;
    }
    if (ret->name == NULL || strchr(ret->name, '/') != NULL || *ret->name == '\0') {
        return err_new(e, EINVAL, "--secret '%s' names no secret", text);
    }
    if (ret->is_env && ret->options.len > 0) {
        return err_new(e, EINVAL, "--secret '%s': a variable has no owner and no mode", text);
    }
    return 0;
}

/* Its value is read when the container starts, and is in its environment alone. */
static int add_variable(const struct secret_words *w, struct spec *s, struct err *e)
{
    const char *variable = w->target != NULL ? w->target : w->name;

    if (*variable == '\0' || strchr(variable, '=') != NULL) {
        return err_new(e, EINVAL, "--secret: '%s' is no name of a variable", variable);
    }
    strv_pushf(&s->box.secret_env, "%s=%s", variable, w->name);
    return 0;
}

static int add_file(struct secret_words *w, struct spec *s, struct err *e)
{
    const char *target = w->target != NULL ? w->target : w->name;
    autofree char *path = *target == '/' ? xstrdup(target) : xasprintf("/run/secrets/%s", target);
    struct spec_mount *m = NULL;
    char *place = spec_clean_path(path);

    if (place == NULL || spec_find_mount(s, place) != NULL) {
        free(place);
        return err_new(e, EINVAL, "--secret: there can be no file at '%s'", path);
    }
    m = spec_add_mount(s);
    m->type = xstrdup("secret");
    m->source = xstrdup(w->name);
    m->destination = place;
    strv_push(&m->options, "ro");
    strv_append(&m->options, &w->options);
    return 0;
}

static int add_secret(const struct store *store, struct secret_words *w, struct spec *s,
                      struct err *e)
{
    if (secret_created_s(store, w->name) < 0) {
        return secrets_missing(w->name, e);
    }
    return w->is_env ? add_variable(w, s, e) : add_file(w, s, e);
}

int given_secrets(const struct store *store, const struct strv *names, struct spec *s,
                  struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        struct secret_words w = {0};

        r = parse_secret(names->v[i], &w, e);
        r = r < 0 ? r : add_secret(store, &w, s, e);
        words_done(&w);
    }
    return r;
}
