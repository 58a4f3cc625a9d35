/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT_TIMEOUT_S = 15,
    REDIRECTS_MAX = 5,
    BACKOFF_MS = 250,
    RETRY_AFTER_MAX_S = 20,
    AUTH_TRIES = 2
};

void call_done(struct call *c)
{
    buf_done(&c->reply);
    free(c->location);
    free(c->type);
    free(c->digest);
    free(c->authenticate);
    c->location = c->type = c->digest = c->authenticate = NULL;
    c->status = 0;
    c->retry_after_s = 0;
}

void http_sleep_ms(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

char *http_path(const struct endpoint *ep, const char *rest)
{
    return xasprintf("/v2/%s/%s", ep->repository, rest);
}

/* ---- where a transfer may go */

static int is_local_address(const struct curl_sockaddr *a)
{
    if (a->family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&a->addr;
        uint32_t ip = ntohl(in->sin_addr.s_addr);

        return ip >> 24 == 127 || ip >> 24 == 0 || ip >> 16 == 0xa9fe;
    }
    if (a->family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)&a->addr;

        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ||
               IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
    }
    return 1;
}

/* A registry that is somewhere else must not lead us to the services of this machine (or to the
 * metadata service of a cloud): only an address we were told to use may be local. */
struct hop {
    struct endpoint *ep;
    int is_told; /* the URL is the endpoint's own, not one that an answer named */
    CURL *easy;
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct hop *h = arg;
    long redirects = 0;

    (void)purpose;
    (void)curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (is_local_address(a)) {
        if (h->is_told && redirects == 0) {
            h->ep->is_local = 1;
        } else if (!h->ep->is_local) {
            return CURL_SOCKET_BAD;
        }
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int close_socket(void *arg, curl_socket_t fd)
{
    (void)arg;
    return close(fd);
}

static int is_own(const struct endpoint *ep, const char *url)
{
    const char *rest = str_after(url, ep->url);

    return rest != NULL && (*rest == '/' || *rest == '\0');
}

/* Who went without TLS from the start may be sent on without. */
static void set_protocols(const struct endpoint *ep, CURL *easy)
{
    int may_be_plain = ep->insecure || str_after(ep->url, "http://") != NULL;

#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                           may_be_plain ? "http,https" : "https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                           CURLPROTO_HTTPS | (may_be_plain ? CURLPROTO_HTTP : 0));
#endif
}

static void authorize(const struct endpoint *ep, CURL *easy, struct curl_slist **headers)
{
    if (ep->scheme == HTTP_AUTH_BEARER && ep->token != NULL) {
        autofree char *line = xasprintf("Authorization: Bearer %s", ep->token);

        *headers = curl_slist_append(*headers, line);
    } else if (ep->scheme == HTTP_AUTH_BASIC && ep->user != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(easy, CURLOPT_USERNAME, ep->user);
        (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, ep->password);
    }
}

void http_prepare(struct fetch *f, struct endpoint *ep, CURL *easy, const char *url,
                  struct curl_slist **headers)
{
    struct hop *h = NULL;

    /* It lives as long as the handle, which has it back at its end. */
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&h);
    if (h == NULL) {
        h = xcalloc(1, sizeof(*h));
    }
    curl_easy_reset(easy);
    *h = (struct hop){.ep = ep, .is_told = !ep->is_foreign && is_own(ep, url), .easy = easy};
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, h);
    (void)curl_easy_setopt(easy, CURLOPT_SHARE, f->share);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "rbox/" RBOX_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, f->stall_s);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, h);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    set_protocols(ep, easy);
    if (ep->insecure) {
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (ep->ca_path != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, ep->ca_path);
    }
    if (ep->cert_path != NULL && ep->key_path != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, ep->cert_path);
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, ep->key_path);
    }
    if (is_own(ep, url)) {
        authorize(ep, easy, headers);
    }
}

void http_finish(CURL *easy)
{
    void *hop = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&hop);
    curl_easy_cleanup(easy);
    free(hop);
}

/* ---- one call */

static size_t keep_body(char *data, size_t size, size_t count, void *arg)
{
    struct call *c = arg;

    if (c->reply.len + size * count > FETCH_BODY_MAX) {
        return 0;
    }
    buf_add(&c->reply, data, size * count);
    return size * count;
}

size_t http_keep_header(char *data, size_t size, size_t count, void *arg)
{
    struct call *c = arg;
    const struct {
        const char *name;
        char **field;
    } fields[] = {{"www-authenticate:", &c->authenticate},
                  {"location:", &c->location},
                  {"content-type:", &c->type},
                  {"docker-content-digest:", &c->digest}};
    autofree char *line = xstrndup(data, size * count);

    line[strcspn(line, "\r\n")] = '\0';
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t len = strlen(fields[i].name);

        if (strncasecmp(line, fields[i].name, len) == 0) {
            char *value = line + len + strspn(line + len, " \t");
            /* Challenges may come in several headers. */
            char *joined = i == 0 && c->authenticate != NULL
                               ? xasprintf("%s, %s", c->authenticate, value)
                               : xstrdup(value);

            free(*fields[i].field);
            *fields[i].field = joined;
        }
    }
    if (strncasecmp(line, "retry-after:", 12) == 0) {
        c->retry_after_s = (int)strtol(line + 12, NULL, 10);
    }
    return size * count;
}

static size_t read_upload(char *data, size_t size, size_t count, void *arg)
{
    const int *fd = arg;
    ssize_t n = read(*fd, data, size * count);

    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int seek_upload(void *arg, curl_off_t offset, int origin)
{
    const int *fd = arg;

    return lseek(*fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static void set_body(CURL *easy, struct call *c, struct curl_slist **headers)
{
    if (c->upload_fd > 0) {
        (void)lseek(c->upload_fd, 0, SEEK_SET);
        (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_upload);
        (void)curl_easy_setopt(easy, CURLOPT_READDATA, &c->upload_fd);
        (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_upload);
        (void)curl_easy_setopt(easy, CURLOPT_SEEKDATA, &c->upload_fd);
        (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->upload_bytes);
    } else if (c->body != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_bytes);
    }
    if (c->content_type != NULL) {
        autofree char *line = xasprintf("Content-Type: %s", c->content_type);

        *headers = curl_slist_append(*headers, line);
    }
    *headers = curl_slist_append(*headers, "Expect:");
}

static CURLcode perform(struct fetch *f, struct endpoint *ep, struct call *c, char *words)
{
    autofree char *url = *c->url == '/' ? xasprintf("%s%s", ep->url, c->url) : xstrdup(c->url);
    struct curl_slist *headers = NULL;
    CURL *easy = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (easy == NULL) {
        return code;
    }
    call_done(c);
    http_prepare(f, ep, easy, url, &headers);
    if (c->accept != NULL) {
        autostrv struct strv lines = {0};

        strv_split(&lines, c->accept, '\n');
        for (size_t i = 0; i < lines.len; i++) {
            headers = curl_slist_append(headers, lines.v[i]);
        }
    }
    set_body(easy, c, &headers);
    if (c->method != NULL && strcmp(c->method, "HEAD") == 0) {
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (c->method != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, c->method);
    }
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_keep_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    words[0] = '\0';
    code = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
    http_finish(easy);
    curl_slist_free_all(headers);
    return code;
}

int http_is_transient(CURLcode code, long status)
{
    static const CURLcode CODES[] = {
        CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE,
        CURLE_OPERATION_TIMEDOUT,   CURLE_GOT_NOTHING,     CURLE_SEND_ERROR,
        CURLE_RECV_ERROR,           CURLE_HTTP2,           CURLE_HTTP2_STREAM};

    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
        if (code == CODES[i]) {
            return 1;
        }
    }
    return code == CURLE_OK && (status == 408 || status == 429 || status >= 500);
}

/* An insecure registry may speak plain http: found out once, with its first call. */
static int settle(struct endpoint *ep, CURLcode code)
{
    if (ep->is_settled || !ep->insecure || code == CURLE_OK) {
        ep->is_settled = ep->is_settled || code == CURLE_OK;
        return 0;
    }
    ep->is_settled = 1;
    if (str_after(ep->url, "https://") != NULL) {
        char *url = xasprintf("http://%s", str_after(ep->url, "https://"));

        free(ep->url);
        ep->url = url;
        return 1;
    }
    return 0;
}

int http_failed(const struct endpoint *ep, CURLcode code, const char *words, struct err *e)
{
    const char *said = *words != '\0' ? words : curl_easy_strerror(code);
    /* Answers that no second try makes better break the protocol. */
    int errnum = http_is_transient(code, 0) ? FETCH_NETWORK : FETCH_REFUSED;

    if (code == CURLE_SSL_CONNECT_ERROR) {
        return err_new(e, FETCH_TLS, "%s does not speak TLS: %s", ep->url, said);
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        return err_new(e, FETCH_TLS, "%s: its certificate cannot be verified: %s", ep->url, said);
    }
    if (code == CURLE_WRITE_ERROR) {
        said = "the answer is longer than it may be";
    }
    return err_new(e, errnum, "%s: %s", ep->url, said);
}

int http_call(struct fetch *f, struct endpoint *ep, struct call *c, struct err *e)
{
    char words[CURL_ERROR_SIZE] = "";
    int auth_tries = 0;

    for (int tries = 1;; tries++) {
        CURLcode code = perform(f, ep, c, words);

        if (settle(ep, code)) {
            tries = 0;
            continue;
        }
        if (code == CURLE_OK && c->status == 401 && c->authenticate != NULL &&
            auth_tries++ < AUTH_TRIES) {
            int r = http_authenticate(f, ep, c->authenticate, e);

            if (r < 0) {
                return r;
            }
            tries--;
            continue;
        }
        if (!http_is_transient(code, c->status) || tries >= FETCH_TRIES) {
            return code == CURLE_OK ? 0 : http_failed(ep, code, words, e);
        }
        if (c->retry_after_s > RETRY_AFTER_MAX_S) {
            return 0;
        }
        http_sleep_ms(c->retry_after_s > 0 ? c->retry_after_s * 1000L
                                           : (long)BACKOFF_MS << (tries - 1));
    }
}

int http_settle(struct fetch *f, struct endpoint *ep, struct err *e)
{
    struct call c = {.url = "/v2/"};
    int r = !ep->insecure || ep->is_settled ? 0 : http_call(f, ep, &c, e);

    call_done(&c);
    return r;
}

/* What the registry itself says, if it says it as the specification has it. */
static char *first_message(const struct buf *body)
{
    struct err ignored = {0};
    json_t *root = NULL;
    const char *text = NULL;
    char *message = NULL;

    if (body->len == 0 || json_parse(body->data, body->len, "answer", &root, &ignored) < 0) {
        return NULL;
    }
    text = json_string_value(
        json_object_get(json_array_get(json_object_get(root, "errors"), 0), "message"));
    message = text != NULL ? xstrndup(text, 200) : NULL;
    json_decref(root);
    return message;
}

int http_refused(long status, const struct buf *body, const char *what, struct err *e)
{
    autofree char *message = first_message(body);
    int errnum = FETCH_REFUSED;

    if (status == 401 || status == 403) {
        errnum = FETCH_DENIED;
    } else if (status == 404) {
        errnum = FETCH_MISSING;
    } else if (status >= 500 || status == 429) {
        errnum = FETCH_NETWORK;
    }
    return err_new(e, errnum, "%s: the server answers %ld%s%s", what, status,
                   message != NULL ? ": " : "", message != NULL ? message : "");
}
