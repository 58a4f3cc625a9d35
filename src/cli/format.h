/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How lists are printed: a table, JSON, or whatever --format asks for.
 *
 *     static const struct format_column COLUMNS[] = {
 *         {"IMAGE ID", "ID"}, {"TAG", "Tag"}, {NULL, NULL}};
 *     json_t *rows = json_array();   one object a row, with the fields that templates may name
 *     r = format_rows(stdout, o->format, COLUMNS, rows, o->no_heading ? FORMAT_NO_HEADING : 0, e);
 *
 * --format says "json", a template (template.h), or "table TEMPLATE": cells apart by \t or blanks,
 * aligned, with a heading. Without it the columns are a table. */
#ifndef RBOX_CLI_FORMAT_H
#define RBOX_CLI_FORMAT_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct format_column {
    const char *title; /* "CONTAINER ID" */
    const char *field; /* "ID" */
};

enum format_flags {
    FORMAT_NO_HEADING = 1 << 0
};

/* The options of a command that lists: rows for its table, for options that have a struct
 * format_list at @field. */
struct format_list {
    char *format;
    int quiet;
    int no_heading;
};

#define FORMAT_LIST_ROWS(type, field)                                                      \
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(type, field.quiet), "print names only", NULL}, \
        {"noheading",        'n', NULL, OPT_FLAG, offsetof(type, field.no_heading),        \
         "print no heading", NULL},                                                        \
    {                                                                                      \
        "format", 0, "FORMAT", OPT_STRING, offsetof(type, field.format),                   \
            "json, a template, or table TEMPLATE", NULL                                    \
    }

/* Print @rows as these options ask: quiet, the field Name alone. */
int format_listed(FILE *out, const struct format_list *o, const struct format_column *columns,
                  json_t *rows, struct err *e);

/* Print @rows, an array of objects. @format: what --format said, or NULL. @columns: the table's,
 * ends with {NULL, NULL}; it also gives headings to "table" formats. Errors: -EINVAL, the format
 * is wrong: nothing was printed then. */
int format_rows(FILE *out, const char *format, const struct format_column *columns, json_t *rows,
                enum format_flags flags, struct err *e);

/* Print @lines, whose cells are apart by tabs, as the table of @columns. Takes the lines. */
void format_lines(FILE *out, const struct format_column *columns, struct strv *lines,
                  enum format_flags flags);

/* --sort KEY: the field that a key stands for. */
struct format_sort {
    const char *key;   /* "created" */
    const char *field; /* "Created" */
    int descending;    /* numbers: the greatest first */
};

/* Order @rows by @key, the first of @keys (which end with {NULL}) when it is NULL; those that are
 * equal stay as they were. Errors: -EINVAL there is no such key. */
int format_sort_rows(json_t *rows, const struct format_sort *keys, const char *key, struct err *e);

/* Print @value, as inspect does: indented JSON, or what @format makes of it, one line for each
 * element when it is an array. */
int format_value(FILE *out, const char *format, json_t *value, struct err *e);

/* "2 hours", "5 minutes ago", "4.19 MB": as people read them. The caller owns the text. */
char *format_age(int64_t seconds);
char *format_ago(int64_t seconds);
char *format_size(int64_t bytes);

/* How many of the first @bytes of @text, which has them, end no character in the middle. */
size_t format_cut(const char *text, size_t bytes);

/* The bytes of the first @max characters of @text, and in *ret_count how many there are. */
size_t format_characters(const char *text, size_t max, size_t *ret_count);

#endif
