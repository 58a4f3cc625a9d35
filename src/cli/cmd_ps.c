/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/container_filter.h"
#include "cli/format.h"
#include "image/usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ps_options {
    int all;
    int quiet;
    int latest;
    int no_trunc;
    int no_heading;
    int64_t last;
    int size;
    char *sort;
    char *format;
    struct strv filters;
};

#define FIELD(name) offsetof(struct ps_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "those that have ended too", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print ids only", NULL},
    {"last", 'n', "N", OPT_INT64, FIELD(last), "the N newest, running or not", NULL},
    {"latest", 'l', NULL, OPT_FLAG, FIELD(latest), "the newest, running or not", NULL},
    CONTAINER_FILTER_ROW('f', FIELD(filters)),
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print ids and commands in full", NULL},
    {"noheading", 0, NULL, OPT_FLAG, FIELD(no_heading), "print no heading", NULL},
    {"size", 's', NULL, OPT_FLAG, FIELD(size),
     "what it has written, on disk, and (virtual) with its image", NULL},
    {"sort", 0, "KEY", OPT_STRING, FIELD(sort),
     "by created (the default), command, id, image, names, size or status", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Names}} {{.Status}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"pod", 'p', NULL},
                                             {"namespace", 0, NULL},
                                             {"watch", 'w', NULL},
                                             {"sync", 0, NULL},
                                             {"external", 0, NULL},
                                             {"ns", 0, NULL},
                                             {0}};

static void ps_init(void *options);
static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_ps = {
    .names = {"ps", "container ls", "container list", "container ps"},
    .group = CMD_CONTAINERS,
    .summary = "list containers",
    .usage = "[options]",
    .examples = "rbox ps -a\n"
                "rbox ps -aq --filter status=exited\n"
                "rbox ps --format '{{.Names}}: {{.Status}}'\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct ps_options),
    .init = ps_init,
    .run = ps,
};

static const struct format_column COLUMNS[] = {
    {"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"CREATED", "RunningFor"},
    {"STATUS", "Status"},   {"PORTS", "Ports"}, {"NAMES", "Names"},     {NULL, NULL}};
static const struct format_column COLUMNS_SIZE[] = {
    {"CONTAINER ID", "ID"},    {"IMAGE", "Image"},   {"COMMAND", "Command"},
    {"CREATED", "RunningFor"}, {"STATUS", "Status"}, {"PORTS", "Ports"},
    {"NAMES", "Names"},        {"SIZE", "Size"},     {NULL, NULL}};

/* Newest first, as docker has it. */
static const struct format_sort SORT[] = {
    {"created", "Created", 1}, {"command", "Command", 0}, {"id", "ID", 0},
    {"image", "Image", 0},     {"names", "Names", 0},     {"runningfor", "Created", 1},
    {"size", "SizeRw", 1},     {"status", "Status", 0},   {NULL, NULL, 0}};

static void ps_init(void *options)
{
    ((struct ps_options *)options)->last = -1;
}

/* ---- rows */

static char *short_command(const struct spec *s, int no_trunc)
{
    autofree char *whole = container_command(s);
    size_t len = 17;

    if (no_trunc || strlen(whole) <= 20) {
        return steal_ptr(&whole);
    }
    while (((unsigned char)whole[len] & 0xc0) == 0x80) { /* not within a character */
        len--;
    }
    return xasprintf("%.*s...", (int)len, whole);
}

static json_t *network_names(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->box.network.join_count; i++) {
        (void)json_array_append_new(list, json_str(s->box.network.joins[i].network));
    }
    return list;
}

static json_t *mount_places(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        (void)json_array_append_new(list, json_str(s->mounts[i].destination));
    }
    return list;
}

static json_t *row(const struct container *c, const struct ps_options *o)
{
    const struct spec *s = &c->spec;
    int64_t created_s = c->created_ns / 1000000000;
    int64_t now_s = time(NULL);
    autofree char *command = short_command(s, o->no_trunc);
    autofree char *status = container_status(c, now_s);
    autofree char *age = format_age(now_s - created_s);
    autofree char *since = xasprintf("%s ago", age);
    autofree char *ports = container_ports(s);
    autofree char *id = o->no_trunc ? xstrdup(s->box.id) : xstrndup(s->box.id, 12);
    const char *image = s->box.image_name != NULL ? s->box.image_name : s->box.rootfs;

    return json_pack("{s:o, s:o, s:o, s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "ID",
                     json_str(id), "Image", json_str(image != NULL ? image : ""), "Command",
                     json_str(command), "Created", (json_int_t)created_s, "RunningFor", since,
                     "Status", status, "State", container_state(c), "Ports", json_str(ports),
                     "Names", json_str(s->box.name), "Pid", (json_int_t)c->pid, "ExitCode",
                     (json_int_t)c->status, "Labels", json_from_strv(&s->box.labels), "Mounts",
                     mount_places(s), "Networks", network_names(s));
}

struct list {
    struct container *v;
    size_t count;
};

/* Are those that do not run asked for? A filter for a state asks for those that have it. */
static int wants_ended(const struct ps_options *o)
{
    return o->all || o->latest || o->last >= 0 || container_filter_wants_ended(&o->filters);
}

static int by_age(const void *a, const void *b)
{
    const struct container *x = a;
    const struct container *y = b;

    return (x->created_ns < y->created_ns) - (x->created_ns > y->created_ns);
}

/* Only the @last newest; -1: all. */
static void keep_newest(struct list *l, int64_t last)
{
    qsort(l->v, l->count, sizeof(*l->v), by_age);
    while (last >= 0 && l->count > (size_t)last) {
        container_done(&l->v[--l->count]);
    }
}

/* Read those that are asked for. One that goes away meanwhile is no error. */
static int read_all(const struct store *store, const struct ps_options *o, struct list *ret,
                    struct err *e)
{
    autofound_list struct found_list found = {0};
    autofilter struct filter filter = {0};
    int r = container_filter_open(store, &o->filters, &filter, e);

    r = r < 0            ? r
        : wants_ended(o) ? find_all(store, &found, e)
                         : find_all_running(store, &found, e);
    ret->v = xcalloc(found.count, sizeof(*ret->v));
    for (size_t i = 0; r == 0 && i < found.count; i++) {
        struct container *c = &ret->v[ret->count];

        r = container_glance(&found.rows[i], c, e);
        if (r == -ENOENT) {
            err_clear(e);
            r = 0;
        } else if (r == 0 && filter_matches(&filter, c)) {
            ret->count++;
        } else if (r == 0) {
            container_done(c);
        }
    }
    keep_newest(ret, o->latest ? 1 : o->last);
    return r;
}

static void list_done(struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        container_done(&l->v[i]);
    }
    free(l->v);
}

/* What each of @rows takes on disk: of its own, and its image's layers. */
static int add_sizes(const struct store *store, const struct list *l, json_t *rows, struct err *e)
{
    autostrv struct strv names = {0};
    autofree int64_t *bytes = NULL;
    size_t at = 0;
    int r = 0;

    for (size_t i = 0; i < l->count; i++) {
        strv_pushf(&names, "containers/%s/fs", l->v[i].spec.box.id);
        for (size_t k = 0; k < l->v[i].spec.box.layers.len; k++) {
            strv_pushf(&names, "layers/%s", l->v[i].spec.box.layers.v[k]);
        }
    }
    bytes = xcalloc(names.len, sizeof(*bytes));
    r = usage_of(store->dir_fd, (const char *const *)names.v, names.len, bytes, e);
    for (size_t i = 0; r == 0 && i < l->count; i++) {
        int64_t own = bytes[at++];
        int64_t all = own;
        autofree char *text = NULL;
        autofree char *own_text = format_size(own);
        autofree char *all_text = NULL;

        for (size_t k = 0; k < l->v[i].spec.box.layers.len; k++) {
            all += bytes[at++];
        }
        all_text = format_size(all);
        text = xasprintf("%s (virtual %s)", own_text, all_text);
        (void)json_object_update_new(json_array_get(rows, i),
                                     json_pack("{s:o, s:I, s:I}", "Size", json_str(text), "SizeRw",
                                               (json_int_t)own, "SizeRootFs", (json_int_t)all));
    }
    return r;
}

static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct ps_options *o = options;
    json_auto_t *rows = json_array();
    struct store *store = NULL;
    struct list list = {0};
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : read_all(store, o, &list, e);
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        (void)json_array_append_new(rows, row(&list.v[i], o));
    }
    r = r < 0 || !o->size ? r : add_sizes(store, &list, rows, e);
    r = r < 0 ? r : format_sort_rows(rows, SORT, o->sort, e);
    if (r == 0) {
        r = format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format,
                        o->size ? COLUMNS_SIZE : COLUMNS, rows,
                        o->no_heading ? FORMAT_NO_HEADING : 0, e);
    }
    list_done(&list);
    return r;
}
