/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registries.h"

#include "base/cleanup.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONF_BYTES_MAX = 1 << 20
};

static void rule_done(struct registry_rule *r)
{
    for (size_t i = 0; i < r->mirror_count; i++) {
        free(r->mirrors[i].location);
    }
    free(r->mirrors);
    free(r->place.location);
    free(r->prefix);
}

void registries_done(struct registries *r)
{
    for (size_t i = 0; i < r->rule_count; i++) {
        rule_done(&r->rules[i]);
    }
    free(r->rules);
    strv_done(&r->search);
    strv_done(&r->aliases);
    memset(r, 0, sizeof(*r));
}

/* ---- the files */

static int read_conf(struct registries *r, const char *path, struct err *e)
{
    autofree char *text = NULL;
    int result = file_read_followed(AT_FDCWD, path, CONF_BYTES_MAX, &text, NULL, e);

    if (result == -ENOENT || result == -ENOTDIR) {
        err_clear(e);
        return -ENOENT;
    }
    return result < 0 ? result : registries_parse(r, text, path, e);
}

static int is_conf(const struct dirent *d)
{
    return d->d_name[0] != '.' && str_ends(d->d_name, ".conf");
}

static int read_folder(struct registries *r, const char *folder, struct err *e)
{
    struct dirent **list = NULL;
    int count = scandir(folder, &list, is_conf, alphasort);
    int result = 0;

    for (int i = 0; i < count; i++) {
        autofree char *path = xasprintf("%s/%s", folder, list[i]->d_name);

        result = result < 0 ? result : read_conf(r, path, e);
        result = result == -ENOENT ? 0 : result;
        free(list[i]);
    }
    free(list);
    return result;
}

int registries_read(struct registries *ret, struct err *e)
{
    const char *home = getenv("HOME");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *chosen = getenv("CONTAINERS_REGISTRIES_CONF");
    autofree char *own = config != NULL && *config == '/'
                             ? xstrdup(config)
                             : xasprintf("%s/.config", home != NULL ? home : "");
    autostrv struct strv paths = {0};
    struct registries r = {0};
    int result = -ENOENT;

    chosen = chosen != NULL && *chosen != '\0' ? chosen : NULL;
    if (chosen != NULL) {
        strv_push(&paths, chosen);
    } else {
        strv_pushf(&paths, "%s/rbox/registries.conf", own);
        strv_pushf(&paths, "%s/containers/registries.conf", own);
        strv_push(&paths, "/etc/rbox/registries.conf");
        strv_push(&paths, "/etc/containers/registries.conf");
    }
    for (size_t i = 0; result == -ENOENT && i < paths.len; i++) {
        result = read_conf(&r, paths.v[i], e);
    }
    if (result == -ENOENT) {
        result = 0;
    }
    if (result == 0 && chosen == NULL) {
        result = read_folder(&r, "/etc/containers/registries.conf.d", e);
    }
    if (result < 0) {
        registries_done(&r);
        return result;
    }
    *ret = r;
    return 0;
}

/* ---- names */

/* A short name without what was filled in: "busybox", "a/b". */
static const char *short_part(const struct image_ref *ref)
{
    const char *rest = str_after(ref->repository, "library/");

    return rest != NULL ? rest : ref->repository;
}

static void push_name(const char *place, const char *name, const struct image_ref *ref,
                      struct strv *ret)
{
    autofree char *text =
        xasprintf("%s%s%s%s%s", place, *name != '\0' ? "/" : "", name,
                  ref->digest != NULL ? "@" : ":", ref->digest != NULL ? ref->digest : ref->tag);
    struct image_ref full = {0};
    struct err ignored = {0};

    if (image_ref_parse(text, &full, &ignored) == 0) {
        strv_take(ret, image_ref_text(&full));
        image_ref_done(&full);
    }
}

void registries_names(const struct registries *r, const struct image_ref *ref, struct strv *ret)
{
    const char *first = getenv("RBOX_DEFAULT_REGISTRY");

    if (!ref->is_short) {
        strv_take(ret, image_ref_text(ref));
        return;
    }
    for (size_t i = 0; i + 1 < r->aliases.len; i += 2) {
        if (strcmp(r->aliases.v[i], short_part(ref)) == 0) {
            push_name(r->aliases.v[i + 1], "", ref, ret);
            return;
        }
    }
    if (first != NULL && *first != '\0') {
        push_name(first, short_part(ref), ref, ret);
        return;
    }
    for (size_t i = 0; i < r->search.len; i++) {
        push_name(r->search.v[i], short_part(ref), ref, ret);
    }
    if (ret->len == 0) {
        strv_take(ret, image_ref_text(ref));
    }
}

/* How many bytes of "host/repository" the prefix covers; 0: it does not. */
static size_t covers(const char *prefix, const char *name)
{
    const char *rest = NULL;

    if (str_after(prefix, "*.") != NULL) {
        size_t host = strcspn(name, "/:");
        size_t len = strlen(prefix) - 1;

        return host > len && strncmp(name + host - len, prefix + 1, len) == 0 ? host : 0;
    }
    rest = str_after(name, prefix);
    return rest != NULL && (*rest == '\0' || strchr("/:@", *rest) != NULL) ? strlen(prefix) : 0;
}

const struct registry_rule *registries_rule(const struct registries *r, const struct image_ref *ref)
{
    autofree char *name = xasprintf("%s/%s", ref->registry, ref->repository);
    const struct registry_rule *best = NULL;
    size_t best_len = 0;

    for (size_t i = 0; i < r->rule_count; i++) {
        size_t len = covers(r->rules[i].prefix, name);

        if (len > best_len) {
            best = &r->rules[i];
            best_len = len;
        }
    }
    return best;
}

void registries_split(const struct registry_rule *rule, const struct registry_place *place,
                      const struct image_ref *ref, char **ret_host, char **ret_repository)
{
    autofree char *name = xasprintf("%s/%s", ref->registry, ref->repository);
    autofree char *moved = NULL;
    size_t len = rule != NULL && place->location != NULL ? covers(rule->prefix, name) : 0;
    size_t host = 0;

    moved = len > 0 ? xasprintf("%s%s", place->location, name + len) : xstrdup(name);
    host = strcspn(moved, "/");
    *ret_host = xstrndup(moved, host);
    *ret_repository = xstrdup(moved[host] == '/' ? moved + host + 1 : "");
}
