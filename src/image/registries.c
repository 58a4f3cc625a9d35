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

/* ---- the part of TOML (https://toml.io) that these files use: tables, arrays of tables, strings,
 * booleans, and lists of strings that may go over several lines */

struct conf_reader {
    struct registries *r;
    const char *path;
    const char *p; /* what is left to read */
    int line;
    char *section;
};

static int conf_error(const struct conf_reader *c, const char *what, struct err *e)
{
    return err_new(e, EINVAL, "%s, line %d: %s", c->path, c->line, what);
}

static void skip_space(struct conf_reader *c, int over_lines)
{
    for (;;) {
        c->p += strspn(c->p, " \t\r");
        if (*c->p == '#') {
            c->p += strcspn(c->p, "\n");
        }
        if (!over_lines || *c->p != '\n') {
            return;
        }
        c->p++;
        c->line++;
    }
}

static int read_string(struct conf_reader *c, char **ret, struct err *e)
{
    char quote = *c->p;
    struct buf b = {0};

    for (c->p++; *c->p != quote; c->p++) {
        if (*c->p == '\0' || *c->p == '\n') {
            buf_done(&b);
            return conf_error(c, "a string without its end", e);
        }
        if (quote == '"' && *c->p == '\\' && c->p[1] != '\0' && c->p[1] != '\n') {
            c->p++;
        }
        buf_add(&b, c->p, 1);
    }
    c->p++;
    *ret = b.data != NULL ? b.data : xstrdup("");
    return 0;
}

static int read_list(struct conf_reader *c, struct strv *ret, struct err *e)
{
    for (c->p++;;) {
        char *item = NULL;

        skip_space(c, 1);
        if (*c->p == ']') {
            c->p++;
            return 0;
        }
        if (*c->p == ',') {
            c->p++;
        } else if (*c->p == '"' || *c->p == '\'') {
            if (read_string(c, &item, e) < 0) {
                return -e->errnum;
            }
            strv_take(ret, item);
        } else {
            return conf_error(c, "a list of something else than strings", e);
        }
    }
}

static struct registry_rule *last_rule(struct registries *r)
{
    return r->rule_count > 0 ? &r->rules[r->rule_count - 1] : NULL;
}

static struct registry_rule *add_rule(struct registries *r)
{
    r->rules = xrealloc(r->rules, r->rule_count + 1, sizeof(*r->rules));
    memset(&r->rules[r->rule_count], 0, sizeof(*r->rules));
    return &r->rules[r->rule_count++];
}

static int begin_section(struct conf_reader *c, struct err *e)
{
    int is_array = c->p[1] == '[';
    size_t len = 0;

    c->p += is_array ? 2 : 1;
    len = strcspn(c->p, "]\n");
    free(c->section);
    c->section = xstrndup(c->p, len);
    c->p += len;
    if (strncmp(c->p, is_array ? "]]" : "]", is_array ? 2 : 1) != 0) {
        return conf_error(c, "a section without its end", e);
    }
    c->p += is_array ? 2 : 1;
    if (!is_array &&
        (strcmp(c->section, "registry") == 0 || strcmp(c->section, "registry.mirror") == 0)) {
        return conf_error(c, "each registry and mirror is a section in double brackets", e);
    }
    if (is_array && strcmp(c->section, "registry") == 0) {
        (void)add_rule(c->r);
    } else if (is_array && strcmp(c->section, "registry.mirror") == 0) {
        struct registry_rule *rule = last_rule(c->r);

        if (rule == NULL) {
            return conf_error(c, "a mirror without a registry before it", e);
        }
        rule->mirrors = xrealloc(rule->mirrors, rule->mirror_count + 1, sizeof(*rule->mirrors));
        memset(&rule->mirrors[rule->mirror_count++], 0, sizeof(*rule->mirrors));
    }
    return 0;
}

static void set_string(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

static void take_string(struct conf_reader *c, const char *key, const char *value)
{
    struct registry_rule *rule = last_rule(c->r);

    if (strcmp(c->section, "aliases") == 0) {
        strv_push(&c->r->aliases, key);
        strv_push(&c->r->aliases, value);
    } else if (strcmp(c->section, "registry") == 0 && strcmp(key, "prefix") == 0) {
        set_string(&rule->prefix, value);
    } else if (strcmp(c->section, "registry") == 0 && strcmp(key, "location") == 0) {
        set_string(&rule->place.location, value);
    } else if (strcmp(c->section, "registry.mirror") == 0 && strcmp(key, "location") == 0) {
        set_string(&rule->mirrors[rule->mirror_count - 1].location, value);
    }
}

static void take_bool(struct conf_reader *c, const char *key, int value)
{
    struct registry_rule *rule = last_rule(c->r);

    if (strcmp(c->section, "registry") == 0 && strcmp(key, "insecure") == 0) {
        rule->place.insecure = value;
    } else if (strcmp(c->section, "registry") == 0 && strcmp(key, "blocked") == 0) {
        rule->blocked = value;
    } else if (strcmp(c->section, "registry.mirror") == 0 && strcmp(key, "insecure") == 0) {
        rule->mirrors[rule->mirror_count - 1].insecure = value;
    }
}

/* The second is how files were written before 2020. */
static void take_list(struct conf_reader *c, const char *key, const struct strv *list)
{
    if ((*c->section == '\0' && strcmp(key, "unqualified-search-registries") == 0) ||
        (strcmp(c->section, "registries.search") == 0 && strcmp(key, "registries") == 0)) {
        strv_done(&c->r->search);
        strv_append(&c->r->search, list);
    } else if (strcmp(c->section, "registries.insecure") == 0 && strcmp(key, "registries") == 0) {
        for (size_t i = 0; i < list->len; i++) {
            struct registry_rule *rule = add_rule(c->r);

            set_string(&rule->place.location, list->v[i]);
            rule->place.insecure = 1;
        }
    }
}

static int read_value(struct conf_reader *c, const char *key, struct err *e)
{
    autostrv struct strv list = {0};
    autofree char *text = NULL;
    int r = 0;

    if (*c->p == '"' || *c->p == '\'') {
        r = read_string(c, &text, e);
        if (r == 0) {
            take_string(c, key, text);
        }
    } else if (*c->p == '[') {
        r = read_list(c, &list, e);
        if (r == 0) {
            take_list(c, key, &list);
        }
    } else if (str_after(c->p, "true") != NULL || str_after(c->p, "false") != NULL) {
        take_bool(c, key, *c->p == 't');
        c->p += *c->p == 't' ? 4 : 5;
    } else {
        /* A number, a date, an inline table: no key that matters here has one. */
        c->p += strcspn(c->p, "\n");
    }
    return r;
}

static int read_entry(struct conf_reader *c, struct err *e)
{
    autofree char *key = NULL;
    size_t len = 0;

    if (*c->p == '"' || *c->p == '\'') {
        if (read_string(c, &key, e) < 0) {
            return -e->errnum;
        }
    } else {
        len = strcspn(c->p, " \t=\r\n");
        key = xstrndup(c->p, len);
        c->p += len;
    }
    skip_space(c, 0);
    if (*c->p != '=') {
        return conf_error(c, "neither a section nor KEY = VALUE", e);
    }
    c->p++;
    skip_space(c, 0);
    if (read_value(c, key, e) < 0) {
        return -e->errnum;
    }
    skip_space(c, 0);
    return *c->p == '\0' || *c->p == '\n' ? 0 : conf_error(c, "something after a value", e);
}

int registries_parse(struct registries *r, const char *text, const char *path, struct err *e)
{
    struct conf_reader c = {.r = r, .path = path, .p = text, .line = 1, .section = xstrdup("")};
    size_t before = r->rule_count;
    int result = 0;

    for (skip_space(&c, 1); result == 0 && *c.p != '\0'; skip_space(&c, 1)) {
        result = *c.p == '[' ? begin_section(&c, e) : read_entry(&c, e);
    }
    free(c.section);
    for (size_t i = before; result == 0 && i < r->rule_count; i++) {
        struct registry_rule *rule = &r->rules[i];

        if (rule->prefix == NULL && rule->place.location == NULL) {
            return err_new(e, EINVAL, "%s: a registry with neither location nor prefix", path);
        }
        if (rule->prefix == NULL) {
            rule->prefix = xstrdup(rule->place.location);
        }
        if (rule->place.location == NULL && str_after(rule->prefix, "*.") == NULL) {
            rule->place.location = xstrdup(rule->prefix);
        }
    }
    return result;
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
