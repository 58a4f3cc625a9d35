/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/garbage.h"

#include "base/cleanup.h"
#include "image/image.h"
#include "image/layers.h"
#include "image/record.h"
#include "image/usage.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is in use */

struct keeping {
    struct garbage *g;
    const struct strv *only; /* NULL: all */
    struct err *e;
};

int garbage_refuse(const struct image *i, struct err *e)
{
    (void)err_new(e, EBADMSG, "the record of image '%s' is damaged: nothing is removed", i->name);
    return err_hint(e, "load or pull it again, or rbox rmi %s", i->name);
}

static int keep_image(const struct image *i, void *arg)
{
    const struct keeping *k = arg;
    struct garbage *g = k->g;

    if (i->id == NULL) {
        return garbage_refuse(i, k->e);
    }
    if (k->only != NULL && !strv_has(k->only, i->id)) {
        return 0;
    }
    strv_push(&g->blobs, i->id);
    strv_push(&g->blobs, i->digest);
    strv_append(&g->blobs, &i->blobs);
    strv_append(&g->diff_ids, &i->diff_ids);
    return 0;
}

static int begin(const struct store *store, enum store_lock how, const struct strv *only,
                 struct garbage *ret, struct err *e)
{
    struct garbage g = {.store = store, .lock_fd = -1};
    int r = store_lock(store, how, &g.lock_fd, e);

    if (r == 0) {
        r = record_each(store, keep_image, &(struct keeping){&g, only, e}, e);
    }
    if (r < 0) {
        garbage_done(&g);
        return r;
    }
    strv_push(&g.diff_ids, LAYER_POINTS);
    *ret = g;
    return 0;
}

int garbage_begin(const struct store *store, enum store_lock how, struct garbage *ret,
                  struct err *e)
{
    return begin(store, how, NULL, ret, e);
}

int garbage_begin_without(const struct store *store, const struct strv *only, struct garbage *ret,
                          struct err *e)
{
    return begin(store, STORE_SHARED, only, ret, e);
}

void garbage_keep_layer(struct garbage *g, const char *path)
{
    strv_take(&g->layers, xstrndup(path, strcspn(path, "/")));
}

void garbage_done(struct garbage *g)
{
    strv_done(&g->blobs);
    strv_done(&g->diff_ids);
    strv_done(&g->layers);
    close_fd(&g->lock_fd);
}

/* ---- what is not */

static int is_garbage_blob(const struct garbage *g, const char *hex)
{
    autofree char *digest = xasprintf("sha256:%s", hex);

    return !strv_has_sorted(&g->blobs, digest);
}

static int is_garbage_layer(const struct garbage *g, const char *name)
{
    autofree char *diff_id = NULL;
    struct err ignored = {0};

    if (strv_has_sorted(&g->layers, name)) {
        return 0;
    }
    /* A layer without its key was never finished. */
    return layer_diff_id(g->store, name, &diff_id, &ignored) < 0 ||
           !strv_has_sorted(&g->diff_ids, diff_id);
}

static int is_garbage(const struct garbage *g, const char *name)
{
    (void)g;
    (void)name;
    return 1;
}

/* Folders of the store with what may go from them. */
static const struct {
    const char *path;
    int (*is_garbage)(const struct garbage *g, const char *name);
} FOLDERS[] = {
    {"blobs/sha256", is_garbage_blob},
    {"layers", is_garbage_layer},
    {"tmp", is_garbage},
};

typedef int garbage_fn(const struct garbage *g, size_t row, int dir_fd, const char *name, void *arg,
                       struct err *e);

static int each_in_folder(const struct garbage *g, size_t row, garbage_fn *fn, void *arg,
                          struct err *e)
{
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int more = 0;
    int r = 0;

    d = dir_open(g->store->dir_fd, FOLDERS[row].path);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set(e, errno, "cannot read '%s'", FOLDERS[row].path);
    }
    while (r == 0 && (more = dir_next(d, &entry)) > 0) {
        if (FOLDERS[row].is_garbage(g, entry->d_name)) {
            r = fn(g, row, dirfd(d), entry->d_name, arg, e);
        }
    }
    return more < 0 ? err_set(e, -more, "cannot read '%s'", FOLDERS[row].path) : r;
}

/* Call @fn for each piece of garbage. */
static int each_piece(struct garbage *g, garbage_fn *fn, void *arg, struct err *e)
{
    int r = 0;

    strv_sort(&g->blobs);
    strv_sort(&g->diff_ids);
    strv_sort(&g->layers);
    for (size_t i = 0; r == 0 && i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        r = each_in_folder(g, i, fn, arg, e);
    }
    return r;
}

static int push_path(const struct garbage *g, size_t row, int dir_fd, const char *name, void *arg,
                     struct err *e)
{
    (void)g;
    (void)dir_fd;
    (void)e;
    strv_pushf(arg, "%s/%s", FOLDERS[row].path, name);
    return 0;
}

int garbage_usage(struct garbage *g, int64_t *ret_bytes, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = each_piece(g, push_path, &paths, e);

    return r < 0 ? r
                 : usage_total(g->store->dir_fd, (const char *const *)paths.v, paths.len, ret_bytes,
                               e);
}

static int move_to_trash(const struct garbage *g, size_t row, int dir_fd, const char *name,
                         void *arg, struct err *e)
{
    autofree char *trash = xasprintf("%zu-%s", row, name);
    const int *trash_fd = arg;

    (void)g;
    return renameat(dir_fd, name, *trash_fd, trash) < 0 && errno != ENOENT
               ? err_set(e, errno, "cannot remove '%s/%s'", FOLDERS[row].path, name)
               : 0;
}

static int empty_trash(struct garbage *g, int64_t *ret_bytes, struct err *e)
{
    static const char *const TRASH[] = {"trash"};
    struct spec s = {0};
    int r = ret_bytes != NULL ? usage_of(g->store->dir_fd, TRASH, 1, ret_bytes, e) : 0;

    r = r < 0 ? r : userns_own_maps(&s, e);
    r = r < 0 ? r
              : store_remove_tree(g->store, &s.linux_.uid_mappings, &s.linux_.gid_mappings,
                                  g->store->dir_fd, TRASH[0], e);
    spec_done(&s);
    return r;
}

int garbage_sweep(struct garbage *g, int64_t *ret_bytes, struct err *e)
{
    autoclose int trash_fd = -1;
    int r = dir_make(g->store->dir_fd, "trash", 0700, &trash_fd, e);

    r = r < 0 ? r : each_piece(g, move_to_trash, &trash_fd, e);
    return r < 0 ? r : empty_trash(g, ret_bytes, e);
}
