/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/template_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum node_kind {
    NODE_TEXT,
    NODE_VALUE,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_SET /* {{$name := value}}, for the nodes behind it */
};

struct node {
    enum node_kind kind;
    char *text;       /* NODE_TEXT */
    struct strv expr; /* words of a pipeline, "|" among them */
    char *key;        /* names of variables, with $; or NULL. NODE_RANGE's of the key */
    char *value;      /* and of the value, NODE_WITH's, NODE_SET's */
    struct node *body;
    struct node *otherwise;
    struct node *next;
};

struct template
{
    struct node *first;
};

enum {
    DEPTH_MAX = 16,
    VARIABLES_MAX = 100 /* each is a call in a call */
};

/* ---- parsing */

struct reader {
    const char *p;
    int depth;
    int variables;
    int trim;           /* the action before ended in -}} */
    struct strv action; /* words of the action that was read last */
};

static void free_nodes(struct node *n)
{
    while (n != NULL) {
        struct node *next = n->next;

        free_nodes(n->body);
        free_nodes(n->otherwise);
        free(n->text);
        free(n->key);
        free(n->value);
        strv_done(&n->expr);
        free(n);
        n = next;
    }
}

/* Text up to the next action, with \t and \n made real, trimmed where actions ask for it. */
static char *read_text(struct reader *r)
{
    const char *end = strstr(r->p, "{{");
    size_t len = end != NULL ? (size_t)(end - r->p) : strlen(r->p);
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < len; i++) {
        if (r->p[i] == '\\' && i + 1 < len && strchr("tn\\", r->p[i + 1]) != NULL) {
            i++;
            buf_puts(&b, r->p[i] == 't' ? "\t" : r->p[i] == 'n' ? "\n" : "\\");
        } else if (!r->trim || b.len > 0 || !isspace((unsigned char)r->p[i])) {
            buf_add(&b, &r->p[i], 1);
        }
    }
    r->p += len;
    r->trim = 0;
    if (str_after(r->p, "{{- ") != NULL) {
        while (b.len > 0 && isspace((unsigned char)b.data[b.len - 1])) {
            b.data[--b.len] = '\0';
        }
    }
    return b.data;
}

/* A quoted word keeps its opening quote, which tells it from names. */
static int read_quoted(struct reader *r, struct err *e)
{
    char quote = *r->p;
    autobuf struct buf b = {0};

    buf_puts(&b, "\"");
    for (r->p++; *r->p != quote; r->p++) {
        if (*r->p == '\0') {
            return err_new(e, EINVAL, "a string in the template does not end");
        }
        if (*r->p == '\\' && quote == '"' && r->p[1] != '\0') {
            r->p++;
            buf_puts(&b, *r->p == 't' ? "\t" : *r->p == 'n' ? "\n" : (char[]){*r->p, '\0'});
        } else {
            buf_add(&b, r->p, 1);
        }
    }
    r->p++;
    strv_take(&r->action, steal_ptr(&b.data));
    return 0;
}

/* Of the word at @p: a mark alone; fields belong to the parenthesis before them, "(…).Name". */
static size_t word_length(const char *p)
{
    size_t mark = strchr("|,()", *p) != NULL;

    return mark == 1 && (*p != ')' || p[1] != '.') ? 1 : mark + strcspn(p + mark, " \t\n|,(){}\"`");
}

/* Step over the comment that an action is. */
static int skip_comment(struct reader *r, struct err *e)
{
    const char *end = strstr(r->p, "*/");

    if (end == NULL) {
        return err_new(e, EINVAL, "a comment in the template does not end");
    }
    r->p = end + strlen("*/");
    return 0;
}

/* The words of one action, from behind "{{" to behind "}}"; none for a comment. */
static int read_action(struct reader *r, struct err *e)
{
    int is_comment = 0;

    strv_done(&r->action);
    r->p += strlen("{{");
    if (r->p[0] == '-' && isspace((unsigned char)r->p[1])) {
        r->p++;
    }
    is_comment = str_after(r->p + strspn(r->p, " \t\n"), "/*") != NULL;
    if (is_comment && skip_comment(r, e) < 0) {
        return -e->errnum;
    }
    for (;;) {
        size_t len = 0;

        r->p += strspn(r->p, " \t\n");
        if (str_after(r->p, "-}}") != NULL) {
            r->trim = 1;
            r->p++;
        }
        if (str_after(r->p, "}}") != NULL) {
            r->p += strlen("}}");
            return r->action.len > 0 || is_comment ? 0 : err_new(e, EINVAL, "{{}} says nothing");
        }
        if (*r->p == '\0') {
            return err_new(e, EINVAL, "the template has {{ without }}");
        }
        if (*r->p == '"' || *r->p == '`') {
            if (read_quoted(r, e) < 0) {
                return -e->errnum;
            }
            continue;
        }
        len = word_length(r->p);
        if (len == 0) {
            return err_new(e, EINVAL, "the template has '%c' where it cannot be", *r->p);
        }
        strv_take(&r->action, xstrndup(r->p, len));
        r->p += len;
    }
}

static int word_is(const struct strv *words, size_t i, const char *word)
{
    return i < words->len && strcmp(words->v[i], word) == 0;
}

/* Move the words of the action from @from on into @n's pipeline. */
static int take_expr(struct reader *r, size_t from, struct node *n, struct err *e)
{
    for (size_t i = from; i < r->action.len; i++) {
        strv_push(&n->expr, r->action.v[i]);
    }
    return n->expr.len > 0 ? 0 : err_new(e, EINVAL, "{{%s}} needs a value", r->action.v[0]);
}

/* "range .X", "range $v := .X", "range $k, $v := .X"; the same with "with" and one variable. */
static int take_named(struct reader *r, struct node *n, struct err *e)
{
    size_t from = 1;

    if (word_is(&r->action, 2, ":=")) {
        n->value = xstrdup(r->action.v[1]);
        from = 3;
    } else if (n->kind == NODE_RANGE && word_is(&r->action, 2, ",") &&
               word_is(&r->action, 4, ":=")) {
        n->key = xstrdup(r->action.v[1]);
        n->value = xstrdup(r->action.v[3]);
        from = 5;
    }
    return take_expr(r, from, n, e);
}

static int parse_list(struct reader *r, struct node **ret, struct err *e);
static int parse_action(struct reader *r, struct node *n, struct err *e);

/* {{else if …}} is an {{if}} in the {{else}} that ends with it. */
static int parse_else_if(struct reader *r, struct node *n, struct err *e)
{
    autostrv struct strv words = r->action;

    r->action = (struct strv){0};
    for (size_t i = 1; i < words.len; i++) {
        strv_push(&r->action, words.v[i]);
    }
    n->otherwise = xcalloc(1, sizeof(*n->otherwise));
    return parse_action(r, n->otherwise, e);
}

/* Body, {{else}} and {{end}} of an {{if}}, {{with}} or {{range}}. */
static int parse_block(struct reader *r, struct node *n, struct err *e)
{
    if (++r->depth > DEPTH_MAX) {
        return err_new(e, EINVAL, "the template is nested too deeply");
    }
    if (parse_list(r, &n->body, e) < 0) {
        return -e->errnum;
    }
    if (word_is(&r->action, 0, "else") &&
        (word_is(&r->action, 1, "if") || word_is(&r->action, 1, "with"))) {
        if (parse_else_if(r, n, e) < 0) {
            return -e->errnum;
        }
        r->depth--;
        return 0;
    }
    if (word_is(&r->action, 0, "else") && r->action.len == 1 &&
        parse_list(r, &n->otherwise, e) < 0) {
        return -e->errnum;
    }
    if (!word_is(&r->action, 0, "end")) {
        return err_new(e, EINVAL, "the template has {{if}}, {{with}} or {{range}} without {{end}}");
    }
    r->depth--;
    strv_done(&r->action);
    return 0;
}

static int parse_action(struct reader *r, struct node *n, struct err *e)
{
    if (word_is(&r->action, 0, "if")) {
        n->kind = NODE_IF;
        return take_expr(r, 1, n, e) < 0 ? -e->errnum : parse_block(r, n, e);
    }
    if (word_is(&r->action, 0, "range")) {
        n->kind = NODE_RANGE;
        return take_named(r, n, e) < 0 ? -e->errnum : parse_block(r, n, e);
    }
    if (word_is(&r->action, 0, "with")) {
        n->kind = NODE_WITH;
        return take_named(r, n, e) < 0 ? -e->errnum : parse_block(r, n, e);
    }
    if (word_is(&r->action, 1, ":=")) {
        if (++r->variables > VARIABLES_MAX) {
            return err_new(e, EINVAL, "the template has too many variables");
        }
        n->kind = NODE_SET;
        n->value = xstrdup(r->action.v[0]);
        return take_expr(r, 2, n, e);
    }
    n->kind = NODE_VALUE;
    return take_expr(r, 0, n, e);
}

/* Nodes up to the end of the text, {{else}} or {{end}}, which is left in r->action. What was made
 * is in *ret on failure too. */
static int parse_list(struct reader *r, struct node **ret, struct err *e)
{
    for (;;) {
        struct node *n = xcalloc(1, sizeof(*n));

        *ret = n;
        ret = &n->next;
        n->text = read_text(r);
        strv_done(&r->action);
        if (*r->p == '\0') {
            return 0;
        }
        if (read_action(r, e) < 0) {
            return -e->errnum;
        }
        if (word_is(&r->action, 0, "else") || word_is(&r->action, 0, "end")) {
            return r->depth > 0 ? 0 : err_new(e, EINVAL, "{{%s}} ends nothing", r->action.v[0]);
        }
        if (r->action.len == 0) {
            continue;
        }
        n = xcalloc(1, sizeof(*n));
        *ret = n;
        ret = &n->next;
        if (parse_action(r, n, e) < 0) {
            return -e->errnum;
        }
    }
}

int template_parse(const char *text, struct template **ret, struct err *e)
{
    struct reader r = {.p = text};
    struct template *t = xcalloc(1, sizeof(*t));
    int error = parse_list(&r, &t->first, e);

    strv_done(&r.action);
    if (error < 0) {
        template_free(t);
        return error;
    }
    *ret = t;
    return 0;
}

void template_free(struct template *t)
{
    if (t != NULL) {
        free_nodes(t->first);
        free(t);
    }
}

/* ---- running */

static int run_nodes(const struct node *n, const struct scope *s, struct buf *out, struct err *e);

/* One turn of a range: @key and @value are its variables, the value also the dot. */
static int run_turn(const struct node *n, const struct scope *s, json_t *key, json_t *value,
                    struct buf *out, struct err *e)
{
    struct scope with_key = {.outer = s, .name = n->key, .value = key, .dot = value};
    struct scope turn = {.outer = &with_key, .name = n->value, .value = value, .dot = value};
    int r = run_nodes(n->body, &turn, out, e);

    json_decref(key);
    return r;
}

static int run_range(const struct node *n, const struct scope *s, json_t *list, struct buf *out,
                     struct err *e)
{
    const char *key = NULL;
    json_t *v = NULL;
    size_t i = 0;
    int r = 0;

    if (!value_is_true(list)) {
        return run_nodes(n->otherwise, s, out, e);
    }
    if (json_is_array(list)) {
        json_array_foreach(list, i, v)
        {
            r = r < 0 ? r : run_turn(n, s, json_integer((json_int_t)i), v, out, e);
        }
        return r;
    }
    if (!json_is_object(list)) {
        return err_new(e, EINVAL, "{{range %s}}: there is nothing to go through", n->expr.v[0]);
    }
    json_object_foreach(list, key, v)
    {
        r = r < 0 ? r : run_turn(n, s, json_string(key), v, out, e);
    }
    return r;
}

/* What follows @n, or the body of its {{with}}, where its variable, if it has one, is @v. */
static int run_named(const struct node *n, const struct node *body, const struct scope *s,
                     json_t *v, struct buf *out, struct err *e)
{
    struct scope inner = {
        .outer = s, .name = n->value, .value = v, .dot = n->kind == NODE_WITH ? v : s->dot};

    return run_nodes(body, &inner, out, e);
}

/* One node whose value is @v, but not NODE_TEXT and NODE_SET. */
static int run_node(const struct node *n, const struct scope *s, json_t *v, struct buf *out,
                    struct err *e)
{
    if (n->kind == NODE_RANGE) {
        return run_range(n, s, v, out, e);
    }
    if (n->kind == NODE_WITH && value_is_true(v)) {
        return run_named(n, n->body, s, v, out, e);
    }
    if (n->kind == NODE_IF || n->kind == NODE_WITH) {
        return run_nodes(value_is_true(v) ? n->body : n->otherwise, s, out, e);
    }
    value_print(v, out);
    return 0;
}

static int run_nodes(const struct node *n, const struct scope *s, struct buf *out, struct err *e)
{
    int r = 0;

    for (; r == 0 && n != NULL; n = n->next) {
        json_auto_t *v = NULL;

        if (n->kind == NODE_TEXT) {
            buf_puts(out, n->text);
            continue;
        }
        r = value_eval(&n->expr, s, &v, e);
        if (r == 0 && n->kind == NODE_SET) {
            return run_named(n, n->next, s, v, out, e);
        }
        r = r < 0 ? r : run_node(n, s, v, out, e);
    }
    return r;
}

int template_run(const struct template *t, json_t *data, struct buf *out, struct err *e)
{
    struct scope top = {.name = "$", .value = data, .dot = data};

    return run_nodes(t->first, &top, out, e);
}
