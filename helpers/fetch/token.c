/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Being let in: tokens (https://distribution.github.io/distribution/spec/auth/token/) and basic
 * authorization. */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* The token's URL with its query; several scopes come as one string with spaces. */
static char *token_url(const struct http_auth *a)
{
    struct buf url = {0};
    autostrv struct strv scopes = {0};
    CURL *escaper = curl_easy_init();
    char *service = curl_easy_escape(escaper, a->service != NULL ? a->service : "", 0);

    buf_printf(&url, "%s%sservice=%s", a->realm, strchr(a->realm, '?') != NULL ? "&" : "?",
               service);
    strv_split(&scopes, a->scope != NULL ? a->scope : "", ' ');
    for (size_t i = 0; i < scopes.len; i++) {
        char *scope = curl_easy_escape(escaper, scopes.v[i], 0);

        buf_printf(&url, "&scope=%s", scope);
        curl_free(scope);
    }
    curl_free(service);
    curl_easy_cleanup(escaper);
    return url.data;
}

static char *refresh_body(const struct endpoint *ep, const struct http_auth *a)
{
    CURL *escaper = curl_easy_init();
    char *token = curl_easy_escape(escaper, ep->identity_token, 0);
    char *service = curl_easy_escape(escaper, a->service != NULL ? a->service : "", 0);
    char *scope = curl_easy_escape(escaper, a->scope != NULL ? a->scope : "", 0);
    char *body = xasprintf("grant_type=refresh_token&client_id=rbox&refresh_token=%s&service=%s"
                           "&scope=%s",
                           token, service, scope);

    curl_free(token);
    curl_free(service);
    curl_free(scope);
    curl_easy_cleanup(escaper);
    return body;
}

static int read_token(const struct call *c, char **ret, struct err *e)
{
    static const char WHAT[] = "the token's answer";
    const char *token = NULL;
    json_t *root = NULL;
    int r = json_parse(c->reply.data != NULL ? c->reply.data : "", c->reply.len, WHAT, &root, e);

    r = r < 0 ? r : json_get_string(root, "token", WHAT, &token, e);
    if (r == 0 && token == NULL) {
        r = json_get_string(root, "access_token", WHAT, &token, e);
    }
    if (r == 0 && (token == NULL || strpbrk(token, "\r\n") != NULL)) {
        r = err_new(e, FETCH_REFUSED, "%s has no token", WHAT);
    }
    if (r == 0) {
        *ret = xstrdup(token);
    }
    json_decref(root);
    return r;
}

/* The token server is asked as an endpoint of its own: the registry's credentials are for it too,
 * as basic authorization. */
static int get_token(struct fetch *f, struct endpoint *ep, const struct http_auth *a, char **ret,
                     struct err *e)
{
    struct endpoint server = *ep;
    autofree char *url = token_url(a);
    autofree char *body = ep->identity_token != NULL ? refresh_body(ep, a) : NULL;
    autofree char *origin = xstrdup(a->realm);
    struct call c = {.url = body != NULL ? a->realm : url};
    char *host = strstr(origin, "://");
    int r = 0;

    if (host == NULL || (str_after(origin, "https://") == NULL &&
                         !(ep->insecure && str_after(origin, "http://") != NULL))) {
        return err_new(e, FETCH_REFUSED, "%s wants its token to be fetched from '%.100s'", ep->url,
                       a->realm);
    }
    host += 3;
    host[strcspn(host, "/?#")] = '\0';
    if (strchr(host, '@') != NULL) {
        return err_new(e, FETCH_REFUSED, "%s wants its token to be fetched from '%.100s'", ep->url,
                       a->realm);
    }
    server.url = origin;
    server.is_foreign = 1;
    server.is_settled = 1;
    server.token = NULL;
    server.scheme = ep->user != NULL && body == NULL ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE;
    if (body != NULL) {
        c.method = "POST";
        c.body = body;
        c.body_bytes = strlen(body);
        c.content_type = "application/x-www-form-urlencoded";
    }
    r = http_call(f, &server, &c, e);
    if (r == 0 && c.status != 200) {
        r = http_refused(c.status, &c.reply,
                         ep->user != NULL || body != NULL ? "wrong user name or password"
                                                          : "access is denied",
                         e);
    }
    r = r < 0 ? r : read_token(&c, ret, e);
    call_done(&c);
    return r;
}

int http_authenticate(struct fetch *f, struct endpoint *ep, const char *header, struct err *e)
{
    struct http_auth a = {0};
    char *token = NULL;
    int r = 0;

    http_auth_parse(header, &a);
    if (a.scheme == HTTP_AUTH_BEARER && a.realm != NULL) {
        r = get_token(f, ep, &a, &token, e);
        if (r == 0) {
            free(ep->token);
            ep->token = token;
            ep->scheme = HTTP_AUTH_BEARER;
        }
    } else if (a.scheme == HTTP_AUTH_BASIC && ep->user != NULL && ep->scheme != HTTP_AUTH_BASIC) {
        ep->scheme = HTTP_AUTH_BASIC;
    } else {
        r = err_new(e, FETCH_DENIED, "%s",
                    ep->user != NULL ? "wrong user name or password"
                                     : "the registry wants a login");
    }
    http_auth_done(&a);
    return r;
}
