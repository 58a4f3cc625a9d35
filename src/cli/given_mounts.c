/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/given_mounts.h"

#include "base/cleanup.h"
#include "cli/container.h"
#include "image/secret.h"
#include "spec/spec_parse.h"

#include <errno.h>
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

static int copy_mounts(const struct spec *from, const char *name, const char *access,
                       struct spec *s, struct err *e)
{
    for (size_t i = 0; i < from->mount_count; i++) {
        const struct spec_mount *m = &from->mounts[i];
        int is_volume = str_eq(m->type, "volume");

        if ((!is_volume && !str_eq(m->type, "bind")) ||
            spec_find_mount(s, m->destination) != NULL) {
            continue;
        }
        if (is_volume && m->volume_name == NULL) {
            (void)err_new(e, ENOTSUP,
                          "the volume '%s' of '%s' has no name: it is that container's alone",
                          m->destination, name);
            return err_hint(e, "rbox run -v NAME:%s …", m->destination);
        }
        copy_mount(m, access, s);
    }
    return 0;
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
        r = copy_mounts(&c.spec, name, access, s, e);
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

struct secret_words {
    char *name;
    char *target; /* absolute */
};

static int parse_secret(const char *text, struct secret_words *ret, struct err *e)
{
    autostrv struct strv parts = {0};
    const char *target = NULL;

    strv_split(&parts, text, ',');
    for (size_t i = 0; i < parts.len; i++) {
        const char *value = NULL;

        if (i == 0 && strchr(parts.v[i], '=') == NULL) {
            ret->name = xstrdup(parts.v[i]);
        } else if ((value = str_after(parts.v[i], "source=")) != NULL) {
            free(ret->name);
            ret->name = xstrdup(value);
        } else if ((value = str_after(parts.v[i], "target=")) != NULL) {
            target = value;
        } else if (strcmp(parts.v[i], "type=mount") != 0) {
            return err_new(
                e, ENOTSUP,
                "--secret has source=, target= and type=mount, not '%s': a secret is a file "
                "that all users of the container may read",
                parts.v[i]);
        }
    }
    if (ret->name == NULL || strchr(ret->name, '/') != NULL || *ret->name == '\0') {
        return err_new(e, EINVAL, "--secret '%s' names no secret", text);
    }
    ret->target = target != NULL && target[0] == '/'
                      ? xstrdup(target)
                      : xasprintf("/run/secrets/%s", target != NULL ? target : ret->name);
    return 0;
}

static int add_secret(const struct store *store, const struct secret_words *w, struct spec *s,
                      struct err *e)
{
    struct spec_mount *m = NULL;
    char *place = spec_clean_path(w->target);

    if (place == NULL || spec_find_mount(s, place) != NULL) {
        (void)err_new(e, EINVAL, "--secret: there can be no file at '%s'", w->target);
        free(place);
        return -e->errnum;
    }
    if (secret_created_s(store, w->name) < 0) {
        free(place);
        (void)err_new(e, ENOENT, "there is no secret '%s'", w->name);
        return err_hint(e, "rbox secret create %s FILE", w->name);
    }
    m = spec_add_mount(s);
    m->type = xstrdup("bind");
    m->source = secret_path(store, w->name);
    m->destination = place;
    strv_push(&m->options, "ro");
    return 0;
}

int given_secrets(const struct store *store, const struct strv *names, struct spec *s,
                  struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        struct secret_words w = {0};

        r = parse_secret(names->v[i], &w, e);
        r = r < 0 ? r : add_secret(store, &w, s, e);
        free(w.name);
        free(w.target);
    }
    return r;
}
