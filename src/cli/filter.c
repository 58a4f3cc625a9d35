/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/filter.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "box/find.h"
#include "spec/spec_join.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct filter_term {
    size_t key;        /* its row in KEYS */
    const char *value; /* borrowed */
    regex_t regex;     /* for KEYS that have one */
    int64_t when_ns;   /* for those that compare times */
};

static int prepare_regex(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return regcomp(&t->regex, t->value, REG_EXTENDED | REG_NOSUB) == 0
               ? 0
               : err_new(e, EINVAL, "--filter: '%s' is not a regular expression", t->value);
}

static int prepare_container(const struct store *store, struct filter_term *t, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct container c;
    int r = find_container(store, t->value, &f, e);

    r = r < 0 ? r : container_glance(&f, &c, e);
    if (r < 0) {
        return r;
    }
    t->when_ns = c.created_ns;
    container_done(&c);
    return 0;
}

static int prepare_time(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return parse_time_ns(t->value, &t->when_ns, e) < 0 ? err_wrap(e, "--filter") : 0;
}

static int match_name(const struct container *c, const struct filter_term *t)
{
    return regexec(&t->regex, c->spec.box.name, 0, NULL, 0) == 0;
}

static int match_id(const struct container *c, const struct filter_term *t)
{
    return str_after(c->spec.box.id, t->value) != NULL;
}

static int match_status(const struct container *c, const struct filter_term *t)
{
    return strcmp(container_state(c), t->value) == 0;
}

static int match_label(const struct container *c, const struct filter_term *t)
{
    return spec_env_has(&c->spec.box.labels, t->value);
}

static int match_ancestor(const struct container *c, const struct filter_term *t)
{
    const char *name = c->spec.box.image_name;
    const char *at = name != NULL ? strstr(name, t->value) : NULL;
    const char *id =
        c->spec.box.image_id != NULL ? str_after(c->spec.box.image_id, "sha256:") : NULL;

    /* a whole name, from a slash on, with or without the tag */
    if (at != NULL && (at == name || at[-1] == '/') && strchr(":", at[strlen(t->value)]) != NULL) {
        return 1;
    }
    return id != NULL && strlen(t->value) >= 3 && str_after(id, t->value) != NULL;
}

static int match_exited(const struct container *c, const struct filter_term *t)
{
    autofree char *status = xasprintf("%d", (int)c->status);

    return c->has_ended && strcmp(status, t->value) == 0;
}

static int match_health(const struct container *c, const struct filter_term *t)
{
    return strcmp(container_health(c), t->value) == 0;
}

static int match_before(const struct container *c, const struct filter_term *t)
{
    return c->created_ns < t->when_ns;
}

static int match_since(const struct container *c, const struct filter_term *t)
{
    return c->created_ns > t->when_ns;
}

static int match_volume(const struct container *c, const struct filter_term *t)
{
    for (size_t i = 0; i < c->spec.mount_count; i++) {
        const struct spec_mount *m = &c->spec.mounts[i];

        if (str_eq(m->volume_name, t->value) || str_eq(m->destination, t->value)) {
            return 1;
        }
    }
    return 0;
}

static int match_network(const struct container *c, const struct filter_term *t)
{
    return spec_join_find(&c->spec.box.network, t->value) != NULL;
}

static const struct {
    const char *key;
    int (*match)(const struct container *c, const struct filter_term *t);
    int (*prepare)(const struct store *store, struct filter_term *t, struct err *e); /* or NULL */
    int wants_ended; /* those that do not run are asked for */
    int wants_all;   /* of several, each must match */
} KEYS[] = {
    {.key = "name", .match = match_name, .prepare = prepare_regex},
    {.key = "id", .match = match_id},
    {.key = "status", .match = match_status, .wants_ended = 1},
    {.key = "label", .match = match_label, .wants_all = 1},
    {.key = "ancestor", .match = match_ancestor},
    {.key = "exited", .match = match_exited, .wants_ended = 1},
    {.key = "health", .match = match_health},
    {.key = "before", .match = match_before, .prepare = prepare_container},
    {.key = "since", .match = match_since, .prepare = prepare_container},
    {.key = "until", .match = match_before, .prepare = prepare_time},
    {.key = "volume", .match = match_volume},
    {.key = "network", .match = match_network},
};

enum {
    KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0])
};

/* The row of "key=value", or KEY_COUNT. */
static size_t find_key(const char *filter)
{
    size_t len = strcspn(filter, "=");
    size_t i = 0;

    while (i < KEY_COUNT &&
           (strlen(KEYS[i].key) != len || strncmp(KEYS[i].key, filter, len) != 0)) {
        i++;
    }
    return filter[len] == '=' ? i : KEY_COUNT;
}

int filter_parse(const char *value, void *list, struct err *e)
{
    struct buf keys = {0};

    if (find_key(value) < KEY_COUNT) {
        strv_push(list, value);
        return 0;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        buf_printf(&keys, "%s%s=", i == 0 ? "" : i + 1 == KEY_COUNT ? " or " : ", ", KEYS[i].key);
    }
    (void)err_new(e, EINVAL, "'%s' is not a filter", value);
    (void)err_hint(e, "%s", keys.data);
    buf_done(&keys);
    return -EINVAL;
}

int filter_open(const struct store *store, const struct strv *filters, struct filter *ret,
                struct err *e)
{
    struct filter f = {.terms = xcalloc(filters->len, sizeof(*f.terms))};

    for (size_t i = 0; i < filters->len; i++) {
        struct filter_term *t = &f.terms[i];

        t->key = find_key(filters->v[i]);
        t->value = strchr(filters->v[i], '=') + 1;
        if (KEYS[t->key].prepare != NULL && KEYS[t->key].prepare(store, t, e) < 0) {
            filter_done(&f);
            return -e->errnum;
        }
        f.count++;
    }
    *ret = f;
    return 0;
}

int filter_matches(const struct filter *f, const struct container *c)
{
    enum {
        NOT_ASKED,
        NO,
        YES
    } found[KEY_COUNT] = {NOT_ASKED};

    for (size_t i = 0; i < f->count; i++) {
        const struct filter_term *t = &f->terms[i];
        int matches = KEYS[t->key].match(c, t);

        if (found[t->key] == NOT_ASKED || (matches != 0) != KEYS[t->key].wants_all) {
            found[t->key] = matches ? YES : NO;
        }
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (found[i] == NO) {
            return 0;
        }
    }
    return 1;
}

int filter_wants_ended(const struct strv *filters)
{
    int wants = 0;

    for (size_t i = 0; i < filters->len; i++) {
        wants |= KEYS[find_key(filters->v[i])].wants_ended;
    }
    return wants;
}

void filter_done(struct filter *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (KEYS[f->terms[i].key].prepare == prepare_regex) {
            regfree(&f->terms[i].regex);
        }
    }
    free(f->terms);
    *f = (struct filter){0};
}
