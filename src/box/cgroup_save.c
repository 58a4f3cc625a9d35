/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's cgroup as other commands find it again: cgroup.json in its run folder. */
#include "base/cleanup.h"
#include "base/json.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SAVE_FILE "cgroup.json"

enum {
    FILE_MAX_BYTES = 256 * 1024,
};

static void limit_done(struct cgroup_limit *l)
{
    free(l->option);
    free(l->asked);
    free(l->enforced_by);
}

void cgroup_done(struct cgroup *c)
{
    close_fd(&c->top_fd);
    close_fd(&c->box_fd);
    close_fd(&c->join_fd);
    close_fd(&c->server_fd);
    for (size_t i = 0; i < c->limit_count; i++) {
        limit_done(&c->limits[i]);
    }
    free(c->limits);
    free(c->path);
    free(c->unit);
    *c = CGROUP_INIT;
}

void cgroup_note_limit(struct cgroup *c, const char *option, const char *asked, const char *by,
                       int exact)
{
    size_t i = 0;

    while (i < c->limit_count && !str_eq(c->limits[i].option, option)) {
        i++;
    }
    if (i < c->limit_count) {
        limit_done(&c->limits[i]);
        c->limits[i] = c->limits[--c->limit_count];
    }
    if (asked != NULL) {
        c->limits = xrealloc(c->limits, c->limit_count + 1, sizeof(*c->limits));
        c->limits[c->limit_count++] =
            (struct cgroup_limit){xstrdup(option), xstrdup(asked), xstrdup_null(by), exact};
    }
}

json_t *cgroup_limits_json(const struct cgroup *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->limit_count; i++) {
        const struct cgroup_limit *l = &c->limits[i];
        json_t *by = l->enforced_by != NULL ? json_str(l->enforced_by) : json_null();

        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:b}", "Option", json_str(l->option), "Asked",
                            json_str(l->asked), "EnforcedBy", by, "Exact", l->exact));
    }
    return list;
}

int cgroup_save(const struct cgroup *c, int run_fd, struct err *e)
{
    json_auto_t *o = json_object();
    autofree char *text = NULL;

    (void)json_object_set_new(o, "Way", json_integer(c->way));
    if (c->path != NULL) {
        (void)json_object_set_new(o, "Path", json_str(c->path));
    }
    if (c->unit != NULL) {
        (void)json_object_set_new(o, "Unit", json_str(c->unit));
    }
    (void)json_object_set_new(o, "NprocLimit", json_integer(c->nproc_limit));
    (void)json_object_set_new(o, "Limits", cgroup_limits_json(c));
    text = json_text(o);
    return file_write(run_fd, SAVE_FILE, text, strlen(text), FILE_PRIVATE, e);
}

int cgroup_is_saved(int run_fd)
{
    return faccessat(run_fd, SAVE_FILE, F_OK, 0) == 0;
}

static int load_limits(const json_t *list, struct cgroup *c, struct err *e)
{
    size_t i = 0;
    const json_t *o = NULL;

    json_array_foreach(list, i, o)
    {
        const char *option = NULL;
        const char *asked = NULL;
        const char *by = NULL;
        int exact = 0;

        if (json_get_string(o, "Option", SAVE_FILE, &option, e) < 0 ||
            json_get_string(o, "Asked", SAVE_FILE, &asked, e) < 0 ||
            json_get_string(o, "EnforcedBy", SAVE_FILE, &by, e) < 0 ||
            json_get_bool(o, "Exact", SAVE_FILE, &exact, e) < 0) {
            return -e->errnum;
        }
        if (option != NULL && asked != NULL) {
            cgroup_note_limit(c, option, asked, by, exact);
        }
    }
    return 0;
}

/* The descriptors of a cgroup whose path is known. */
static int open_folders(struct cgroup *c, struct err *e)
{
    if (cgroup_tree_open_path(c->path, &c->top_fd, e) < 0) {
        return -e->errnum;
    }
    c->box_fd = openat(c->top_fd, "box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->box_fd < 0) {
        return err_set(e, errno, "cannot open cgroup '%s/box'", c->path);
    }
    c->server_fd = openat(c->top_fd, "server", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c->join_fd = openat(c->box_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return c->join_fd < 0 ? err_set(e, errno, "cannot open cgroup '%s/box'", c->path) : 0;
}

int cgroup_load(int run_fd, struct cgroup *ret, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    autofree char *text = NULL;
    json_auto_t *o = NULL;
    json_t *limits = NULL;
    const char *path = NULL;
    const char *unit = NULL;
    int64_t way = CGROUP_NONE;
    int r = file_read(run_fd, SAVE_FILE, FILE_MAX_BYTES, &text, NULL, e);

    if (r == -ENOENT) { /* none was wanted, so none was written */
        err_clear(e);
        *ret = CGROUP_INIT;
        return 0;
    }
    if (r < 0 || json_parse(text, strlen(text), SAVE_FILE, &o, e) < 0 ||
        json_get_int(o, "Way", SAVE_FILE, &way, e) < 0 ||
        json_get_string(o, "Path", SAVE_FILE, &path, e) < 0 ||
        json_get_string(o, "Unit", SAVE_FILE, &unit, e) < 0 ||
        json_get_int(o, "NprocLimit", SAVE_FILE, &c.nproc_limit, e) < 0 ||
        json_get_array(o, "Limits", SAVE_FILE, &limits, e) < 0 || load_limits(limits, &c, e) < 0) {
        return -e->errnum;
    }
    c.way = path != NULL ? (enum cgroup_way)way : CGROUP_NONE;
    c.path = xstrdup_null(path);
    c.unit = xstrdup_null(unit);
    if (c.way != CGROUP_NONE && open_folders(&c, e) < 0) {
        return -e->errnum;
    }
    *ret = c;
    c = CGROUP_INIT;
    return 0;
}

/* Of the whole record only the path is wanted: a listing asks this of each. */
int cgroup_is_paused(int run_fd)
{
    static const char *const PATHS[] = {"Path", NULL};
    autofree char *text = NULL;
    autofree char *box = NULL;
    autoclose int box_fd = -1;
    json_auto_t *o = NULL;
    const char *path = NULL;
    struct err ignored = {0};
    size_t len = 0;

    if (file_read(run_fd, SAVE_FILE, FILE_MAX_BYTES, &text, &len, &ignored) < 0 ||
        json_parse_some(text, len, SAVE_FILE, PATHS, &o, &ignored) < 0 ||
        json_get_string(o, "Path", SAVE_FILE, &path, &ignored) < 0 || path == NULL) {
        return 0;
    }
    box = xasprintf("%s/box", path);
    return cgroup_tree_open_path(box, &box_fd, &ignored) == 0 && cgroup_is_frozen(box_fd) == 1;
}
