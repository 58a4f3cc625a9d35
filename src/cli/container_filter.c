/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/container_filter.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "box/find.h"
#include "spec/spec_join.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static int prepare_regex(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    if (regcomp(&t->regex, t->value, REG_EXTENDED | REG_NOSUB) != 0) {
        return err_new(e, EINVAL, "--filter: '%s' is not a regular expression", t->value);
    }
    t->has_regex = 1;
    return 0;
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

static int match_name(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return regexec(&t->regex, c->spec.box.name, 0, NULL, 0) == 0;
}

static int match_id(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return str_after(c->spec.box.id, t->value) != NULL;
}

/* podman's states: those that rbox has not match nothing. */
static int prepare_status(const struct store *store, struct filter_term *t, struct err *e)
{
    static const char *const STATES[] = {"created",    "running",    "paused",      "exited",
                                         "stopped",    "restarting", "removing",    "dead",
                                         "configured", "stopping",   "initialized", "unknown"};

    (void)store;
    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++) {
        if (strcmp(t->value, STATES[i]) == 0) {
            return 0;
        }
    }
    (void)err_new(e, EINVAL, "--filter: '%s' is not the state of a container", t->value);
    return err_hint(e, "created, running, paused, exited or stopped");
}

static int match_status(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    const char *wanted = strcmp(t->value, "stopped") == 0 ? "exited" : t->value;

    return strcmp(container_state(c), wanted) == 0;
}

static int match_label(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return spec_env_has(&c->spec.box.labels, t->value);
}

static int match_ancestor(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
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

static int prepare_exited(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return parse_int64(t->value, 0, 255, &t->number, e) < 0 ? err_wrap(e, "--filter: exited") : 0;
}

static int match_exited(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return c->has_ended && c->status == t->number;
}

static int match_health(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return strcmp(container_health(c), t->value) == 0;
}

static int match_before(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return c->created_ns < t->when_ns;
}

static int match_since(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return c->created_ns > t->when_ns;
}

static int match_volume(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    for (size_t i = 0; i < c->spec.mount_count; i++) {
        const struct spec_mount *m = &c->spec.mounts[i];

        if (str_eq(m->volume_name, t->value) || str_eq(m->destination, t->value)) {
            return 1;
        }
    }
    return 0;
}

static int match_network(const void *row, const struct filter_term *t)
{
    const struct container *c = row;
    return spec_join_find(&c->spec.box.network, t->value) != NULL;
}

static const struct filter_key KEYS[] = {
    {.key = "name", .match = match_name, .prepare = prepare_regex},
    {.key = "id", .match = match_id},
    {.key = "status", .match = match_status, .prepare = prepare_status},
    {.key = "label", .match = match_label, .wants_all = 1},
    {.key = "ancestor", .match = match_ancestor},
    {.key = "exited", .match = match_exited, .prepare = prepare_exited},
    {.key = "health", .match = match_health},
    {.key = "before", .match = match_before, .prepare = prepare_container},
    {.key = "since", .match = match_since, .prepare = prepare_container},
    {.key = "until", .match = match_before, .prepare = filter_prepare_time},
    {.key = "volume", .match = match_volume},
    {.key = "network", .match = match_network},
    {0},
};

int container_filter_parse(const char *value, void *list, struct err *e)
{
    return filter_add(KEYS, value, list, e);
}

int container_filter_open(const struct store *store, const struct strv *filters, struct filter *ret,
                          struct err *e)
{
    return filter_open(KEYS, store, filters, ret, e);
}

int container_filter_wants_ended(const struct strv *filters)
{
    int wants = 0;

    for (size_t i = 0; i < filters->len; i++) {
        wants |= str_after(filters->v[i], "status=") != NULL ||
                 str_after(filters->v[i], "exited=") != NULL;
    }
    return wants;
}

int container_filter_matches(const struct filter *filter, const struct found *f)
{
    struct err ignored = {0};
    struct container c;
    int matches = 0;

    if (filter->count == 0) {
        return 1;
    }
    if (container_glance(f, &c, &ignored) < 0) {
        return 0;
    }
    matches = filter_matches(filter, &c);
    container_done(&c);
    return matches;
}
