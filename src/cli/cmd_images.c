/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "image/image_ref.h"
#include "image/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct images_options {
    int all;
    int quiet;
    int no_trunc;
    int digests;
    int no_heading;
    char *format;
};

#define FIELD(name) offsetof(struct images_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all images (there are no hidden ones)", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print ids only", NULL},
    {"digests", 0, NULL, OPT_FLAG, FIELD(digests), "print digests too", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print ids in full", NULL},
    {"noheading", 'n', NULL, OPT_FLAG, FIELD(no_heading), "print no heading", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Repository}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"filter", 'f', NULL}, {"sort", 0, NULL}, {0}};

static int images(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_images = {
    .names = {"images", "image ls", "image list"},
    .group = CMD_IMAGES,
    .summary = "list images",
    .usage = "[options] [NAME]",
    .examples = "rbox images\n"
                "rbox images --format '{{.Repository}}:{{.Tag}} {{.Size}}'\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct images_options),
    .max_args = 1,
    .run = images,
};

static const struct format_column COLUMNS[] = {
    {"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"IMAGE ID", "ID"},
    {"CREATED", "CreatedSince"},  {"SIZE", "Size"}, {NULL, NULL}};
static const struct format_column COLUMNS_DIGESTS[] = {
    {"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"DIGEST", "Digest"}, {"IMAGE ID", "ID"},
    {"CREATED", "CreatedSince"},  {"SIZE", "Size"}, {NULL, NULL}};

struct collect {
    const struct images_options *options;
    const char *wanted; /* a full repository, or NULL */
    const char *wanted_tag;
    json_t *rows;
};

static json_t *image_row(const struct image *i, const struct images_options *o,
                         const char *repository, const char *tag)
{
    const char *hex = i->id + strlen("sha256:");
    autofree char *id = o->no_trunc ? xstrdup(i->id) : xstrndup(hex, 12);
    autofree char *age = format_age(time(NULL) - i->created_s);
    autofree char *since = xasprintf("%s ago", age);
    autofree char *size = format_size(i->size_bytes);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s}", "Repository", repository,
                     "Tag", tag, "ID", id, "Digest", i->digest, "CreatedSince", since, "Created",
                     (json_int_t)i->created_s, "Size", size, "Bytes", (json_int_t)i->size_bytes,
                     "Name", i->name);
}

static int collect_image(const struct image *i, void *arg)
{
    struct collect *c = arg;
    struct image_ref ref = {0};
    struct err ignored = {0};
    autofree char *repository = NULL;

    if (image_ref_parse(i->name, &ref, &ignored) < 0) {
        return 0;
    }
    repository = xasprintf("%s/%s", ref.registry, ref.repository);
    if (c->wanted == NULL || (strcmp(c->wanted, repository) == 0 &&
                              (c->wanted_tag == NULL || str_eq(c->wanted_tag, ref.tag)))) {
        (void)json_array_append_new(
            c->rows, image_row(i, c->options, repository, ref.tag != NULL ? ref.tag : "<none>"));
    }
    image_ref_done(&ref);
    return 0;
}

/* Newest first, as docker has it. */
static int by_age(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "Created"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "Created"));

    return (x < y) - (x > y);
}

static json_t *sorted(json_t *rows)
{
    size_t count = json_array_size(rows);
    autofree json_t **list = xcalloc(count, sizeof(json_t *));
    json_t *ret = json_array();

    for (size_t i = 0; i < count; i++) {
        list[i] = json_array_get(rows, i);
    }
    qsort(list, count, sizeof(json_t *), by_age);
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append(ret, list[i]);
    }
    json_decref(rows);
    return ret;
}

static int images(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct images_options *o = options;
    struct collect c = {.options = o};
    struct image_ref ref = {0};
    autofree char *wanted = NULL;
    struct store *store = NULL;
    int r = argc > 0 ? image_ref_parse(argv[0], &ref, e) : 0;

    r = r < 0 ? r : ctx_store(ctx, &store, e);
    if (r < 0) {
        return r;
    }
    if (argc > 0) {
        wanted = xasprintf("%s/%s", ref.registry, ref.repository);
        c.wanted = wanted;
        c.wanted_tag = strchr(argv[0], ':') != NULL ? ref.tag : NULL;
    }
    c.rows = json_array();
    r = record_each(store, collect_image, &c, e);
    c.rows = sorted(c.rows);
    if (r == 0) {
        r = format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format,
                        o->digests ? COLUMNS_DIGESTS : COLUMNS, c.rows,
                        o->no_heading ? FORMAT_NO_HEADING : 0, e);
    }
    json_decref(c.rows);
    image_ref_done(&ref);
    return r;
}
