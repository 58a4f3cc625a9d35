/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/registry_options.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DRAW_MS = 100,
    BAR_CELLS = 24,
    SHORT_DIGEST = 12
};

int registry_parse_tls(const char *value, void *field, struct err *e)
{
    int yes = 0;

    if (parse_bool(value, &yes, e) < 0) {
        return -e->errnum;
    }
    *(int *)field = yes ? 1 : -1;
    return 0;
}

/* --platform over --os, --arch and --variant. */
static int read_platform(struct registry_options *o, struct platform *ret, struct err *e)
{
    if (o->platform != NULL && platform_parse(o->platform, ret, e) < 0) {
        return err_wrap(e, "--platform");
    }
    ret->os = ret->os != NULL ? ret->os : o->os;
    ret->architecture =
        ret->architecture != NULL ? ret->architecture : platform_architecture(o->architecture);
    ret->variant = ret->variant != NULL ? ret->variant : o->variant;
    return 0;
}

/* ---- progress */

struct progress_row {
    char *digest;
    const char *state; /* NULL: bytes are coming */
    int64_t bytes;
    int64_t total;
    int64_t start_ms;
    int64_t start_bytes;
};

static const char *short_digest(const char *digest)
{
    const char *hex = strchr(digest, ':');

    return hex != NULL ? hex + 1 : digest;
}

static struct progress_row *row_of(struct progress *p, const char *digest, int64_t bytes)
{
    struct progress_row *row = NULL;

    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->rows[i].digest, digest) == 0) {
            return &p->rows[i];
        }
    }
    p->rows = xrealloc(p->rows, p->count + 1, sizeof(*p->rows));
    row = &p->rows[p->count++];
    *row = (struct progress_row){
        .digest = xstrdup(digest), .start_ms = clock_monotonic_ms(), .start_bytes = bytes};
    return row;
}

/* "[=====>    ]  12.3 MB / 30.1 MB  5.2 MB/s  3 s left" */
static void draw_bytes(const struct progress_row *row)
{
    int64_t elapsed_ms = clock_monotonic_ms() - row->start_ms;
    int64_t rate = elapsed_ms > 0 ? (row->bytes - row->start_bytes) * 1000 / elapsed_ms : 0;
    autofree char *bytes = format_size(row->bytes);
    autofree char *total = format_size(row->total);
    autofree char *per_second = format_size(rate);
    int cells = row->total > 0 ? (int)(row->bytes * BAR_CELLS / row->total) : 0;

    (void)fprintf(stderr, "[");
    for (int i = 0; i < BAR_CELLS; i++) {
        (void)fputc(i < cells ? '=' : (i == cells ? '>' : ' '), stderr);
    }
    (void)fprintf(stderr, "]  %s / %s", bytes, row->total > 0 ? total : "?");
    if (rate > 0) {
        (void)fprintf(stderr, "  %s/s", per_second);
    }
    if (rate > 0 && row->total > row->bytes) {
        (void)fprintf(stderr, "  %lld s left", (long long)((row->total - row->bytes) / rate + 1));
    }
}

static void draw(struct progress *p)
{
    if (p->drawn > 0) {
        (void)fprintf(stderr, "\033[%zuA", p->drawn);
    }
    for (size_t i = 0; i < p->count; i++) {
        (void)fprintf(stderr, "\r\033[K%.*s  ", SHORT_DIGEST, short_digest(p->rows[i].digest));
        if (p->rows[i].state != NULL) {
            autofree char *total = format_size(p->rows[i].total);

            (void)fprintf(stderr, "%s%s%s", p->rows[i].state, p->rows[i].total > 0 ? "  " : "",
                          p->rows[i].total > 0 ? total : "");
        } else {
            draw_bytes(&p->rows[i]);
        }
        (void)fprintf(stderr, "\n");
    }
    p->drawn = p->count;
    p->last_ms = clock_monotonic_ms();
}

static const struct {
    const char *event; /* of --format json */
    const char *line;  /* where there is no terminal; NULL: too many of them */
    const char *state; /* on a terminal */
} STEPS[] = {
    [TRANSFER_RESOLVE] = {"resolve", "Trying", NULL},
    [TRANSFER_BYTES] = {"progress", NULL, NULL},
    [TRANSFER_HAVE] = {"exists", "Exists already: blob", "exists"},
    [TRANSFER_WHOLE] = {"copied", "Copied blob", "done"},
    [TRANSFER_MOUNTED] = {"mounted", "Taken from another repository: blob", "mounted"},
    [TRANSFER_UNPACK] = {"unpack", NULL, "unpacking"},
    [TRANSFER_STORE] = {"manifest", "Writing manifest", NULL},
};

static void print_json(enum transfer_step s, const char *what, int64_t bytes, int64_t total)
{
    json_t *o = json_pack("{s:s, s:s}", "event", STEPS[s].event,
                          s == TRANSFER_RESOLVE ? "name" : "digest", what);
    autofree char *text = NULL;

    if (total != 0) {
        (void)json_object_set_new(o, "bytes", json_integer(bytes));
        (void)json_object_set_new(o, "total", json_integer(total));
    }
    text = json_text(o);
    (void)printf("%s\n", text);
    (void)fflush(stdout);
    json_decref(o);
}

static void print_line(enum transfer_step s, const char *what)
{
    autofree char *shown =
        s == TRANSFER_RESOLVE ? xstrdup(what) : xstrndup(short_digest(what), SHORT_DIGEST);

    if (STEPS[s].line != NULL) {
        (void)fprintf(stderr, "%s %s\n", STEPS[s].line, shown);
    }
}

static void on_step(void *arg, enum transfer_step s, const char *what, int64_t bytes, int64_t total)
{
    struct progress *p = arg;

    if (p->is_json) {
        print_json(s, what, bytes, total);
    } else if (!p->is_terminal || s == TRANSFER_RESOLVE || s == TRANSFER_STORE) {
        if (p->is_terminal) {
            progress_done(p);
        }
        print_line(s, what);
    } else {
        struct progress_row *row = row_of(p, what, bytes);

        row->bytes = bytes;
        row->total = total > 0 ? total : row->total;
        row->state = STEPS[s].state;
        if (s != TRANSFER_BYTES || clock_monotonic_ms() - p->last_ms >= DRAW_MS) {
            draw(p);
        }
    }
}

void progress_done(struct progress *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (str_eq(p->rows[i].state, "unpacking")) {
            p->rows[i].state = "done";
        }
    }
    if (p->count > 0) {
        draw(p);
    }
    for (size_t i = 0; i < p->count; i++) {
        free(p->rows[i].digest);
    }
    free(p->rows);
    p->rows = NULL;
    p->count = 0;
    p->drawn = 0;
}

int registry_options_read(struct registry_options *o, struct progress *p, struct pull_options *ret,
                          struct err *e)
{
    struct platform platform = {0};

    if (read_platform(o, &platform, e) < 0) {
        return -e->errnum;
    }
    p->is_terminal = isatty(STDERR_FILENO);
    p->is_json = o->json;
    p->transfer = (struct transfer_progress){.step = on_step, .arg = p};
    *ret = (struct pull_options){.fetch = {.authfile = o->authfile,
                                           .creds = o->creds,
                                           .cert_dir = o->cert_dir,
                                           .tls_verify = o->tls_verify},
                                 .platform = platform,
                                 .progress = o->quiet ? NULL : &p->transfer};
    return 0;
}
