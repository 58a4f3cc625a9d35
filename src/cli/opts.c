/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/opts.h"

#include "base/mem.h"
#include "base/parse.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option found on the command line. */
struct found {
    const struct opt *row;
    void *field;
    char label[64]; /* as given, for messages: "--publish" or "-p" */
};

struct parser {
    const struct opts *sets;
    size_t count;
    char **argv;
    int argc;
    int at; /* the word in hand */
};

int opt_is_end(const struct opt *row)
{
    return row->name == NULL && row->help == NULL;
}

int opt_is_heading(const struct opt *row)
{
    return row->name == NULL && row->help != NULL;
}

/* ---- names that are near */

enum {
    WORD_MAX = 40
};

/* Number of letters to add, drop or change to make @b of @a. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t len = strnlen(b, WORD_MAX);

    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            size_t best = diagonal + (a[i] != b[j]);

            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j + 1] + 1 < best ? row[j + 1] + 1 : best;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[len];
}

const char *opts_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t len = strlen(word);
    size_t limit = len < WORD_MAX ? len / 3 + 1 : 0; /* a third of the letters may be wrong */

    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, names[i]);

        if (d <= limit && d < strlen(names[i])) {
            best = names[i];
            limit = d > 0 ? d - 1 : 0;
        }
    }
    return best;
}

static int unknown(const struct parser *p, const char *label, const char *name, struct err *e)
{
    const char *names[512];
    size_t n = 0;
    const char *near = NULL;

    for (size_t s = 0; s < p->count; s++) {
        for (const struct opt *o = p->sets[s].rows; o != NULL && !opt_is_end(o); o++) {
            if (o->name != NULL && n < sizeof(names) / sizeof(names[0])) {
                names[n++] = o->name;
            }
        }
    }
    (void)err_new(e, EINVAL, "unknown option '%s'", label);
    near = name != NULL ? opts_nearest(name, names, n) : NULL;
    return near != NULL ? err_hint(e, "did you mean --%s?", near) : -EINVAL;
}

/* ---- looking up */

static int matches(const char *name, char letter, const char *want, char want_letter)
{
    return want != NULL ? str_eq(name, want) : letter != 0 && letter == want_letter;
}

/* What podman takes as well and shows nowhere; podman-compose says the first ones. */
static const char *other_name(const char *name)
{
    static const struct {
        const char *old;
        const char *name;
    } NAMES[] = {
        {"healthcheck-command", "health-cmd"},
        {"healthcheck-interval", "health-interval"},
        {"healthcheck-retries", "health-retries"},
        {"healthcheck-start-period", "health-start-period"},
        {"healthcheck-timeout", "health-timeout"},
        {"notruncate", "no-trunc"},
    };

    for (size_t i = 0; name != NULL && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(name, NAMES[i].old) == 0) {
            return NAMES[i].name;
        }
    }
    return name;
}

/* Find option @name, or @letter when that is NULL; @f->label is set. */
static int find(const struct parser *p, const char *name, char letter, struct found *f,
                struct err *e)
{
    name = other_name(name);
    for (size_t s = 0; s < p->count; s++) {
        const struct opts *set = &p->sets[s];

        for (const struct opt *o = set->rows; o != NULL && !opt_is_end(o); o++) {
            if (o->name != NULL && matches(o->name, o->letter, name, letter)) {
                f->row = o;
                f->field = (char *)set->fields + o->offset;
                return 0;
            }
        }
        for (const struct opt_refused *o = set->refused; o != NULL && o->name != NULL; o++) {
            if (matches(o->name, o->letter, name, letter)) {
                (void)err_new(e, ENOTSUP, "--%s is not supported yet", o->name);
                return o->instead != NULL ? err_hint(e, "%s", o->instead) : -ENOTSUP;
            }
        }
    }
    return unknown(p, f->label, name, e);
}

/* ---- taking values */

static int store(const struct found *f, const char *value, struct err *e)
{
    int64_t *number = f->field;

    switch (f->row->type) {
    case OPT_FLAG:
        return parse_bool(value, f->field, e);
    case OPT_STRING:
        free(*(char **)f->field);
        *(char **)f->field = xstrdup(value);
        return 0;
    case OPT_STRV:
        strv_push(f->field, value);
        return 0;
    case OPT_INT64:
        return parse_int64(value, 0, INT64_MAX, number, e);
    case OPT_BYTES:
        return parse_bytes(value, number, e);
    case OPT_DURATION:
        return parse_duration_ms(value, number, e);
    case OPT_PARSE:
        return f->row->parse(value, f->field, e);
    }
    return err_new(e, EINVAL, "has no type");
}

/* Store @value, or the next word where the option needs one and @value is NULL. */
static int take(struct parser *p, const struct found *f, const char *value, struct err *e)
{
    int r = 0;

    if (value == NULL && f->row->type == OPT_FLAG) {
        value = "true";
    }
    if (value == NULL) {
        if (p->at + 1 >= p->argc) {
            return err_new(e, EINVAL, "%s needs a value: %s", f->label, f->row->arg);
        }
        value = p->argv[++p->at];
    }
    r = store(f, value, e);
    return r < 0 ? err_wrap(e, "%s", f->label) : 0;
}

static int long_option(struct parser *p, char *word, struct err *e)
{
    char *equals = strchr(word, '=');
    char *name = xstrndup(word, equals != NULL ? (size_t)(equals - word) : strlen(word));
    struct found f = {0};
    int r = 0;

    (void)snprintf(f.label, sizeof(f.label), "--%s", name);
    r = find(p, name, 0, &f, e);
    free(name);
    return r < 0 ? r : take(p, &f, equals != NULL ? equals + 1 : NULL, e);
}

/* "-itv/a:/b": flags one after the other, the first that needs a value takes the rest. */
static int short_options(struct parser *p, const char *letters, struct err *e)
{
    for (const char *l = letters; *l != '\0'; l++) {
        struct found f = {.label = {'-', *l}};
        int r = find(p, NULL, *l, &f, e);

        if (r < 0) {
            return r;
        }
        if (l[1] == '=') {
            return take(p, &f, l + 2, e);
        }
        if (f.row->type != OPT_FLAG) {
            return take(p, &f, l[1] != '\0' ? l + 1 : NULL, e);
        }
        r = take(p, &f, NULL, e);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int opts_parse(const struct opts *sets, size_t count, enum opts_flags flags, int *argc, char **argv,
               struct err *e)
{
    struct parser p = {.sets = sets, .count = count, .argv = argv, .argc = *argc};
    int operands = 0;
    int only_operands = 0;

    for (; p.at < p.argc; p.at++) {
        char *word = argv[p.at];
        int r = 0;

        if (only_operands || word[0] != '-' || word[1] == '\0') {
            argv[operands++] = word;
            only_operands |= flags & OPTS_STOP_AT_OPERAND;
        } else if (strcmp(word, "--") == 0) {
            only_operands = 1;
        } else if (word[1] == '-') {
            r = long_option(&p, word + 2, e);
        } else {
            r = short_options(&p, word + 1, e);
        }
        if (r < 0) {
            return r;
        }
    }
    argv[operands] = NULL;
    *argc = operands;
    return 0;
}

void opts_done(const struct opts *set)
{
    for (const struct opt *o = set->rows; o != NULL && !opt_is_end(o); o++) {
        void *field = (char *)set->fields + o->offset;

        if (o->type == OPT_STRING) {
            free(*(char **)field);
            *(char **)field = NULL;
        } else if (o->type == OPT_STRV) {
            strv_done(field);
        }
    }
}
