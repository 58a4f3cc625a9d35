/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/image_filter.h"
#include "image/image_ref.h"
#include "image/manifest.h"
#include "image/record.h"
#include "spec/spec_name.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct images_options {
    int all;
    int quiet;
    int no_trunc;
    int digests;
    int no_heading;
    char *sort;
    char *format;
    struct strv filters;
};

#define FIELD(name) offsetof(struct images_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all images (there are no hidden ones)", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print ids only", NULL},
    {"digests", 0, NULL, OPT_FLAG, FIELD(digests), "print digests too", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print ids in full", NULL},
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, FIELD(filters), IMAGE_FILTER_HELP, image_filter_parse},
    {"noheading", 'n', NULL, OPT_FLAG, FIELD(no_heading), "print no heading", NULL},
    {"sort", 0, "KEY", OPT_STRING, FIELD(sort),
     "by created (the default), id, repository, size or tag", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Repository}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"history", 0, "names that images had once are not kept"}, {0}};

static void images_done(void *options);
static int images(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_images = {
    .names = {"images", "image ls", "image list"},
    .group = CMD_IMAGES,
    .summary = "list images",
    .usage = "[options] [NAME]",
    .description =
        "NAME, as that of --filter reference=, may be a whole name, or what follows one of its\n"
        "slashes, with or without a tag, and a pattern such as 'debian*'; or it is an id.",
    .examples = "rbox images\n"
                "rbox images 'localhost:5000/*'\n"
                "rbox images --format '{{.Repository}}:{{.Tag}} {{.Size}}'\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct images_options),
    .max_args = 1,
    .done = images_done,
    .run = images,
};

static void images_done(void *options)
{
    strv_done(&((struct images_options *)options)->filters);
}

/* ---- rows */

static const struct format_column COLUMNS[] = {
    {"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"IMAGE ID", "ID"},
    {"CREATED", "CreatedSince"},  {"SIZE", "Size"}, {NULL, NULL}};
static const struct format_column COLUMNS_DIGESTS[] = {
    {"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"DIGEST", "Digest"}, {"IMAGE ID", "ID"},
    {"CREATED", "CreatedSince"},  {"SIZE", "Size"}, {NULL, NULL}};

struct collect {
    const struct images_options *options;
    struct image_filter filter;
    const char *wanted; /* a reference, a pattern or the beginning of an id; NULL: all */
    json_t *names;      /* id → all names of that image, also of those that are left out */
    json_t *rows;
};

static int is_json(const char *format)
{
    return str_eq(format, "json") || str_eq(format, "{{json}}");
}

/* What only a --format can ask for: podman's fields, with its types: in JSON Size is a number. */
static void add_details(json_t *row, const struct image *i, const char *repository,
                        const char *format)
{
    autofree char *with_digest = xasprintf("%s@%s", repository, i->digest);
    int is_dangling = record_is_dangling(i->name);
    char when[CLOCK_TEXT_BYTES];

    (void)json_object_update_new(
        row, json_pack("{s:s, s:s, s:o, s:b, s:b, s:o}", "ParentId", "", "CreatedAt",
                       clock_text(i->created_s * 1000000000, when), "Labels",
                       json_from_pairs(&i->config.labels), "Dangling", is_dangling, "ReadOnly", 0,
                       "RepoDigests", is_dangling ? json_array() : json_pack("[s]", with_digest)));
    if (is_json(format)) {
        (void)json_object_set_new(row, "Size", json_integer(i->size_bytes));
    }
}

/* Created is in seconds, Size for people. Repository, Tag and ID are docker's. */
static json_t *image_row(const struct image *i, const struct images_options *o,
                         const char *repository, const char *tag)
{
    const char *hex = manifest_hex(i->id);
    autofree char *id = o->no_trunc ? xstrdup(i->id) : xstrndup(hex, SPEC_SHORT_ID);
    autofree char *since = format_ago(time(NULL) - i->created_s);
    autofree char *size = format_size(i->size_bytes);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s}", "Repository",
                            repository, "Tag", tag, "ID", id, "Id", hex, "Digest", i->digest,
                            "CreatedSince", since, "Created", (json_int_t)i->created_s, "Size",
                            size, "VirtualSize", (json_int_t)i->size_bytes, "Name", i->name);

    if (o->format != NULL) {
        add_details(row, i, repository, o->format);
    }
    return row;
}

/* Every name that an image has is a row's. */
static void add_names(const struct collect *c)
{
    size_t k = 0;
    json_t *row = NULL;

    json_array_foreach(c->rows, k, row)
    {
        const char *id = json_string_value(json_object_get(row, "Id"));

        (void)json_object_set(row, "Names", json_object_get(c->names, id));
        (void)json_object_set(row, "RepoTags", json_object_get(c->names, id));
    }
}

/* In order. */
static void note_name(const struct collect *c, const struct image *i)
{
    const char *hex = manifest_hex(i->id);
    json_t *list = json_object_get(c->names, hex);
    size_t at = 0;

    if (list == NULL) {
        list = json_array();
        (void)json_object_set_new(c->names, hex, list);
    }
    while (at < json_array_size(list) &&
           strcmp(json_string_value(json_array_get(list, at)), i->name) < 0) {
        at++;
    }
    if (!record_is_dangling(i->name)) {
        (void)json_array_insert_new(list, at, json_string(i->name));
    }
}

static int is_wanted(const struct collect *c, const struct image *i)
{
    const char *hex = c->wanted != NULL ? str_after(c->wanted, "sha256:") : NULL;

    hex = hex != NULL ? hex : c->wanted;
    return hex == NULL || (strlen(hex) >= 3 && str_after(manifest_hex(i->id), hex) != NULL) ||
           (!record_is_dangling(i->name) && image_ref_matches(c->wanted, i->name));
}

static int collect_image(const struct image *i, void *arg)
{
    struct collect *c = arg;
    struct image_ref ref = {0};
    struct err ignored = {0};
    autofree char *repository = NULL;

    if (i->id == NULL) {
        warn("the record of image '%s' is damaged: load the image again", i->name);
        return 0;
    }
    if (c->options->format != NULL) {
        note_name(c, i);
    }
    if (!is_wanted(c, i) || !image_filter_matches(&c->filter, i)) {
        return 0;
    }
    if (record_is_dangling(i->name)) {
        (void)json_array_append_new(c->rows, image_row(i, c->options, "<none>", "<none>"));
        return 0;
    }
    if (image_ref_parse(i->name, &ref, &ignored) < 0) {
        return 0;
    }
    repository = xasprintf("%s/%s", ref.registry, ref.repository);
    (void)json_array_append_new(
        c->rows, image_row(i, c->options, repository, ref.tag != NULL ? ref.tag : "<none>"));
    image_ref_done(&ref);
    return 0;
}

/* Newest first, as docker has it. */
static const struct format_sort SORT[] = {
    {"created", "Created", 1},  {"id", "ID", 0},   {"repository", "Repository", 0},
    {"size", "VirtualSize", 1}, {"tag", "Tag", 0}, {NULL, NULL, 0}};

/* Sorted by first: what is equal by the key that was asked for stands by name, not as the folder
 * has it. */
static const struct format_sort BY_NAME[] = {{"name", "Name", 0}, {NULL, NULL, 0}};

static int images(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct images_options *o = options;
    struct collect c = {.options = o, .wanted = argc > 0 ? argv[0] : NULL};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    if (r < 0) {
        return r;
    }
    c.rows = json_array();
    c.names = json_object();
    r = image_filter_open(store, &o->filters, &c.filter, e);
    r = r < 0 ? r : record_each(store, collect_image, &c, e);
    if (o->format != NULL) {
        add_names(&c);
    }
    r = r < 0 ? r : format_sort_rows(c.rows, BY_NAME, NULL, e);
    r = r < 0 ? r : format_sort_rows(c.rows, SORT, o->sort, e);
    if (r == 0) {
        r = format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format,
                        o->digests ? COLUMNS_DIGESTS : COLUMNS, c.rows,
                        o->no_heading ? FORMAT_NO_HEADING : 0, e);
    }
    image_filter_done(&c.filter);
    json_decref(c.names);
    json_decref(c.rows);
    return r;
}
