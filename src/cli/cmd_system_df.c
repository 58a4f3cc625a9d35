/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/df_details.h"
#include "cli/format.h"
#include "cli/image_use.h"
#include "cli/network_use.h"
#include "cli/volume_use.h"
#include "image/image.h"
#include "image/record.h"
#include "image/usage.h"
#include "image/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct df_options {
    char *format;
    int verbose;
};

static const struct opt OPTIONS[] = {
    {"format", 0, "FORMAT", OPT_STRING, offsetof(struct df_options, format),
     "json, a template, or table TEMPLATE", NULL},
    {"verbose", 'v', NULL, OPT_FLAG, offsetof(struct df_options, verbose),
     "each image, container and volume", NULL},
    {0},
};

static int df(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_system_df = {
    .names = {"system df"},
    .group = CMD_SYSTEM,
    .summary = "show what takes the store's disk space, and what could be freed",
    .usage = "[options]",
    .description =
        "Counted as du counts: blocks on disk, files with several names once. Of an image that is\n"
        "both the blobs as they came and the files unpacked from them; with -v it is told what of\n"
        "them is also another image's.",
    .examples = "rbox system df\n"
                "rbox system df -v\n",
    .options = OPTIONS,
    .options_size = sizeof(struct df_options),
    .run = df,
};

struct figures {
    size_t total;
    size_t active;
    int64_t bytes;
    int64_t free_bytes; /* could be freed */
};

/* ---- images */

static int push_id(const struct image *i, void *arg)
{
    struct strv *ids = arg;

    if (i->id != NULL && !strv_has(ids, i->id)) {
        strv_push(ids, i->id);
    }
    return 0;
}

static int count_images(const struct store *store, struct figures *ret, struct err *e)
{
    static const char *const FOLDERS[] = {"blobs", "layers", "images", "partial", "tmp", "trash"};
    autostrv struct strv used = {0};
    autostrv struct strv ids = {0};
    int r = image_use_ids(store, &used, e);

    r = r < 0 ? r : record_each(store, push_id, &ids, e);
    ret->total = ids.len;
    for (size_t i = 0; i < ids.len; i++) {
        ret->active += (size_t)strv_has(&used, ids.v[i]);
    }
    r = r < 0 ? r
              : usage_total(store->dir_fd, FOLDERS, sizeof(FOLDERS) / sizeof(FOLDERS[0]),
                            &ret->bytes, e);
    r = r < 0 ? r : image_use_reclaimable(store, &used, /* leaving= */ NULL, &ret->free_bytes, e);
    return r;
}

/* ---- containers, volumes and networks */

static int count_containers(const struct store *store, struct figures *ret, struct err *e)
{
    static const char *const FOLDERS[] = {"containers", "run", "names"};
    autofound_list struct found_list all = {0};
    autostrv struct strv stopped = {0};
    int r = find_all(store, &all, e);

    ret->total = all.count;
    for (size_t i = 0; i < all.count; i++) {
        if (all.rows[i].run_fd >= 0) {
            ret->active++;
        } else {
            strv_pushf(&stopped, "containers/%s", all.rows[i].id);
        }
    }
    r = r < 0 ? r
              : usage_total(store->dir_fd, FOLDERS, sizeof(FOLDERS) / sizeof(FOLDERS[0]),
                            &ret->bytes, e);
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)stopped.v, stopped.len,
                               &ret->free_bytes, e);
}

static int count_volumes(const struct store *store, struct figures *ret, struct err *e)
{
    static const char *const FOLDERS[] = {"volumes"};
    autostrv struct strv all = {0};
    autostrv struct strv unused = {0};
    autostrv struct strv paths = {0};
    int r = volume_list(store, &all, e);

    r = r < 0 ? r : volume_use_unused(store, /* leaving= */ NULL, NULL, &unused, e);
    for (size_t i = 0; i < unused.len; i++) {
        strv_pushf(&paths, "volumes/%s", unused.v[i]);
    }
    ret->total = all.len;
    ret->active = all.len - unused.len;
    r = r < 0 ? r : usage_total(store->dir_fd, FOLDERS, 1, &ret->bytes, e);
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)paths.v, paths.len,
                               &ret->free_bytes, e);
}

/* The default one is no file. */
static int count_networks(const struct store *store, struct figures *ret, struct err *e)
{
    static const char *const FOLDERS[] = {NETWORK_FOLDER};
    autostrv struct strv unused = {0};
    struct network_configs all = {0};
    autostrv struct strv paths = {0};
    int r = network_config_list(store, &all, NULL, e);

    r = r < 0 ? r : network_use_unused(store, /* leaving= */ NULL, NULL, &unused, e);
    for (size_t i = 0; i < unused.len; i++) {
        strv_pushf(&paths, NETWORK_FOLDER "/%s.json", unused.v[i]);
    }
    ret->total = all.count > 0 ? all.count - 1 : 0;
    ret->active = ret->total - unused.len;
    network_configs_done(&all);
    r = r < 0 ? r : usage_total(store->dir_fd, FOLDERS, 1, &ret->bytes, e);
    return r < 0 ? r
                 : usage_total(store->dir_fd, (const char *const *)paths.v, paths.len,
                               &ret->free_bytes, e);
}

/* ---- */

static const struct {
    const char *type;
    int (*count)(const struct store *store, struct figures *ret, struct err *e);
} ROWS[] = {{"Images", count_images},
            {"Containers", count_containers},
            {"Local Volumes", count_volumes},
            {"Networks", count_networks}};

static const struct format_column COLUMNS[] = {{"TYPE", "Type"},
                                               {"TOTAL", "Total"},
                                               {"ACTIVE", "Active"},
                                               {"SIZE", "Size"},
                                               {"RECLAIMABLE", "Reclaimable"},
                                               {NULL, NULL}};

static json_t *row(const char *type, const struct figures *f)
{
    autofree char *size = format_size(f->bytes);
    autofree char *amount = format_size(f->free_bytes);
    autofree char *reclaimable =
        xasprintf("%s (%d%%)", amount, f->bytes > 0 ? (int)(f->free_bytes * 100 / f->bytes) : 0);

    return json_pack("{s:s, s:I, s:I, s:s, s:I, s:s, s:I}", "Type", type, "Total",
                     (json_int_t)f->total, "Active", (json_int_t)f->active, "Size", size, "RawSize",
                     (json_int_t)f->bytes, "Reclaimable", reclaimable, "RawReclaimable",
                     (json_int_t)f->free_bytes);
}

static int df(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct df_options *o = options;
    json_auto_t *rows = json_array();
    struct store *store = NULL;
    int r = 0;

    (void)argc;
    (void)argv;
    if (o->verbose && o->format != NULL) {
        return err_new(e, EINVAL, "--verbose and --format do not go together");
    }
    r = ctx_store(ctx, &store, e);
    if (r < 0 || o->verbose) {
        return r < 0 ? r : df_details(store, e);
    }
    for (size_t i = 0; r == 0 && i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct figures f = {0};

        r = ROWS[i].count(store, &f, e);
        (void)json_array_append_new(rows, row(ROWS[i].type, &f));
    }
    return r < 0 ? r : format_rows(stdout, o->format, COLUMNS, rows, 0, e);
}
