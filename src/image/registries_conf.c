/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registries.conf, one file of it; declared in registries.h. */
#include "base/cleanup.h"
#include "image/registries.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MIRROR "registry.mirror"

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
    if (!is_array && (strcmp(c->section, "registry") == 0 || strcmp(c->section, MIRROR) == 0)) {
        return conf_error(c, "each registry and mirror is a section in double brackets", e);
    }
    if (is_array && strcmp(c->section, "registry") == 0) {
        (void)add_rule(c->r);
    } else if (is_array && strcmp(c->section, MIRROR) == 0) {
        struct registry_rule *rule = last_rule(c->r);

        if (rule == NULL) {
            return conf_error(c, "a mirror without a registry before it", e);
        }
        rule->mirrors = xrealloc(rule->mirrors, rule->mirror_count + 1, sizeof(*rule->mirrors));
        memset(&rule->mirrors[rule->mirror_count++], 0, sizeof(*rule->mirrors));
    }
    return 0;
}

/* ---- values */

enum conf_kind {
    CONF_STRING,
    CONF_BOOL,
    CONF_LIST, /* of strings */
    CONF_OTHER /* a number, a date, an inline table: no key that matters here has one */
};

struct conf_value {
    enum conf_kind kind;
    char *text;
    int truth;
    struct strv list;
};

static void set_alias(struct registries *r, const char *key, const struct conf_value *v)
{
    strv_push(&r->aliases, key);
    strv_push(&r->aliases, v->text);
}

static void set_search(struct registries *r, const char *key, const struct conf_value *v)
{
    (void)key;
    strv_done(&r->search);
    strv_append(&r->search, &v->list);
}

static void add_insecure(struct registries *r, const char *key, const struct conf_value *v)
{
    (void)key;
    for (size_t i = 0; i < v->list.len; i++) {
        struct registry_rule *rule = add_rule(r);

        rule->place.location = xstrdup(v->list.v[i]);
        rule->place.insecure = 1;
    }
}

/* The keys that matter here. */
static const struct conf_key {
    const char *section;
    const char *key; /* NULL: any */
    enum conf_kind kind;
    size_t offset; /* in the last registry_rule, or of a mirror the last registry_place */
    void (*set)(struct registries *r, const char *key, const struct conf_value *v); /* else */
} KEYS[] = {
    {"registry", "prefix", CONF_STRING, offsetof(struct registry_rule, prefix), NULL},
    {"registry", "location", CONF_STRING, offsetof(struct registry_rule, place.location), NULL},
    {"registry", "insecure", CONF_BOOL, offsetof(struct registry_rule, place.insecure), NULL},
    {"registry", "blocked", CONF_BOOL, offsetof(struct registry_rule, blocked), NULL},
    {MIRROR, "location", CONF_STRING, offsetof(struct registry_place, location), NULL},
    {MIRROR, "insecure", CONF_BOOL, offsetof(struct registry_place, insecure), NULL},
    {"aliases", NULL, CONF_STRING, 0, set_alias},
    {"", "unqualified-search-registries", CONF_LIST, 0, set_search},
    /* as files were written before 2020 */
    {"registries.search", "registries", CONF_LIST, 0, set_search},
    {"registries.insecure", "registries", CONF_LIST, 0, add_insecure},
};

static void set_field(const struct registries *r, const struct conf_key *k,
                      const struct conf_value *v)
{
    struct registry_rule *rule = &r->rules[r->rule_count - 1]; /* the section has made it */
    void *object = rule;
    void *field = NULL;

    if (strcmp(k->section, MIRROR) == 0) {
        object = &rule->mirrors[rule->mirror_count - 1];
    }
    field = (char *)object + k->offset;
    if (k->kind == CONF_BOOL) {
        *(int *)field = v->truth;
    } else {
        char **text = field;

        free(*text);
        *text = xstrdup(v->text);
    }
}

static const struct conf_key *find_key(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        if (strcmp(KEYS[i].section, section) == 0 &&
            (KEYS[i].key == NULL || strcmp(KEYS[i].key, key) == 0)) {
            return &KEYS[i];
        }
    }
    return NULL;
}

static enum conf_kind kind_of(const char *p)
{
    return *p == '"' || *p == '\''                                         ? CONF_STRING
           : *p == '['                                                     ? CONF_LIST
           : str_after(p, "true") != NULL || str_after(p, "false") != NULL ? CONF_BOOL
                                                                           : CONF_OTHER;
}

/* What @key must be is said of one that is something else. */
static int check_kind(const struct conf_reader *c, const struct conf_key *k, const char *key,
                      enum conf_kind kind, struct err *e)
{
    static const char *const KINDS[] = {[CONF_STRING] = "a string, in quotes",
                                        [CONF_BOOL] = "true or false, without quotes",
                                        [CONF_LIST] = "a list of strings, in square brackets"};
    autofree char *what = NULL;

    if (k == NULL || k->kind == kind) {
        return 0;
    }
    what = xasprintf("'%s' must be %s", key, KINDS[k->kind]);
    return conf_error(c, what, e);
}

static int read_value(struct conf_reader *c, const char *key, struct err *e)
{
    const struct conf_key *k = find_key(c->section, key);
    struct conf_value v = {.kind = kind_of(c->p)};
    int r = check_kind(c, k, key, v.kind, e);

    if (r < 0) {
        return r;
    }
    switch (v.kind) {
    case CONF_STRING:
        r = read_string(c, &v.text, e);
        break;
    case CONF_LIST:
        r = read_list(c, &v.list, e);
        break;
    case CONF_BOOL:
        v.truth = *c->p == 't';
        c->p += v.truth ? 4 : 5;
        break;
    case CONF_OTHER:
        c->p += strcspn(c->p, "\n");
        break;
    }
    if (r == 0 && k != NULL && k->set != NULL) {
        k->set(c->r, key, &v);
    } else if (r == 0 && k != NULL) {
        set_field(c->r, k, &v);
    }
    free(v.text);
    strv_done(&v.list);
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
