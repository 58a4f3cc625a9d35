/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/image_inspect.h"
#include "image/image.h"
#include "image/manifest.h"
#include "spec/spec_name.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct history_options {
    int quiet;
    int no_trunc;
    int is_human;
    char *format;
};

#define FIELD(name) offsetof(struct history_options, name)

static const struct opt OPTIONS[] = {
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print ids only", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print everything in full", NULL},
    {"human", 'H', NULL, OPT_FLAG, FIELD(is_human),
     "sizes and times for people, as they are; --human=false: bytes and dates", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format), "json, a template, or table TEMPLATE", NULL},
    {0},
};

static void history_init(void *options);
static int history(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_history = {
    .names = {"history", "image history"},
    .group = CMD_IMAGES,
    .summary = "print the steps that made an image",
    .usage = "[options] IMAGE",
    .description = "The newest first. Sizes are those of the layers as they came, compressed.",
    .examples = "rbox history alpine\n"
                "rbox history --no-trunc --format json alpine\n",
    .options = OPTIONS,
    .options_size = sizeof(struct history_options),
    .init = history_init,
    .min_args = 1,
    .max_args = 1,
    .run = history,
};

static const struct format_column COLUMNS[] = {
    {"ID", "ID"},     {"CREATED", "Created"}, {"CREATED BY", "CreatedBy"},
    {"SIZE", "Size"}, {"COMMENT", "Comment"}, {NULL, NULL}};

enum {
    COMMAND_WIDTH = 45
};

static const char *text_of(const json_t *step, const char *key)
{
    const char *s = json_string_value(json_object_get(step, key));

    return s != NULL ? s : "";
}

static void history_init(void *options)
{
    ((struct history_options *)options)->is_human = 1;
}

/* "3 weeks ago", or "" of what is no time. */
static char *since(const char *created)
{
    struct err ignored = {0};
    int64_t ns = 0;

    if (*created == '\0' || parse_time_ns(created, &ns, &ignored) < 0) {
        return xstrdup("");
    }
    return format_ago(time(NULL) - ns / 1000000000);
}

static json_t *row(const struct history_options *o, const json_t *step, const char *id,
                   int64_t bytes)
{
    const char *command = text_of(step, "created_by");
    size_t width = o->no_trunc ? strlen(command) : COMMAND_WIDTH;
    const char *created = text_of(step, "created");
    autofree char *ago = since(created);
    autofree char *size = o->is_human ? format_size(bytes) : xasprintf("%lld", (long long)bytes);
    autofree char *shown =
        strlen(command) <= width ? xstrdup(command) : xasprintf("%.*s…", (int)width - 1, command);

    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:o}", "ID", id, "CreatedAt", created,
                     "CreatedSince", ago, "Created", o->is_human ? ago : created, "CreatedBy",
                     json_str(shown), "Size", size, "Bytes", (json_int_t)bytes, "Comment",
                     json_str(text_of(step, "comment")));
}

/* Steps come oldest first in the config; each that is not "empty_layer" made the next layer. */
static json_t *rows_of(const struct store *store, const struct image *i,
                       const struct history_options *o, json_t *steps)
{
    json_t *rows = json_array();
    autofree char *id = o->no_trunc ? xstrdup(i->id) : xstrndup(manifest_hex(i->id), SPEC_SHORT_ID);
    size_t count = json_array_size(steps);
    size_t layer = 0;

    for (size_t k = 0; k < count; k++) {
        const json_t *step = json_array_get(steps, k);
        int64_t bytes = 0;

        if (!json_is_true(json_object_get(step, "empty_layer"))) {
            bytes = image_layer_bytes(store, i, layer++);
        }
        (void)json_array_insert_new(rows, 0,
                                    row(o, step, k + 1 == count ? id : "<missing>", bytes));
    }
    return rows;
}

static int print_history(const struct store *store, const struct image *i,
                         const struct history_options *o, struct err *e)
{
    json_auto_t *config = NULL;
    json_auto_t *rows = NULL;
    json_t *steps = NULL;
    int r = image_document(store, i->id, &config, e);

    r = r < 0 ? r : json_get_array(config, "history", "the image's config", &steps, e);
    if (r < 0) {
        return r;
    }
    rows = rows_of(store, i, o, steps);
    return format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format, COLUMNS, rows,
                       0, e);
}

static int history(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct image i = {.lock_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    r = r < 0 ? r : image_find(store, argv[0], &i, e);
    if (r == -ENOENT) {
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    r = r < 0 ? r : print_history(store, &i, options, e);
    image_done(&i);
    return r;
}
