/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/container_filter.h"
#include "cli/format.h"
#include "cli/ps_row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ps_options {
    int all;
    int quiet;
    int latest;
    int no_trunc;
    int no_heading;
    int64_t last;
    int size;
    int namespaces;
    int64_t watch_ms;
    int always; /* --sync, --external */
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
    {"ns", 0, NULL, OPT_FLAG, FIELD(namespaces), "the numbers of their namespaces", NULL},
    {"watch", 'w', "SECONDS", OPT_DURATION, FIELD(watch_ms),
     "print again after that time, until ended", NULL},
    {"sync", 0, NULL, OPT_FLAG, FIELD(always), "ask what lives, not a database: so it always is",
     NULL},
    {"external", 0, NULL, OPT_FLAG, FIELD(always), "those of other tools too: the store has none",
     NULL},
    {"sort", 0, "KEY", OPT_STRING, FIELD(sort),
     "by created (the default), command, id, image, names, size or status", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Names}} {{.Status}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"pod", 'p', "there are no pods"}, {"namespace", 0, "--ns"}, {0}};

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

static const struct format_column COLUMNS_SIZE[] = {
    {"CONTAINER ID", "ID"},    {"IMAGE", "Image"},   {"COMMAND", "Command"},
    {"CREATED", "RunningFor"}, {"STATUS", "Status"}, {"PORTS", "Ports"},
    {"NAMES", "Names"},        {"SIZE", "Size"},     {NULL, NULL}};

static const struct format_column COLUMNS_NS[] = {
    {"CONTAINER ID", "ID"}, {"NAMES", "Names"}, {"PID", "Pid"}, {"CGROUPNS", "CGROUPNS"},
    {"IPC", "IPC"},         {"MNT", "MNT"},     {"NET", "NET"}, {"PIDNS", "PIDNS"},
    {"USERNS", "USERNS"},   {"UTS", "UTS"},     {NULL, NULL}};

/* While they are sorted rows have what --format json prints of them. */
static const char WHOLE[] = "whole";

/* Newest first, as docker has it. */
static const struct format_sort SORT[] = {
    {"created", "Created", 1}, {"command", "Command", 0}, {"id", "ID", 0},
    {"image", "Image", 0},     {"names", "Names", 0},     {"runningfor", "Created", 1},
    {"size", "SizeRw", 1},     {"status", "Status", 0},   {NULL, NULL, 0}};

static void ps_init(void *options)
{
    ((struct ps_options *)options)->last = -1;
}

/* ---- which */

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

/* Take over @c, which was read with @r, if it is wanted. One that goes away meanwhile is no error.
 */
static int take(struct list *l, const struct filter *filter, int r, struct container *c,
                struct err *e)
{
    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0 && filter_matches(filter, c)) {
        l->v[l->count++] = *c;
    } else if (r == 0) {
        container_done(c);
    }
    return r;
}

static int read_all(const struct store *store, const struct filter *filter, struct list *ret,
                    struct err *e)
{
    autofound_list struct found_list found = {0};
    int r = find_all(store, &found, e);

    ret->v = xcalloc(found.count, sizeof(*ret->v));
    for (size_t i = 0; r == 0 && i < found.count; i++) {
        struct container c;

        r = take(ret, filter, container_glance(&found.rows[i], &c, e), &c, e);
    }
    return r;
}

/* Those that run, from their run folders: the store may hold many more. */
static int read_running(const struct store *store, const struct filter *filter, struct list *ret,
                        struct err *e)
{
    autolive struct state_live_list live = {0};
    int r = state_list_live(store, &live, e);

    ret->v = xcalloc(live.count, sizeof(*ret->v));
    for (size_t i = 0; r == 0 && i < live.count; i++) {
        struct container c;

        r = take(ret, filter, container_glance_live(store, &live.v[i], &c, e), &c, e);
    }
    return r;
}

static int read_list(const struct store *store, const struct ps_options *o, struct list *ret,
                     struct err *e)
{
    autofilter struct filter filter = {0};
    int r = container_filter_open(store, &o->filters, &filter, e);

    r = r < 0 ? r : (wants_ended(o) ? read_all : read_running)(store, &filter, ret, e);
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

/* ---- how */

static int add_sizes(const struct store *store, const struct list *l, json_t *rows, struct err *e)
{
    autofree int64_t *own = xcalloc(l->count, sizeof(*own));
    autofree int64_t *all = xcalloc(l->count, sizeof(*all));
    int r = container_sizes(store, l->v, l->count, own, all, e);

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        json_t *row = json_array_get(rows, i);

        ps_row_set_size(row, own[i], all[i]);
        ps_row_json_set_size(json_object_get(row, WHOLE), own[i], all[i]);
    }
    return r;
}

static json_t *make_row(const struct container *c, const struct ps_options *o)
{
    int is_json = str_eq(o->format, "json");
    json_t *row = ps_row(c, o->no_trunc);
    json_t *whole = is_json ? ps_row_json(c) : NULL;

    if (o->format != NULL && !is_json) {
        ps_row_add_details(row, c, o->no_trunc);
    }
    if (o->namespaces) {
        ps_row_add_namespaces(row, c);
        ps_row_json_add_namespaces(whole, c);
    }
    if (is_json) {
        (void)json_object_set_new(row, WHOLE, whole);
    }
    return row;
}

/* What --format json has of the sorted @rows. */
static json_t *whole_rows(json_t *rows)
{
    json_t *list = json_array();
    json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(rows, i, row)
    {
        (void)json_array_append(list, json_object_get(row, WHOLE));
    }
    json_decref(rows);
    return list;
}

static const struct format_column *columns(const struct ps_options *o)
{
    return o->namespaces ? COLUMNS_NS : o->size ? COLUMNS_SIZE : PS_COLUMNS;
}

/* In the order of @l, which is the newest first. */
static void print_lines(const struct ps_options *o, const struct list *l)
{
    autostrv struct strv lines = {0};

    for (size_t i = 0; i < l->count; i++) {
        strv_take(&lines, ps_line(&l->v[i], o->no_trunc, o->quiet));
    }
    format_lines(stdout, PS_COLUMNS, &lines, o->no_heading || o->quiet ? FORMAT_NO_HEADING : 0);
}

static int print_rows(const struct store *store, const struct ps_options *o, const struct list *l,
                      struct err *e)
{
    int with_size = o->size || (o->format != NULL && strstr(o->format, ".Size") != NULL);
    json_t *rows = json_array();
    int r = 0;

    for (size_t i = 0; i < l->count; i++) {
        (void)json_array_append_new(rows, make_row(&l->v[i], o));
    }
    r = with_size ? add_sizes(store, l, rows, e) : 0;
    r = r < 0 ? r : format_sort_rows(rows, SORT, o->sort, e);
    if (r == 0 && str_eq(o->format, "json")) {
        rows = whole_rows(rows);
    }
    if (r == 0) {
        r = format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format, columns(o),
                        rows, o->no_heading ? FORMAT_NO_HEADING : 0, e);
    }
    json_decref(rows);
    return r;
}

static int print(const struct store *store, const struct ps_options *o, struct err *e)
{
    struct list list = {0};
    int r = read_list(store, o, &list, e);

    if (r == 0 && o->format == NULL && o->sort == NULL && !o->size && !o->namespaces) {
        print_lines(o, &list);
    } else if (r == 0) {
        r = print_rows(store, o, &list, e);
    }
    list_done(&list);
    return r;
}

static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct ps_options *o = options;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    while (r == 0) {
        if (o->watch_ms > 0 && isatty(STDOUT_FILENO)) {
            (void)fputs("\033[H\033[J", stdout);
        }
        r = print(store, o, e);
        if (r < 0 || o->watch_ms == 0 || fflush(stdout) != 0) {
            break;
        }
        clock_sleep_ms(o->watch_ms);
    }
    return r;
}
