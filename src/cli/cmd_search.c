/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/registry_options.h"
#include "image/fetch.h"

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
};

#define FIELD(name) offsetof(struct search_options, name)

static const struct opt OPTIONS[] = {
    {"limit", 0, "N", OPT_INT64, FIELD(limit), "at most so many (default: 25)", NULL},
    {"list-tags", 0, NULL, OPT_FLAG, FIELD(list_tags), "the tags of this repository", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "whole descriptions", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, or a template with .Name, .Description, .Stars, .Official, .Tag", NULL},
    REGISTRY_ACCESS_ROWS(struct search_options, registry),
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"filter", 'f', NULL}, {"compatible", 0, NULL}, {"index", 0, NULL}, {0}};

static void search_init(void *options);
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
    .run = search,
};

static const struct format_column FOUND[] = {
    {"NAME", "Name"}, {"DESCRIPTION", "Description"}, {NULL, NULL}};
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

/* Ask @registry for @path; the answer's object is the caller's. */
static int get_list(const struct store *store, const char *registry, const struct pull_options *po,
                    const char *path, json_t **ret, struct err *e)
{
    struct image_ref ref = {.registry = xstrdup(registry), .repository = xstrdup("")};
    struct registries conf = {0};
    struct fetch f = FETCH_CLOSED;
    json_t *answer = NULL;
    const char *text = NULL;
    int r = registries_read(&conf, e);

    r = r < 0 ? r : fetch_open(store, &conf, &ref, &po->fetch, &f, e);
    r = r < 0 ? r
              : fetch_ask(&f, json_pack("{s:s, s:s}", "op", "list", "path", path), NULL, NULL,
                          &answer, e);
    text = json_string_value(json_object_get(answer, "text"));
    r = r < 0 ? r : json_parse(text, strlen(text), "the registry's list", ret, e);
    json_decref(answer);
    fetch_close(&f);
    registries_done(&conf);
    image_ref_done(&ref);
    return r < 0 ? fetch_hint(&po->fetch, registry, e) : 0;
}

static char *shortened(const char *text, int whole)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (whole || len <= DESCRIPTION_CHARS) {
        return xstrdup(text != NULL ? text : "");
    }
    len = DESCRIPTION_CHARS;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
        len--;
    }
    return xasprintf("%.*s…", (int)len, text);
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

        (void)json_array_append_new(
            rows, json_pack("{s:s, s:s, s:I, s:b}", "Name", full, "Description", description,
                            "Stars", json_integer_value(json_object_get(hit, "star_count")),
                            "Official", json_is_true(json_object_get(hit, "is_official"))));
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
        (void)json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "Name", full, "Description",
                                                    "", "Tag", are_tags ? text : ""));
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
        r = get_list(store, registry, po, path, &answer, e);
        if (r == 0) {
            add_strings(rows, json_object_get(answer, "tags"), registry, repository, 1);
        }
    } else if (is_hub) {
        path = xasprintf("/v1/search?q=%s&n=%lld", term, (long long)o->limit);
        r = get_list(store, "index.docker.io", po, path, &answer, e);
        if (r == 0) {
            add_hub(rows, answer, o);
        }
    } else {
        path = xstrdup("/v2/_catalog?n=1000");
        r = get_list(store, registry, po, path, &answer, e);
        if (r == 0) {
            add_strings(rows, json_object_get(answer, "repositories"), registry, term, 0);
        }
    }
    json_decref(answer);
    return r;
}

static int search(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct search_options *o = options;
    struct pull_options po = {0};
    struct progress ignored = {0};
    struct store *store = NULL;
    json_t *rows = json_array();
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    r = r < 0 ? r : registry_options_read(&o->registry, &ignored, &po, e);
    r = r < 0 ? r : find(store, argv[0], o, &po, rows, e);
    while (r == 0 && o->limit > 0 && json_array_size(rows) > (size_t)o->limit) {
        (void)json_array_remove(rows, json_array_size(rows) - 1);
    }
    r = r < 0 ? r : format_rows(stdout, o->format, o->list_tags ? TAGS : FOUND, rows, 0, e);
    json_decref(rows);
    return r;
}
