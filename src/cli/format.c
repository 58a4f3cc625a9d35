/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/format.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/template.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMN_GAP = 2,
    COLUMNS_MAX = 64
};

/* ---- tables: lines of cells apart by tabs */

/* Width on a terminal: bytes that continue a UTF-8 character take no room. */
static size_t width(const char *s, size_t len)
{
    size_t w = 0;

    for (size_t i = 0; i < len; i++) {
        w += ((unsigned char)s[i] & 0xc0) != 0x80;
    }
    return w;
}

static void measure(const char *line, size_t widths[COLUMNS_MAX])
{
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        size_t len = strcspn(line, "\t");
        size_t w = width(line, len);

        widths[i] = w > widths[i] ? w : widths[i];
        if (line[len] == '\0') {
            return;
        }
        line += len + 1;
    }
}

/* Names of images and commands may hold anything: control bytes must not reach the terminal. */
static void put_cell(struct buf *out, const char *s, size_t len)
{
    size_t at = out->len;

    buf_add(out, s, len);
    for (; at < out->len; at++) {
        out->data[at] = (char)(iscntrl((unsigned char)out->data[at]) ? '?' : out->data[at]);
    }
}

static void put_gap(struct buf *out, size_t len)
{
    static const char BLANKS[] = "                                ";

    for (; len > strlen(BLANKS); len -= strlen(BLANKS)) {
        buf_puts(out, BLANKS);
    }
    buf_add(out, BLANKS, len);
}

static void put_line(struct buf *out, const char *line, const size_t widths[COLUMNS_MAX])
{
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        size_t len = strcspn(line, "\t");

        put_cell(out, line, len);
        if (line[len] == '\0') {
            break;
        }
        put_gap(out, widths[i] - width(line, len) + COLUMN_GAP);
        line += len + 1;
    }
    buf_puts(out, "\n");
}

static void put_table(FILE *out, const struct strv *lines)
{
    autobuf struct buf text = {0};
    size_t widths[COLUMNS_MAX] = {0};

    for (size_t i = 0; i < lines->len; i++) {
        measure(lines->v[i], widths);
    }
    for (size_t i = 0; i < lines->len; i++) {
        put_line(&text, lines->v[i], widths);
    }
    (void)fwrite(text.data, 1, text.len, out);
}

void format_lines(FILE *out, const struct format_column *columns, struct strv *lines,
                  enum format_flags flags)
{
    autostrv struct strv all = {0};
    struct buf heading = {0};

    if ((flags & FORMAT_NO_HEADING) == 0) {
        for (const struct format_column *c = columns; c->title != NULL; c++) {
            buf_puts(&heading, c > columns ? "\t" : "");
            buf_puts(&heading, c->title);
        }
        strv_take(&all, heading.data);
    }
    for (size_t i = 0; i < lines->len; i++) {
        strv_take(&all, steal_ptr(&lines->v[i]));
    }
    lines->len = 0;
    put_table(out, &all);
}

/* ---- formats */

/* A row whose values are the headings: a field's column title, else its name in capitals. */
static json_t *heading_row(const struct format_column *columns, json_t *rows)
{
    json_t *heading = json_object();
    const char *key = NULL;
    json_t *unused = NULL;

    json_object_foreach(json_array_get(rows, 0), key, unused)
    {
        autofree char *title = xstrdup(key);

        for (char *p = title; *p != '\0'; p++) {
            *p = (char)toupper((unsigned char)*p);
        }
        (void)json_object_set_new(heading, key, json_string(title));
    }
    for (const struct format_column *c = columns; c != NULL && c->title != NULL; c++) {
        (void)json_object_set_new(heading, c->field, json_string(c->title));
    }
    return heading;
}

/* The template that makes the default table: "{{.ID}}\t{{.Names}}". */
static char *columns_template(const struct format_column *columns)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (const struct format_column *c = columns; c->title != NULL; c++) {
        buf_printf(&b, "%s{{.%s}}", b.len > 0 ? "\\t" : "", c->field);
    }
    return b.data;
}

/* One line of text for @row, pushed onto @lines. */
static int add_line(const struct template *t, json_t *row, struct strv *lines, struct err *e)
{
    autobuf struct buf line = {0};
    int r = 0;

    buf_puts(&line, "");
    r = template_run(t, row, &line, e);
    if (r == 0) {
        strv_take(lines, steal_ptr(&line.data));
    }
    return r;
}

static int add_lines(const char *text, json_t *heading, json_t *rows, struct strv *lines,
                     struct err *e)
{
    struct template *t = NULL;
    size_t i = 0;
    json_t *row = NULL;
    int r = template_parse(text, &t, e);

    if (r == 0 && heading != NULL) {
        r = add_line(t, heading, lines, e);
    }
    json_array_foreach(rows, i, row)
    {
        r = r < 0 ? r : add_line(t, row, lines, e);
    }
    template_free(t);
    return r < 0 ? err_wrap(e, "--format") : 0;
}

static void put_json(FILE *out, const json_t *v)
{
    autofree char *text = json_dumps(v, JSON_INDENT(4) | JSON_ENCODE_ANY);

    (void)fprintf(out, "%s\n", text != NULL ? text : "null");
}

/* Blanks between a table's actions stand between cells, too: podman's rule. */
static char *table_template(const char *text)
{
    char *t = xstrdup(text);
    int depth = 0;

    for (char *p = t; *p != '\0'; p++) {
        depth += strncmp(p, "{{", 2) == 0;
        depth -= strncmp(p, "}}", 2) == 0;
        *p = (char)(*p == ' ' && depth == 0 ? '\t' : *p);
    }
    return t;
}

int format_rows(FILE *out, const char *format, const struct format_column *columns, json_t *rows,
                enum format_flags flags, struct err *e)
{
    const char *table = format != NULL ? str_after(format, "table") : "";
    autofree char *text = NULL;
    autostrv struct strv lines = {0};
    json_t *heading = NULL;
    int r = 0;

    if (str_eq(format, "json") || str_eq(format, "{{json}}")) {
        put_json(out, rows);
        return 0;
    }
    if (table == NULL) {
        r = add_lines(format, NULL, rows, &lines, e);
        for (size_t i = 0; r == 0 && i < lines.len; i++) {
            (void)fprintf(out, "%s\n", lines.v[i]);
        }
        return r;
    }
    table += strspn(table, " ");
    text = *table != '\0' ? table_template(table) : columns_template(columns);
    heading = (flags & FORMAT_NO_HEADING) != 0 ? NULL : heading_row(columns, rows);
    r = add_lines(text, heading, rows, &lines, e);
    json_decref(heading);
    if (r == 0) {
        put_table(out, &lines);
    }
    return r;
}

int format_listed(FILE *out, const struct format_list *o, const struct format_column *columns,
                  json_t *rows, struct err *e)
{
    const char *format = o->quiet && o->format == NULL ? "{{.Name}}" : o->format;

    return format_rows(out, format, columns, rows, o->no_heading ? FORMAT_NO_HEADING : 0, e);
}

int format_value(FILE *out, const char *format, json_t *value, struct err *e)
{
    json_t *rows = NULL;
    autostrv struct strv lines = {0};
    int r = 0;

    if (format == NULL || strcmp(format, "json") == 0) {
        put_json(out, value);
        return 0;
    }
    rows = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
    r = add_lines(format, NULL, rows, &lines, e);
    json_decref(rows);
    for (size_t i = 0; r == 0 && i < lines.len; i++) {
        (void)fprintf(out, "%s\n", lines.v[i]);
    }
    return r;
}

/* ---- for people */

char *format_age(int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } UNITS[] = {{365 * 86400, "year"}, {30 * 86400, "month"}, {7 * 86400, "week"},
                 {86400, "day"},        {3600, "hour"},        {60, "minute"}};

    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        int64_t n = seconds / UNITS[i].seconds;

        if (n >= (UNITS[i].seconds > 86400 ? 2 : 1)) {
            return xasprintf("%" PRId64 " %s%s", n, UNITS[i].name, n == 1 ? "" : "s");
        }
    }
    return seconds == 1 ? xstrdup("1 second")
                        : xasprintf("%" PRId64 " seconds", seconds > 0 ? seconds : 0);
}

char *format_ago(int64_t seconds)
{
    autofree char *age = format_age(seconds);

    return xasprintf("%s ago", age);
}

size_t format_cut(const char *text, size_t bytes)
{
    while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80) {
        bytes--;
    }
    return bytes;
}

size_t format_characters(const char *text, size_t max, size_t *ret_count)
{
    size_t i = 0;

    for (*ret_count = 0; text[i] != '\0' && *ret_count < max; ++*ret_count) {
        for (i++; ((unsigned char)text[i] & 0xc0) == 0x80; i++) {
        }
    }
    return i;
}

char *format_size(int64_t bytes)
{
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double n = (double)bytes;
    size_t unit = 0;

    while (n >= 999.5 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0])) {
        n /= 1000;
        unit++;
    }
    return xasprintf("%.3g %s", n, UNITS[unit]);
}

/* ---- order */

struct sort_row {
    json_t *row;         /* borrowed, as is */
    const json_t *value; /* what it is sorted by */
    size_t place;
    int descending;
};

static int compare_rows(const void *a, const void *b)
{
    const struct sort_row *x = a;
    const struct sort_row *y = b;
    const json_t *v = x->value;
    const json_t *w = y->value;
    int order = 0;

    if (json_is_integer(v) && json_is_integer(w)) {
        order = (json_integer_value(v) > json_integer_value(w)) -
                (json_integer_value(v) < json_integer_value(w));
    } else if (json_is_string(v) && json_is_string(w)) {
        order = strcmp(json_string_value(v), json_string_value(w));
    }
    order = x->descending ? -order : order;
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

int format_sort_rows(json_t *rows, const struct format_sort *keys, const char *key, struct err *e)
{
    size_t count = json_array_size(rows);
    autofree struct sort_row *list = xcalloc(count, sizeof(*list));
    const struct format_sort *by = keys;

    while (key != NULL && by->key != NULL && strcmp(by->key, key) != 0) {
        by++;
    }
    if (by->key == NULL) {
        struct buf known = {0};

        for (by = keys; by->key != NULL; by++) {
            buf_printf(&known, "%s%s", by == keys ? "" : ", ", by->key);
        }
        (void)err_new(e, EINVAL, "--sort: '%s' is no key", key);
        (void)err_hint(e, "%s", known.data);
        buf_done(&known);
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_incref(json_array_get(rows, i));

        list[i] = (struct sort_row){row, json_object_get(row, by->field), i, by->descending};
    }
    if (count > 0) {
        qsort(list, count, sizeof(*list), compare_rows);
    }
    (void)json_array_clear(rows);
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(rows, list[i].row);
    }
    return 0;
}
