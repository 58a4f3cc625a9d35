/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/http_auth.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char TOKEN_CHARS[] =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void skip(const char **p, const char *chars)
{
    *p += strspn(*p, chars);
}

static char *take_token(const char **p)
{
    size_t len = strspn(*p, TOKEN_CHARS);
    char *token = xstrndup(*p, len);

    *p += len;
    return token;
}

/* A token or a quoted string with its escapes undone. */
static char *take_value(const char **p)
{
    struct buf b = {0};

    if (**p != '"') {
        return take_token(p);
    }
    for (++*p; **p != '\0' && **p != '"'; ++*p) {
        if (**p == '\\' && (*p)[1] != '\0') {
            ++*p;
        }
        buf_add(&b, *p, 1);
    }
    if (**p == '"') {
        ++*p;
    }
    buf_add(&b, "", 0);
    return b.data != NULL ? b.data : xstrdup("");
}

static void take_parameter(struct http_auth *a, const char *name, char *value)
{
    const struct {
        const char *name;
        char **field;
    } fields[] = {{"realm", &a->realm}, {"service", &a->service}, {"scope", &a->scope}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcasecmp(name, fields[i].name) == 0 && *fields[i].field == NULL) {
            *fields[i].field = value;
            return;
        }
    }
    free(value);
}

static enum http_auth_scheme scheme_of(const char *name)
{
    if (strcasecmp(name, "Bearer") == 0) {
        return HTTP_AUTH_BEARER;
    }
    return strcasecmp(name, "Basic") == 0 ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE;
}

/* One challenge: its scheme, then "name=value" and commas. A word without "=" begins the next. */
static void take_challenge(const char **p, struct http_auth *ret)
{
    char *word = take_token(p);

    ret->scheme = scheme_of(word);
    free(word);
    for (;;) {
        const char *start = NULL;
        char *name = NULL;

        skip(p, " \t,");
        start = *p;
        name = take_token(p);
        skip(p, " \t");
        if (*name == '\0' || **p != '=') {
            *p = *name == '\0' ? *p : start;
            free(name);
            return;
        }
        ++*p;
        skip(p, " \t");
        take_parameter(ret, name, take_value(p));
        free(name);
    }
}

void http_auth_parse(const char *value, struct http_auth *ret)
{
    const char *p = value;

    memset(ret, 0, sizeof(*ret));
    for (;;) {
        struct http_auth a = {0};
        const char *before = NULL;

        skip(&p, " \t,");
        before = p;
        take_challenge(&p, &a);
        if (a.scheme > ret->scheme) {
            http_auth_done(ret);
            *ret = a;
        } else {
            http_auth_done(&a);
        }
        if (*p == '\0' || p == before) {
            return;
        }
    }
}

void http_auth_done(struct http_auth *a)
{
    free(a->realm);
    free(a->service);
    free(a->scope);
    memset(a, 0, sizeof(*a));
}
