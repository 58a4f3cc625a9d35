/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/garbage.h"

#include "base/cleanup.h"
#include "image/image.h"
#include "image/layers.h"
#include "image/record.h"
#include "image/usage.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is in use */

static int keep_image(const struct image *i, void *arg)
{
    struct garbage *g = arg;

    if (i->id == NULL) {
        return -EBADMSG;
    }
    strv_push(&g->blobs, i->id);
    strv_push(&g->blobs, i->digest);
    strv_append(&g->blobs, &i->blobs);
    strv_append(&g->diff_ids, &i->diff_ids);
    return 0;
}

int garbage_begin(const struct store *store, enum store_lock how, struct garbage *ret,
                  struct err *e)
{
    struct garbage g = {.store = store, .lock_fd = -1};
    int r = store_lock(store, how, &g.lock_fd, e);

    if (r == 0) {
        r = record_each(store, keep_image, &g, e);
        if (r == -EBADMSG) {
            (void)err_new(e, EBADMSG, "the record of an image is damaged: nothing is removed");
            (void)err_hint(e, "rbox images, which names it; then load that image again");
        }
    }
    if (r < 0) {
        garbage_done(&g);
        return r;
    }
    strv_push(&g.diff_ids, LAYER_POINTS);
    *ret = g;
    return 0;
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

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *l)
{
    if (l->len > 0) {
        qsort(l->v, l->len, sizeof(*l->v), compare);
    }
}

static int has_sorted(const struct strv *l, const char *s)
{
    return l->len > 0 && bsearch(&s, l->v, l->len, sizeof(*l->v), compare) != NULL;
}

/* ---- what is not */

static int is_garbage_blob(const struct garbage *g, const char *hex)
{
    autofree char *digest = xasprintf("sha256:%s", hex);

    return !has_sorted(&g->blobs, digest);
}

static int is_garbage_layer(const struct garbage *g, const char *name)
{
    autofree char *diff_id = NULL;
    struct err ignored = {0};

    if (has_sorted(&g->layers, name)) {
        return 0;
    }
    /* A layer without its key was never finished. */
    return layer_diff_id(g->store, name, &diff_id, &ignored) < 0 ||
           !has_sorted(&g->diff_ids, diff_id);
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

static int move_to_trash(struct garbage *g, size_t row, int trash_fd, struct err *e)
{
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int fd = openat(g->store->dir_fd, FOLDERS[row].path,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set(e, errno, "cannot read '%s'", FOLDERS[row].path);
    }
    while ((entry = readdir(d)) != NULL) {
        autofree char *trash = xasprintf("%zu-%s", row, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            FOLDERS[row].is_garbage(g, entry->d_name) &&
            renameat(dirfd(d), entry->d_name, trash_fd, trash) < 0 && errno != ENOENT) {
            return err_set(e, errno, "cannot remove '%s/%s'", FOLDERS[row].path, entry->d_name);
        }
    }
    return 0;
}

static int empty_trash(struct garbage *g, int64_t *ret_bytes, struct err *e)
{
    static const char *const TRASH[] = {"trash"};
    struct spec s = {0};
    int r = ret_bytes != NULL ? usage_of(g->store->dir_fd, TRASH, 1, ret_bytes, e) : 0;

    r = r < 0 ? r : userns_own_maps(&s, e);
    r = r < 0 ? r
              : userns_remove_tree(&s.linux_.uid_mappings, &s.linux_.gid_mappings, g->store->dir_fd,
                                   TRASH[0], e);
    spec_done(&s);
    return r;
}

int garbage_sweep(struct garbage *g, int64_t *ret_bytes, struct err *e)
{
    autoclose int trash_fd = -1;
    int r = dir_make(g->store->dir_fd, "trash", 0700, &trash_fd, e);

    sort(&g->blobs);
    sort(&g->diff_ids);
    sort(&g->layers);
    for (size_t i = 0; r == 0 && i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        r = move_to_trash(g, i, trash_fd, e);
    }
    return r < 0 ? r : empty_trash(g, ret_bytes, e);
}
