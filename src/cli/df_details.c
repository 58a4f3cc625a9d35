/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/df_details.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/container.h"
#include "cli/format.h"
#include "cli/image_use.h"
#include "cli/ps_row.h"
#include "cli/volume_use.h"
#include "image/image.h"
#include "image/image_ref.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/record.h"
#include "image/usage.h"
#include "image/volume.h"
#include "sys/dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *size_text(int64_t bytes)
{
    autofree char *text = format_size(bytes);

    return json_string(text);
}

/* Print @rows below @title. */
static int print(const char *title, const struct format_column *columns, json_t *rows,
                 struct err *e)
{
    (void)printf("%s space usage:\n\n", title);
    return format_rows(stdout, NULL, columns, rows, 0, e);
}

/* ---- images: made of pieces, blobs and unpacked layers, which several may share */

struct images {
    json_t *layers; /* diffID → the names of its folders, one for each map */
    json_t *pieces; /* path → the ids of the images that have it, as keys */
    json_t *rows;   /* with the paths in Pieces */
};

static json_t *member(json_t *object, const char *key, json_t *empty)
{
    json_t *v = json_object_get(object, key);

    if (v == NULL) {
        (void)json_object_set_new(object, key, empty);
        return empty;
    }
    json_decref(empty);
    return v;
}

static int list_layers(const struct store *store, json_t *ret, struct err *e)
{
    autoclosedir DIR *d = dir_open(store->dir_fd, "layers");
    const struct dirent *entry = NULL;
    int more = 0;

    if (d == NULL) {
        return err_set(e, errno, "cannot read 'layers'");
    }
    while ((more = dir_next(d, &entry)) > 0) {
        autofree char *diff_id = NULL;
        struct err ignored = {0};

        if (layer_diff_id(store, entry->d_name, &diff_id, &ignored) == 0) {
            (void)json_array_append_new(member(ret, diff_id, json_array()),
                                        json_string(entry->d_name));
        }
    }
    return more < 0 ? err_set(e, -more, "cannot read 'layers'") : 0;
}

static void add_piece(const struct images *m, const char *id, json_t *mine, const char *path)
{
    (void)json_object_set_new(mine, path, json_true());
    (void)json_object_set_new(member(m->pieces, path, json_object()), id, json_true());
}

static void add_blob(const struct images *m, const char *id, json_t *mine, const char *digest)
{
    autofree char *path = manifest_blob_path(digest);

    add_piece(m, id, mine, path);
}

static json_t *pieces_of(const struct images *m, const struct image *i)
{
    json_t *mine = json_object();

    add_blob(m, i->id, mine, i->id);
    add_blob(m, i->id, mine, i->digest);
    for (size_t k = 0; k < i->blobs.len; k++) {
        add_blob(m, i->id, mine, i->blobs.v[k]);
    }
    for (size_t k = 0; k < i->diff_ids.len; k++) {
        const json_t *folders = json_object_get(m->layers, i->diff_ids.v[k]);
        size_t n = 0;
        json_t *folder = NULL;

        json_array_foreach(folders, n, folder)
        {
            autofree char *path = xasprintf("layers/%s", json_string_value(folder));

            add_piece(m, i->id, mine, path);
        }
    }
    return mine;
}

/* Every name is a row. */
static int add_image(const struct image *i, void *arg)
{
    const struct images *m = arg;
    autofree char *repository = NULL;
    autofree char *since = NULL;
    const char *tag = NULL;

    if (i->id == NULL) {
        warn("the record of image '%s' is damaged: load the image again", i->name);
        return 0;
    }
    since = format_ago(time(NULL) - i->created_s);
    repository = record_is_dangling(i->name) ? xstrdup("<none>") : image_ref_without_tag(i->name);
    tag = record_is_dangling(i->name) ? "<none>" : i->name + strlen(repository) + 1;
    (void)json_array_append_new(m->rows,
                                json_pack("{s:o, s:o, s:s, s:o, s:s, s:o}", "Repository",
                                          json_str(repository), "Tag", json_str(tag), "Id", i->id,
                                          "ID", json_stringn(manifest_hex(i->id), 12),
                                          "CreatedSince", since, "Pieces", pieces_of(m, i)));
    return 0;
}

/* Put the bytes on disk of the pieces into the place of who has them; @shared gets those that
 * several images have. */
static int weigh(const struct store *store, json_t *pieces, json_t *shared, struct err *e)
{
    autostrv struct strv paths = {0};
    autofree int64_t *bytes = xcalloc(json_object_size(pieces) + 1, sizeof(*bytes));
    const char *path = NULL;
    json_t *users = NULL;
    int r = 0;

    json_object_foreach(pieces, path, users)
    {
        strv_push(&paths, path);
        if (json_object_size(users) > 1) {
            (void)json_object_set_new(shared, path, json_true());
        }
    }
    r = usage_of(store->dir_fd, (const char *const *)paths.v, paths.len, bytes, e);
    for (size_t i = 0; r == 0 && i < paths.len; i++) {
        (void)json_object_set_new(pieces, paths.v[i], json_integer(bytes[i]));
    }
    return r;
}

static void finish_image(json_t *row, const json_t *pieces, const json_t *shared,
                         const struct strv *used)
{
    const char *id = json_string_value(json_object_get(row, "Id"));
    json_int_t common = 0;
    json_int_t own = 0;
    json_int_t containers = 0;
    const char *path = NULL;
    json_t *unused = NULL;

    json_object_foreach(json_object_get(row, "Pieces"), path, unused)
    {
        *(json_object_get(shared, path) != NULL ? &common : &own) +=
            json_integer_value(json_object_get(pieces, path));
    }
    for (size_t i = 0; i < used->len; i++) {
        containers += strcmp(used->v[i], id) == 0;
    }
    (void)json_object_update_new(
        row, json_pack("{s:o, s:o, s:o, s:I}", "Size", size_text(common + own), "SharedSize",
                       size_text(common), "UniqueSize", size_text(own), "Containers", containers));
}

static int print_images(const struct store *store, struct err *e)
{
    static const struct format_column COLUMNS[] = {{"REPOSITORY", "Repository"},
                                                   {"TAG", "Tag"},
                                                   {"IMAGE ID", "ID"},
                                                   {"CREATED", "CreatedSince"},
                                                   {"SIZE", "Size"},
                                                   {"SHARED SIZE", "SharedSize"},
                                                   {"UNIQUE SIZE", "UniqueSize"},
                                                   {"CONTAINERS", "Containers"},
                                                   {NULL, NULL}};
    static const struct format_sort KEYS[] = {{"repository", "Repository", 0}, {0}};
    json_auto_t *layers = json_object();
    json_auto_t *pieces = json_object();
    json_auto_t *shared = json_object();
    json_auto_t *rows = json_array();
    struct images m = {.layers = layers, .pieces = pieces, .rows = rows};
    autostrv struct strv used = {0};
    size_t i = 0;
    json_t *row = NULL;
    int r = list_layers(store, layers, e);

    r = r < 0 ? r : record_each(store, add_image, &m, e);
    r = r < 0 ? r : weigh(store, pieces, shared, e);
    r = r < 0 ? r : image_use_ids(store, &used, e);
    json_array_foreach(rows, i, row)
    {
        finish_image(row, pieces, shared, &used);
    }
    r = r < 0 ? r : format_sort_rows(rows, KEYS, NULL, e);
    return r < 0 ? r : print("Images", COLUMNS, rows, e);
}

/* ---- containers and volumes */

/* Give the rows Size, the bytes on disk of their @paths. */
static int set_sizes(const struct store *store, const struct strv *paths, json_t *rows,
                     struct err *e)
{
    autofree int64_t *bytes = xcalloc(paths->len + 1, sizeof(*bytes));
    int r = usage_of(store->dir_fd, (const char *const *)paths->v, paths->len, bytes, e);

    for (size_t i = 0; r == 0 && i < paths->len; i++) {
        (void)json_object_set_new(json_array_get(rows, i), "Size", size_text(bytes[i]));
    }
    return r;
}

/* @links: volume → how many containers have it. Returns how many volumes this one has. */
static json_int_t count_volumes(const struct spec *s, json_t *links)
{
    autostrv struct strv names = {0};
    json_auto_t *mine = json_object();

    volume_use_names(s, &names);
    for (size_t i = 0; i < names.len; i++) {
        if (json_object_get(mine, names.v[i]) == NULL) {
            json_t *count = member(links, names.v[i], json_integer(0));

            (void)json_integer_set(count, json_integer_value(count) + 1);
            (void)json_object_set_new(mine, names.v[i], json_true());
        }
    }
    return (json_int_t)json_object_size(mine);
}

static int print_containers(const struct store *store, json_t *links, struct err *e)
{
    static const struct format_column COLUMNS[] = {{"CONTAINER ID", "ID"},
                                                   {"IMAGE", "ImageID"},
                                                   {"COMMAND", "Command"},
                                                   {"LOCAL VOLUMES", "LocalVolumes"},
                                                   {"SIZE", "Size"},
                                                   {"CREATED", "RunningFor"},
                                                   {"STATUS", "State"},
                                                   {"NAMES", "Names"},
                                                   {NULL, NULL}};
    autofound_list struct found_list all = {0};
    autostrv struct strv paths = {0};
    json_auto_t *rows = json_array();
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        struct container c;
        json_t *row = NULL;

        r = container_glance(&all.rows[i], &c, e);
        if (r == 0) {
            row = ps_row(&c, /* no_trunc= */ 0);
            ps_row_add_details(row, &c, /* no_trunc= */ 0);
            (void)json_object_set_new(row, "LocalVolumes",
                                      json_integer(count_volumes(&c.spec, links)));
            (void)json_array_append_new(rows, row);
            strv_pushf(&paths, "containers/%s", all.rows[i].id);
            container_done(&c);
        } else if (r == -ENOENT) { /* it is gone by now */
            err_clear(e);
            r = 0;
        }
    }
    r = r < 0 ? r : set_sizes(store, &paths, rows, e);
    return r < 0 ? r : print("Containers", COLUMNS, rows, e);
}

static int print_volumes(const struct store *store, const json_t *links, struct err *e)
{
    static const struct format_column COLUMNS[] = {
        {"VOLUME NAME", "Name"}, {"LINKS", "Links"}, {"SIZE", "Size"}, {NULL, NULL}};
    autostrv struct strv names = {0};
    autostrv struct strv paths = {0};
    json_auto_t *rows = json_array();
    int r = volume_list(store, &names, e);

    for (size_t i = 0; r == 0 && i < names.len; i++) {
        (void)json_array_append_new(
            rows, json_pack("{s:s, s:I}", "Name", names.v[i], "Links",
                            json_integer_value(json_object_get(links, names.v[i]))));
        strv_pushf(&paths, "volumes/%s", names.v[i]);
    }
    r = r < 0 ? r : set_sizes(store, &paths, rows, e);
    return r < 0 ? r : print("Local Volumes", COLUMNS, rows, e);
}

int df_details(const struct store *store, struct err *e)
{
    json_auto_t *links = json_object();
    int r = print_images(store, e);

    if (r == 0) {
        (void)puts("");
        r = print_containers(store, links, e);
    }
    if (r == 0) {
        (void)puts("");
        r = print_volumes(store, links, e);
    }
    return r;
}
