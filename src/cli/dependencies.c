/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dependencies.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "box/box.h"
#include "box/needed.h"
#include "cli/container.h"
#include "spec/spec_json.h"

#include <errno.h>
#include <stdlib.h>

int dependencies_resolve(const struct store *store, struct spec *s, struct err *e)
{
    autostrv struct strv ids = {0};

    for (size_t i = 0; i < s->box.requires.len; i++) {
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};

        if (find_container(store, s->box.requires.v[i], &f, e) < 0) {
            return err_wrap(e, "--requires");
        }
        if (str_eq(f.name, s->box.name)) {
            return err_new(e, EINVAL, "--requires: container '%s' cannot require itself", f.name);
        }
        strv_push(&ids, f.id);
    }
    strv_done(&s->box.requires);
    strv_append(&s->box.requires, &ids);
    return 0;
}

/* They were all there when the other was made, so none needs itself, by whatever way. */
// NOLINTNEXTLINE(misc-no-recursion)
static int start_one(const struct store *store, const char *id, struct err *e)
{
    const struct box_options detached = {.mode = SUPERVISE_DETACHED};
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct container c;
    int r = find_container(store, id, &f, e);

    if (r < 0 || f.run_fd >= 0) {
        return r;
    }
    r = container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    r = dependencies_start(store, &c.spec, e);
    r = r < 0 ? r : box_start(store, &c.spec, &detached, e);
    container_done(&c);
    return r < 0 ? err_wrap(e, "container '%s'", f.name) : 0;
}

// NOLINTNEXTLINE(misc-no-recursion)
int dependencies_start(const struct store *store, const struct spec *s, struct err *e)
{
    autostrv struct strv ids = {0};
    int r = 0;

    needed_list(s, &ids);
    for (size_t i = 0; r == 0 && i < ids.len; i++) {
        r = start_one(store, ids.v[i], e);
    }
    if (r < 0) {
        (void)err_wrap(e, "what it needs cannot be started");
        return err_exit(e, EXITCODE_RBOX); /* 126 and 127 are for its own command */
    }
    return 0;
}

/* ---- who needs whom */

void needs_done(struct needs *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->v[i].id);
        strv_done(&n->v[i].ids);
    }
    free(n->v);
    *n = (struct needs){0};
}

/* One that is damaged needs nobody that could be told. */
int needs_read(const struct store *store, int running_only, struct needs *ret, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = (running_only ? find_all_running : find_all)(store, &all, e);

    *ret = (struct needs){.v = xcalloc(all.count + 1, sizeof(*ret->v))};
    for (size_t i = 0; i < all.count; i++) {
        struct need *n = &ret->v[ret->count++];
        struct err ignored = {0};
        struct spec s;

        (void)spec_json_load(all.rows[i].dir_fd, "config.json", /* listed_only= */ 1, &s, &ignored);
        *n = (struct need){.id = xstrdup(all.rows[i].id), .is_running = all.rows[i].run_fd >= 0};
        needed_list(&s, &n->ids);
        spec_done(&s);
    }
    return r;
}

void needs_dependents(const struct needs *n, const char *id, struct strv *ret)
{
    for (size_t i = 0; i < n->count; i++) {
        if (strv_has(&n->v[i].ids, id) && !strv_has(ret, n->v[i].id)) {
            strv_push(ret, n->v[i].id);
        }
    }
}

struct ordering {
    const struct needs *needs;
    const struct found_list *list;
    char *is_placed;
    size_t *ret;
    size_t count;
};

// NOLINTNEXTLINE(misc-no-recursion)
static void place(struct ordering *o, size_t i)
{
    autostrv struct strv ids = {0};

    o->is_placed[i] = 1;
    needs_dependents(o->needs, o->list->rows[i].id, &ids);
    for (size_t j = 0; j < o->list->count; j++) {
        if (!o->is_placed[j] && strv_has(&ids, o->list->rows[j].id)) {
            place(o, j);
        }
    }
    o->ret[o->count++] = i;
}

void needs_order(const struct needs *n, const struct found_list *l, size_t *ret)
{
    autofree char *is_placed = xcalloc(l->count + 1, 1);
    struct ordering o = {.needs = n, .list = l, .is_placed = is_placed, .ret = ret};

    for (size_t i = 0; i < l->count; i++) {
        if (!is_placed[i]) {
            place(&o, i);
        }
    }
}

static int any_runs(const struct needs *n, const struct strv *ids)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->v[i].is_running && strv_has(ids, n->v[i].id)) {
            return 1;
        }
    }
    return 0;
}

int needs_check(const struct needs *n, const struct found *f, const struct found_list *going,
                struct err *e)
{
    autostrv struct strv ids = {0};
    autobuf struct buf list = {0};

    needs_dependents(n, f->id, &ids);
    for (size_t i = 0; i < ids.len; i++) {
        if (going == NULL || !found_list_has(going, ids.v[i])) {
            buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", ids.v[i]);
        }
    }
    if (list.len == 0) {
        return 0;
    }
    (void)err_new(e, EBUSY,
                  "container '%s' has dependent containers which must be removed before it: %s",
                  f->name, list.data);
    return err_hint(e, "rbox rm %s--depend %s",
                    f->run_fd >= 0 || any_runs(n, &ids) ? "--force " : "", f->name);
}

void needs_forget(struct needs *n, const char *id)
{
    for (size_t i = 0; i < n->count; i++) {
        if (str_eq(n->v[i].id, id)) {
            strv_done(&n->v[i].ids);
        }
    }
}
