/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options from tables: each row names an option and the field it fills in the command's options
 * struct. Parsing, --help, completions and man pages read the same rows.
 *
 *     struct rm_options { int force; struct strv filter; };
 *     static const struct opt OPTIONS[] = {
 *         {"force", 'f', NULL, OPT_FLAG, offsetof(struct rm_options, force), "end it first"},
 *         {"filter", 0, "KEY=VALUE", OPT_STRV, offsetof(struct rm_options, filter), "only these"},
 *         {0},
 *     };
 *
 * Forms understood: --name value, --name=value, -n value, -nvalue, -n=value, -it, --flag=false, and
 * -- which ends the options. A row without a name is a heading for the rows below it. */
#ifndef RBOX_CLI_OPTS_H
#define RBOX_CLI_OPTS_H

#include "base/err.h"

#include <stddef.h>

enum opt_type {
    OPT_FLAG = 1, /* int: 1, or what =true or =false says */
    OPT_STRING,   /* char *, owned by the struct; the last one given counts */
    OPT_STRV,     /* struct strv: each one given is added */
    OPT_INT64,    /* int64_t, not negative */
    OPT_BYTES,    /* int64_t: "64m" */
    OPT_DURATION, /* int64_t, milliseconds: "10" (seconds), "1m30s" */
    OPT_PARSE     /* @parse is called with the field's address */
};

/* Puts @value into the field at @field. Messages say only what is wrong with the value: the
 * option's name is put before them. */
typedef int opt_parser(const char *value, void *field, struct err *e);

struct opt {
    const char *name;
    char letter;     /* of the short form; 0: none */
    const char *arg; /* the value's name in the help; NULL for flags */
    enum opt_type type;
    size_t offset; /* of the field */
    const char *help;
    opt_parser *parse; /* for OPT_PARSE */
};

/* An option that docker or podman has and rbox has not: refused by name, never swallowed. */
struct opt_refused {
    const char *name;
    char letter;
    const char *instead; /* the hint, or NULL */
};

/* One table and the struct its offsets point into. */
struct opts {
    const struct opt *rows;            /* ends with a zeroed row; may be NULL */
    const struct opt_refused *refused; /* ends with a zeroed row; may be NULL */
    void *fields;
};

enum opts_flags {
    OPTS_STOP_AT_OPERAND = 1 << 0, /* the first argument that is no option ends the options */
};

/* Take the options out of @argv (*@argc words, without program and command) into the fields of the
 * @count tables @sets; where two know a name, the first counts. What is left, the operands, stands
 * at the start of @argv, *@argc words. Errors: -EINVAL, naming the option and the nearest name that
 * exists. */
int opts_parse(const struct opts *sets, size_t count, enum opts_flags flags, int *argc, char **argv,
               struct err *e);

/* Free the strings that rows of @set point to, and empty them. */
void opts_done(const struct opts *set);

/* Is @row the zeroed row at the end? Is it a heading? */
int opt_is_end(const struct opt *row);
int opt_is_heading(const struct opt *row);

/* The nearest of @count names to @word, or NULL when none is near enough to be meant. */
const char *opts_nearest(const char *word, const char *const *names, size_t count);

#endif
