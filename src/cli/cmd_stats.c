/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/stats.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct stats_options {
    int no_stream;
    int no_trunc;
    int no_reset;
    int latest;
    int64_t interval_ms;
    char *format;
};

#define FIELD(name) offsetof(struct stats_options, name)

static const struct opt OPTIONS[] = {
    {"no-stream", 0, NULL, OPT_FLAG, FIELD(no_stream), "print once", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "print ids in full", NULL},
    {"no-reset", 0, NULL, OPT_FLAG, FIELD(no_reset), "do not clear the screen for each table",
     NULL},
    SELECT_LATEST_ROW(FIELD(latest)),
    {"interval", 'i', "TIME", OPT_DURATION, FIELD(interval_ms), "between two tables (default: 1s)",
     NULL},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format),
     "json, a template such as {{.Name}} {{.MemUsage}}, or table TEMPLATE", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"all", 'a', "only what runs uses anything"}, {0}};

static int stats(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static void stats_init(void *options)
{
    ((struct stats_options *)options)->interval_ms = 1000;
}

const struct cmd cmd_stats = {
    .names = {"stats", "container stats"},
    .group = CMD_CONTAINERS,
    .summary = "show what running containers use",
    .usage = "[options] [CONTAINER…]",
    .description =
        "Prints a table of all running containers, or of those named, every second. The share of\n"
        "the CPU is that since the table before; in the first, that since the container's start.\n"
        "A container without a cgroup has no figures but those of its network.",
    .examples = "rbox stats\n"
                "rbox stats --no-stream --format json web\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct stats_options),
    .max_args = CMD_ANY_ARGS,
    .init = stats_init,
    .run = stats,
};

static const struct format_column COLUMNS[] = {{"CONTAINER ID", "ID"},
                                               {"NAME", "Name"},
                                               {"CPU %", "CPUPerc"},
                                               {"MEM USAGE / LIMIT", "MemUsage"},
                                               {"MEM %", "MemPerc"},
                                               {"NET I/O", "NetIO"},
                                               {"BLOCK I/O", "BlockIO"},
                                               {"PIDS", "PIDs"},
                                               {NULL, NULL}};

/* One round of samples. */
struct round {
    struct stats *rows;
    size_t count;
};

static void round_done(struct round *r)
{
    for (size_t i = 0; i < r->count; i++) {
        stats_done(&r->rows[i]);
    }
    free(r->rows);
    *r = (struct round){0};
}

static const struct stats *sample_before(const struct round *before, const char *id)
{
    for (size_t i = 0; i < before->count; i++) {
        if (str_eq(before->rows[i].id, id)) {
            return &before->rows[i];
        }
    }
    return NULL;
}

/* Sample @f; one that has just ended is left out. */
static int take(const struct found *f, const struct round *before, struct round *now, struct err *e)
{
    struct stats s;
    int r = 0;

    if (f->run_fd < 0) {
        return 0;
    }
    r = stats_take(f->run_fd, f->id, f->name, sample_before(before, f->id), &s, e);
    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0) {
        now->rows = xrealloc(now->rows, now->count + 1, sizeof(*now->rows));
        now->rows[now->count++] = s;
    }
    return r;
}

/* Sample those named in @words, or all that run. */
static int take_all(const struct store *store, char **words, const struct round *before,
                    struct round *now, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = words[0] == NULL ? find_all(store, &all, e) : 0;

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        r = take(&all.rows[i], before, now, e);
    }
    for (; r == 0 && *words != NULL; words++) {
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};

        r = find_running(store, *words, &f, e);
        r = r < 0 ? r : take(&f, before, now, e);
    }
    return r;
}

/* The row as podman's --format json names it. New reference. */
static json_t *podman_row(const json_t *row)
{
    static const char *const NAMES[][2] = {{"id", "ID"},
                                           {"name", "Name"},
                                           {"cpu_percent", "CPUPerc"},
                                           {"mem_usage", "MemUsage"},
                                           {"mem_percent", "MemPerc"},
                                           {"net_io", "NetIO"},
                                           {"block_io", "BlockIO"},
                                           {"pids", "PIDs"}};
    json_t *o = json_object();

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        (void)json_object_set(o, NAMES[i][0], json_object_get(row, NAMES[i][1]));
    }
    return o;
}

/* What templates of podman and of docker call fields that there are. */
static void add_other_names(json_t *row)
{
    static const char *const NAMES[][2] = {
        {"PIDS", "PIDs"}, {"CPU", "CPUPerc"}, {"Container", "ID"}, {"ContainerID", "ID"}};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        (void)json_object_set(row, NAMES[i][0], json_object_get(row, NAMES[i][1]));
    }
}

static int print(const struct stats_options *o, const struct round *now, struct err *e)
{
    json_auto_t *rows = json_array();
    int is_json = str_eq(o->format, "json");

    for (size_t i = 0; i < now->count; i++) {
        json_t *row = stats_json(&now->rows[i]);

        if (!o->no_trunc) {
            (void)json_object_set_new(row, "ID", json_stringn(now->rows[i].id, 12));
        }
        if (is_json) {
            (void)json_array_append_new(rows, podman_row(row));
            json_decref(row);
        } else {
            add_other_names(row);
            (void)json_array_append_new(rows, row);
        }
    }
    return format_rows(stdout, o->format, COLUMNS, rows, 0, e);
}

/* What a controller that does not reach the cgroup leaves out of the table. */
static void explain_controllers(const struct stats *s)
{
    const struct {
        const char *name;
        uint64_t figure;
    } rows[] = {{"memory", s->f.memory_bytes}, {"pids", s->f.pids}, {"io", s->f.io_read_bytes}};
    autobuf struct buf missing = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].figure == CGROUP_UNKNOWN) {
            buf_printf(&missing, " %s", rows[i].name);
        }
    }
    if (missing.len > 0) {
        notice(
            "controllers that do not reach the cgroup of %s:%s; rbox doctor names what delegates "
            "them",
            s->name, missing.data);
    }
}

/* Why figures are missing, once. */
static void explain_missing(const struct round *now)
{
    int is_told = 0;

    for (size_t i = 0; i < now->count; i++) {
        if (now->rows[i].f.cpu_us == CGROUP_UNKNOWN) {
            notice("%s runs without a cgroup, which has the figures: rbox run --cgroups=enabled",
                   now->rows[i].name);
        } else if (!is_told) { /* of the others it is the same */
            explain_controllers(&now->rows[i]);
            is_told = 1;
        }
    }
}

static int stats(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct stats_options *o = options;
    struct round before = {0};
    struct store *store = NULL;
    autofound struct found newest = {.dir_fd = -1, .run_fd = -1};
    char *latest[] = {NULL, NULL};
    int r = ctx_store(ctx, &store, e);

    if (r == 0 && o->latest) {
        r = argc > 0 ? err_new(e, EINVAL, "name containers, or give --latest")
                     : select_newest(store, &newest, e);
        latest[0] = newest.id;
        argv = latest;
    }
    while (r == 0) {
        struct round now = {0};

        r = take_all(store, argv, &before, &now, e);
        if (r == 0 && !o->no_stream && !o->no_reset && isatty(STDOUT_FILENO)) {
            (void)fputs("\033[H\033[J", stdout);
        }
        r = r < 0 ? r : print(o, &now, e);
        if (r == 0 && before.rows == NULL) {
            explain_missing(&now);
        }
        round_done(&before);
        before = now;
        if (r < 0 || o->no_stream || fflush(stdout) != 0) {
            break;
        }
        clock_sleep_ms(o->interval_ms);
    }
    round_done(&before);
    return r;
}
