/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/format.h"
#include "spec/spec_join.h"

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
    char *format;
    struct strv filters;
};

static int parse_filter(const char *value, void *list, struct err *e);

#define FIELD(name) offsetof(struct ps_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "those that have ended too", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print ids only", NULL},
    {"last", 'n', "N", OPT_INT64, FIELD(last), "the N newest, running or not", NULL},
    {"latest", 'l', NULL, OPT_FLAG, FIELD(latest), "the newest, running or not", NULL},
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, FIELD(filters),
     "only those with that name, id, status, label, ancestor, network, exited or health",
     parse_filter},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print ids and commands in full", NULL},
    {"noheading", 0, NULL, OPT_FLAG, FIELD(no_heading), "print no heading", NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Names}} {{.Status}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"size", 's', NULL},    {"sort", 0, NULL},    {"pod", 'p', NULL},
    {"namespace", 0, NULL}, {"watch", 'w', NULL}, {"sync", 0, NULL},
    {"external", 0, NULL},  {"ns", 0, NULL},      {0}};

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

static void ps_init(void *options)
{
    ((struct ps_options *)options)->last = -1;
}

/* ---- filters; of one key any may match, of different keys all must */

static int match_name(const struct container *c, const char *value)
{
    return strstr(c->spec.box.name, value) != NULL;
}

static int match_id(const struct container *c, const char *value)
{
    return str_after(c->spec.box.id, value) != NULL;
}

static int match_status(const struct container *c, const char *value)
{
    return strcmp(container_state(c), value) == 0;
}

static int match_label(const struct container *c, const char *value)
{
    return spec_env_has(&c->spec.box.labels, value);
}

static int match_ancestor(const struct container *c, const char *value)
{
    const char *name = c->spec.box.image_name;
    const char *at = name != NULL ? strstr(name, value) : NULL;
    const char *id =
        c->spec.box.image_id != NULL ? str_after(c->spec.box.image_id, "sha256:") : NULL;

    /* a whole name, from a slash on, with or without the tag */
    if (at != NULL && (at == name || at[-1] == '/') && strchr(":", at[strlen(value)]) != NULL) {
        return 1;
    }
    return id != NULL && strlen(value) >= 3 && str_after(id, value) != NULL;
}

static int match_exited(const struct container *c, const char *value)
{
    autofree char *status = xasprintf("%d", (int)c->status);

    return c->has_ended && strcmp(status, value) == 0;
}

static int match_health(const struct container *c, const char *value)
{
    return strcmp(container_health(c), value) == 0;
}

static int match_network(const struct container *c, const char *value)
{
    return spec_join_find(&c->spec.box.network, value) != NULL;
}

static const struct {
    const char *key;
    int (*match)(const struct container *c, const char *value);
} FILTERS[] = {
    {"name", match_name},         {"id", match_id},
    {"status", match_status},     {"label", match_label},
    {"ancestor", match_ancestor}, {"exited", match_exited},
    {"health", match_health},     {"network", match_network},
};

enum {
    FILTER_COUNT = sizeof(FILTERS) / sizeof(FILTERS[0])
};

/* The row of "key=value", or FILTER_COUNT. */
static size_t find_filter(const char *filter)
{
    size_t len = strcspn(filter, "=");
    size_t i = 0;

    while (i < FILTER_COUNT &&
           (strlen(FILTERS[i].key) != len || strncmp(FILTERS[i].key, filter, len) != 0)) {
        i++;
    }
    return filter[len] == '=' ? i : FILTER_COUNT;
}

static int parse_filter(const char *value, void *list, struct err *e)
{
    if (find_filter(value) == FILTER_COUNT) {
        (void)err_new(e, EINVAL, "'%s' is not a filter", value);
        return err_hint(e, "name=, id=, status=, label=, ancestor=, network=, exited= or health=");
    }
    strv_push(list, value);
    return 0;
}

static int matches(const struct container *c, const struct strv *filters)
{
    int asked[FILTER_COUNT] = {0};
    int matched[FILTER_COUNT] = {0};

    for (size_t i = 0; i < filters->len; i++) {
        size_t f = find_filter(filters->v[i]);

        asked[f] = 1;
        matched[f] |= FILTERS[f].match(c, strchr(filters->v[i], '=') + 1);
    }
    for (size_t f = 0; f < FILTER_COUNT; f++) {
        if (asked[f] && !matched[f]) {
            return 0;
        }
    }
    return 1;
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

static int by_age(const void *a, const void *b)
{
    const struct container *x = a;
    const struct container *y = b;

    return (x->created_ns < y->created_ns) - (x->created_ns > y->created_ns);
}

struct list {
    struct container *v;
    size_t count;
};

/* Are those that do not run asked for? A filter for a state asks for those that have it. */
static int wants_ended(const struct ps_options *o)
{
    int wants = o->all || o->latest || o->last >= 0;

    for (size_t i = 0; i < o->filters.len; i++) {
        wants |= str_after(o->filters.v[i], "status=") != NULL ||
                 str_after(o->filters.v[i], "exited=") != NULL;
    }
    return wants;
}

/* Read those that are asked for. One that goes away meanwhile is no error. */
static int read_all(const struct store *store, const struct ps_options *o, struct list *ret,
                    struct err *e)
{
    autofound_list struct found_list found = {0};
    int r = wants_ended(o) ? find_all(store, &found, e) : find_all_running(store, &found, e);

    ret->v = xcalloc(found.count, sizeof(*ret->v));
    for (size_t i = 0; r == 0 && i < found.count; i++) {
        r = container_glance(&found.rows[i], &ret->v[ret->count], e);
        if (r == -ENOENT) {
            err_clear(e);
            r = 0;
        } else if (r == 0) {
            ret->count++;
        }
    }
    qsort(ret->v, ret->count, sizeof(*ret->v), by_age);
    return r;
}

static void list_done(struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        container_done(&l->v[i]);
    }
    free(l->v);
}

static json_t *select_rows(const struct list *l, const struct ps_options *o)
{
    json_t *rows = json_array();
    int64_t last = o->latest ? 1 : o->last;

    for (size_t i = 0; i < l->count; i++) {
        if (matches(&l->v[i], &o->filters) && (last < 0 || (int64_t)json_array_size(rows) < last)) {
            (void)json_array_append_new(rows, row(&l->v[i], o));
        }
    }
    return rows;
}

static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct ps_options *o = options;
    json_auto_t *rows = NULL;
    struct store *store = NULL;
    struct list list = {0};
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : read_all(store, o, &list, e);
    if (r == 0) {
        rows = select_rows(&list, o);
        r = format_rows(stdout, o->quiet && o->format == NULL ? "{{.ID}}" : o->format, COLUMNS,
                        rows, o->no_heading ? FORMAT_NO_HEADING : 0, e);
    }
    list_done(&list);
    return r;
}
