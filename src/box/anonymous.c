/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/anonymous.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "image/volume.h"
#include "spec/spec_json.h"
#include "spec/spec_name.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

int anonymous_make(const struct store *store, const struct spec *s, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];

        if (m->is_anonymous) { /* one that --volumes-from gives is there */
            r = volume_make(store, m->volume_name, &s->linux_.uid_mappings, &s->linux_.gid_mappings,
                            e);
        }
    }
    return r;
}

/* ---- removing */

static void push_anonymous(const struct spec *s, struct strv *ret)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        if (s->mounts[i].is_anonymous) {
            strv_push(ret, s->mounts[i].volume_name);
        }
    }
}

/* Returns 0 when it can't be told what the container @id has; one that is being made or removed has
 * none. */
static int push_those_of(const struct store *store, const char *id, struct strv *ret)
{
    autofree char *path = xasprintf("%s/config.json", id);
    struct err ignored = {0};
    struct spec s;
    int r = spec_json_load(store->containers_fd, path, /* listed_only= */ 1, &s, &ignored);

    push_anonymous(&s, ret);
    spec_done(&s);
    return r == 0 || r == -ENOENT;
}

/* Push the anonymous volumes of all containers but @id. Returns 0 when not all of them are known.
 */
static int push_others(const struct store *store, const char *id, struct strv *ret)
{
    autoclosedir DIR *d = dir_open(store->containers_fd, ".");
    const struct dirent *entry = NULL;
    int all_known = d != NULL;
    int more = 0;

    while (all_known && (more = dir_next(d, &entry)) > 0) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, id) != 0) {
            all_known = push_those_of(store, entry->d_name, ret);
        }
    }
    return all_known && more == 0;
}

static int is_any_shared(const struct store *store, const struct strv *own)
{
    for (size_t i = 0; i < own->len; i++) {
        if (volume_is_shared(store, own->v[i])) {
            return 1;
        }
    }
    return 0;
}

static int remove_unless(const struct store *store, const struct spec *s, const struct strv *own,
                         const struct strv *others, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < own->len; i++) {
        if (strv_has(others, own->v[i])) {
            continue;
        }
        r = volume_remove(store, own->v[i], &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
        if (r == -ENOENT) {
            err_clear(e);
            r = 0;
        }
    }
    return r;
}

int anonymous_remove(const struct store *store, const struct spec *s, int *ret_lock_fd,
                     struct err *e)
{
    autostrv struct strv own = {0};
    autostrv struct strv others = {0};
    autoclose int lock_fd = -1;
    int r = 0;

    push_anonymous(s, &own);
    if (own.len == 0) {
        return 0;
    }
    r = volume_lock(store, &lock_fd, e);
    /* Where it can't be told what others have, theirs is kept. */
    if (r == 0 && (!is_any_shared(store, &own) || push_others(store, s->box.id, &others))) {
        r = remove_unless(store, s, &own, &others, e);
    }
    *ret_lock_fd = steal_fd(&lock_fd);
    return r;
}

void anonymous_sweep(const struct store *store, const char *id)
{
    static const struct spec_idmap NONE = {0};

    for (size_t i = 0;; i++) {
        autofree char *name = spec_volume_name(id, i);
        struct err ignored = {0};

        if (!volume_exists(store, name) || volume_remove(store, name, &NONE, &NONE, &ignored) < 0) {
            return;
        }
    }
}
