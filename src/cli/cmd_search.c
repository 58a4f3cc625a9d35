/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/registry_list.h"
#include "cli/registry_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search_options {
    struct registry_options registry;
    char *format;
    int64_t limit;
    int list_tags;
    int no_trunc;
    int compatible;
    struct strv filters;
};

static int parse_filter(const char *value, void *field, struct err *e);

#define FIELD(name) offsetof(struct search_options, name)

static const struct opt OPTIONS[] = {
    {"limit", 0, "N", OPT_INT64, FIELD(limit), "at most so many (default: 25)", NULL},
    {"list-tags", 0, NULL, OPT_FLAG, FIELD(list_tags), "the tags of this repository", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "whole descriptions", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, or a template with .Index, .Name, .Description, .Stars, .Official, .Automated, .Tag",
     NULL},
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, FIELD(filters),
     "only these: stars=N or more, is-official=true or is-automated=true", parse_filter},
    {"compatible", 0, NULL, OPT_FLAG, FIELD(compatible), "docker's columns", NULL},
    REGISTRY_ACCESS_ROWS(struct search_options, registry),
    {0},
};

static const struct opt_refused REFUSED[] = {{"index", 0, ".Index of --format"}, {0}};

static void search_init(void *options);
static void search_done(void *options);
static int search(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_search = {
    .names = {"search", "image search"},
    .group = CMD_IMAGES,
    .summary = "look for images in a registry",
    .usage = "[options] [REGISTRY/]TERM",
    .description =
        "docker.io is searched by its index; another registry by its catalog, if it shows one.",
    .examples = "rbox search busybox\n"
                "rbox search localhost:5000/\n"
                "rbox search --list-tags localhost:5000/app\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct search_options),
    .min_args = 1,
    .max_args = 1,
    .init = search_init,
    .done = search_done,
    .run = search,
};

static const struct format_column FOUND[] = {
    {"NAME", "Name"}, {"DESCRIPTION", "Description"}, {NULL, NULL}};
static const struct format_column COMPATIBLE[] = {
    {"NAME", "Name"},         {"DESCRIPTION", "Description"}, {"STARS", "Stars"},
    {"OFFICIAL", "Official"}, {"AUTOMATED", "Automated"},     {NULL, NULL}};
static const struct format_column TAGS[] = {{"NAME", "Name"}, {"TAG", "Tag"}, {NULL, NULL}};

enum {
    LIMIT = 25,
    DESCRIPTION_CHARS = 60
};

static void search_init(void *options)
{
    struct search_options *o = options;

    o->limit = LIMIT;
}

static void search_done(void *options)
{
    strv_done(&((struct search_options *)options)->filters);
}

/* ---- filters: a row is what is printed of a find */

static int prepare_number(const struct store *store, struct filter_term *t, struct err *e)
{
    (void)store;
    return parse_int64(t->value, 0, INT64_MAX, &t->number, e) < 0 ? err_wrap(e, "--filter stars")
                                                                  : 0;
}

static int match_stars(const void *row, const struct filter_term *t)
{
    return json_integer_value(json_object_get(row, "Stars")) >= t->number;
}

static int has_mark(const void *row, const char *key)
{
    return json_string_length(json_object_get(row, key)) > 0;
}

static int match_official(const void *row, const struct filter_term *t)
{
    return has_mark(row, "Official") == t->is_true;
}

static int match_automated(const void *row, const struct filter_term *t)
{
    return has_mark(row, "Automated") == t->is_true;
}

static const struct filter_key FILTERS[] = {
    {.key = "stars", .match = match_stars, .prepare = prepare_number, .wants_all = 1},
    {.key = "is-official", .match = match_official, .prepare = filter_prepare_truth},
    {.key = "is-automated", .match = match_automated, .prepare = filter_prepare_truth},
    {0},
};

static int parse_filter(const char *value, void *field, struct err *e)
{
    return filter_add(FILTERS, value, field, e);
}

static char *shortened(const char *text, int whole)
{
    if (text == NULL || whole || strlen(text) <= DESCRIPTION_CHARS) {
        return xstrdup(text != NULL ? text : "");
    }
    return xasprintf("%.*s…", (int)format_cut(text, DESCRIPTION_CHARS), text);
}

/* A find, with podman's members. */
static json_t *find_row(const char *index, const char *name, const char *description)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "Index", index, "Name", name,
                     "Description", description, "Stars", 0, "Official", "", "Automated", "", "Tag",
                     "");
}

static void mark(json_t *row, const char *key, const json_t *hit, const char *from)
{
    if (json_is_true(json_object_get(hit, from))) {
        (void)json_object_set_new(row, key, json_string("[OK]"));
    }
}

/* docker.io's own index (https://docs.docker.com/reference/api/hub/). */
static void add_hub(json_t *rows, const json_t *answer, const struct search_options *o)
{
    const json_t *hit = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(answer, "results"), i, hit)
    {
        const char *name = json_string_value(json_object_get(hit, "name"));
        autofree char *full =
            xasprintf("docker.io/%s%s", name != NULL && strchr(name, '/') == NULL ? "library/" : "",
                      name != NULL ? name : "");
        autofree char *description =
            shortened(json_string_value(json_object_get(hit, "description")), o->no_trunc);

        json_t *row = find_row("docker.io", full, description);

        (void)json_object_set_new(
            row, "Stars", json_integer(json_integer_value(json_object_get(hit, "star_count"))));
        mark(row, "Official", hit, "is_official");
        mark(row, "Automated", hit, "is_automated");
        (void)json_array_append_new(rows, row);
    }
}

static void add_strings(json_t *rows, const json_t *list, const char *registry, const char *term,
                        int are_tags)
{
    const json_t *s = NULL;
    size_t i = 0;

    json_array_foreach(list, i, s)
    {
        const char *text = json_string_value(s);
        autofree char *full =
            xasprintf("%s/%s", registry, are_tags ? term : (text != NULL ? text : ""));

        if (text == NULL || (!are_tags && strstr(text, term) == NULL)) {
            continue;
        }
        (void)json_array_append_new(rows, are_tags
                                              ? json_pack("{s:s, s:s}", "Name", full, "Tag", text)
                                              : find_row(registry, full, ""));
    }
}

static int find(const struct store *store, const char *what, const struct search_options *o,
                const struct pull_options *po, json_t *rows, struct err *e)
{
    const char *slash = strchr(what, '/');
    size_t host = slash != NULL ? (size_t)(slash - what) : 0;
    int has_host =
        slash != NULL && (memchr(what, '.', host) != NULL || memchr(what, ':', host) != NULL ||
                          strncmp(what, "localhost/", 10) == 0);
    autofree char *registry = has_host ? xstrndup(what, host) : xstrdup("docker.io");
    const char *term = has_host ? slash + 1 : what;
    int is_hub = strcmp(registry, "docker.io") == 0;
    autofree char *path = NULL;
    json_t *answer = NULL;
    int r = 0;

    if (strspn(term, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") !=
        strlen(term)) {
        return err_new(e, EINVAL, "'%s' is not part of an image's name", term);
    }
    if (o->list_tags) {
        autofree char *repository =
            xasprintf("%s%s", is_hub && strchr(term, '/') == NULL ? "library/" : "", term);

        path = xasprintf("/v2/%s/tags/list?n=%lld", repository, (long long)o->limit);
        r = registry_list(store, registry, po, path, &answer, e);
        if (r == 0) {
            add_strings(rows, json_object_get(answer, "tags"), registry, repository, 1);
        }
    } else if (is_hub) {
        path = xasprintf("/v1/search?q=%s&n=%lld", term, (long long)o->limit);
        r = registry_list(store, "index.docker.io", po, path, &answer, e);
        if (r == 0) {
            add_hub(rows, answer, o);
        }
    } else {
        path = xstrdup("/v2/_catalog?n=1000");
        r = registry_list(store, registry, po, path, &answer, e);
        if (r == 0) {
            add_strings(rows, json_object_get(answer, "repositories"), registry, term, 0);
        }
    }
    json_decref(answer);
    return r;
}

static int filter_rows(const struct search_options *o, json_t *rows, struct err *e)
{
    autofilter struct filter filter = {0};
    int r = filter_open(FILTERS, NULL, &o->filters, &filter, e);

    for (size_t i = json_array_size(rows); r == 0 && i > 0; i--) {
        if (!filter_matches(&filter, json_array_get(rows, i - 1))) {
            (void)json_array_remove(rows, i - 1);
        }
    }
    while (r == 0 && o->limit > 0 && json_array_size(rows) > (size_t)o->limit) {
        (void)json_array_remove(rows, json_array_size(rows) - 1);
    }
    return r;
}

/* Tags in JSON stand together, as podman has them. */
static json_t *together(const json_t *rows)
{
    json_t *tags = json_array();
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(rows, i, row)
    {
        (void)json_array_append(tags, json_object_get(row, "Tag"));
    }
    return json_pack("[{s:O, s:o}]", "Name", json_object_get(json_array_get(rows, 0), "Name"),
                     "Tags", tags);
}

static int print(const struct search_options *o, json_t *rows, struct err *e)
{
    const struct format_column *columns = o->list_tags ? TAGS : o->compatible ? COMPATIBLE : FOUND;
    json_auto_t *tags = NULL;

    if (o->list_tags && str_eq(o->format, "json") && json_array_size(rows) > 0) {
        tags = together(rows);
    }
    return format_rows(stdout, o->format, columns, tags != NULL ? tags : rows, 0, e);
}

static int search(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct search_options *o = options;
    struct pull_options po = {0};
    struct progress ignored = {0};
    struct store *store = NULL;
    json_t *rows = json_array();
    int r = 0;

    (void)argc;
    if (o->list_tags && o->filters.len > 0) {
        r = err_new(e, EINVAL, "tags have nothing to filter by: --filter or --list-tags");
    }
    r = r < 0 ? r : ctx_store(ctx, &store, e);
    r = r < 0 ? r : registry_options_read(&o->registry, &ignored, &po, e);
    r = r < 0 ? r : find(store, argv[0], o, &po, rows, e);
    r = r < 0 ? r : filter_rows(o, rows, e);
    r = r < 0 ? r : print(o, rows, e);
    json_decref(rows);
    return r;
}
