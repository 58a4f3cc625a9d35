/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header WWW-Authenticate (RFC 9110, 11.6.1), as registries send it
 * (https://distribution.github.io/distribution/spec/auth/token/). Foreign bytes; pure. */
#ifndef RBOX_BASE_HTTP_AUTH_H
#define RBOX_BASE_HTTP_AUTH_H

enum http_auth_scheme {
    HTTP_AUTH_NONE = 0, /* nothing that rbox understands */
    HTTP_AUTH_BASIC,
    HTTP_AUTH_BEARER
};

struct http_auth {
    enum http_auth_scheme scheme;
    char *realm; /* owned, like the others; NULL where the header does not say */
    char *service;
    char *scope;
};

/* Read the value of one header into *ret, which http_auth_done() frees. A header with several
 * challenges gives the first Bearer one, else the first Basic one. Never fails: what is not
 * understood is HTTP_AUTH_NONE. */
void http_auth_parse(const char *value, struct http_auth *ret);
void http_auth_done(struct http_auth *a);

#endif
