/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-fetch speaks with registries (https://github.com/opencontainers/distribution-spec) for rbox:
 * one JSON object a line on stdin asks for something, lines of JSON on stdout tell how it goes. Its
 * first argument is the descriptor of the folder where blobs are downloaded to, its second that of
 * the folder with blobs to upload, its third that of a file for "file" to write. It reads no
 * configuration: all it may know comes with the request "start".
 *
 *   {"op":"start","endpoints":[{"url":"https://host","repository":"library/busybox",
 *     "user":…,"password":…,"identity_token":…,"insecure":false,"ca":PEM,"cert":PEM,"key":PEM}],
 *    "stall_s":30}
 *   {"op":"ping"}                                          is there a registry, and are we let in?
 *   {"op":"manifest","reference":"latest","head":false}    → {"text":…,"type":…,"digest":…}
 *   {"op":"blobs","blobs":[{"digest":…,"size":…}]}         → {"progress":DIGEST,"bytes":…} …
 *                                                            {"blob":DIGEST} as each is whole
 *   {"op":"upload","digest":…,"size":…,"from":"other/repository"}   → {"how":"exists|mounted|sent"}
 *   {"op":"put","reference":…,"type":…,"text":…}
 *   {"op":"file","path":"/a/b.tar"}                        →
 * {"progress":"file","bytes":…,"total":…} …
 *                                                            {"bytes":…}
 *   {"op":"list","path":"/v2/_catalog"}                    → {"text":…}
 *
 * Each request ends with {"done":true,…} or
 * {"error":…,"kind":"denied|missing|refused|tls|network"}. */
#ifndef RBOX_FETCH_FETCH_H
#define RBOX_FETCH_FETCH_H

#include "base/err.h"
#include "base/http_auth.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdint.h>

enum {
    FETCH_BODY_MAX = 4 << 20, /* of a document */
    FETCH_TRIES = 4
};

/* What is asked is not there, or not for us; e->errnum. */
enum {
    FETCH_MISSING = ENOENT,
    FETCH_DENIED = EACCES,
    FETCH_REFUSED = EPROTO, /* the answer breaks the rules */
    FETCH_TLS = ENOKEY,     /* no TLS, or a certificate that is not trusted */
    FETCH_NETWORK = EIO
};

struct endpoint {
    char *url; /* scheme://host[:port] */
    char *repository;
    char *user;
    char *password;
    char *identity_token;
    char *ca_path;
    char *cert_path;
    char *key_path;
    int insecure;   /* certificates are not looked at, and http:// will do */
    int is_settled; /* https or http: decided */
    int is_foreign; /* an answer named it, not the user's configuration */
    int is_local;   /* it is on this machine itself, so what it redirects to may be too */
    enum http_auth_scheme scheme;
    char *token;
};

struct fetch {
    struct endpoint *endpoints; /* in the order to try */
    size_t count;
    size_t current; /* the one that answered */
    long stall_s;
    int blobs_fd;  /* the folder of blobs to upload; -1: none */
    int out_fd;    /* the file to download to; -1: none */
    CURLSH *share; /* connections and names */
};

/* One request and its answer. */
struct call {
    const char *method;       /* NULL: GET */
    const char *url;          /* whole, or a path below the endpoint's */
    const char *accept;       /* lines of "Accept: …", or NULL */
    const char *content_type; /* of a body */
    const char *body;         /* of a PUT or POST, or NULL */
    size_t body_bytes;
    int upload_fd; /* instead; 0: none */
    int64_t upload_bytes;

    long status;
    struct buf reply;
    char *location;
    char *type;
    char *digest;
    char *authenticate;
    int retry_after_s;
};

void call_done(struct call *c);

/* Everything that a transfer has in common: what @url may lead to, certificates, time limits,
 * authorization. @headers (borrowed until the transfer ends) is appended to. */
void http_prepare(struct fetch *f, struct endpoint *ep, CURL *easy, const char *url,
                  struct curl_slist **headers);

/* The end of a handle that http_prepare() was called for. */
void http_finish(CURL *easy);

/* Find out whether an insecure endpoint speaks http only. */
int http_settle(struct fetch *f, struct endpoint *ep, struct err *e);

/* Do the call at @ep: retried when the network or the server stumbles, and once more with what the
 * server asks for as authorization. An answer of any status is success. */
int http_call(struct fetch *f, struct endpoint *ep, struct call *c, struct err *e);

/* Get what the challenge @header of @ep asks for. */
int http_authenticate(struct fetch *f, struct endpoint *ep, const char *header, struct err *e);

/* Whether trying again can help. */
int http_is_transient(CURLcode code, long status);

/* The error for a transfer that ended with @code. */
int http_failed(const struct endpoint *ep, CURLcode code, const char *words, struct err *e);

/* The error for an answer with @status to "@what". */
int http_refused(long status, const struct buf *body, const char *what, struct err *e);

/* "/v2/REPOSITORY/REST". The caller owns it. */
char *http_path(const struct endpoint *ep, const char *rest);

void http_sleep_ms(long ms);

/* Keep headers of the answer; for CURLOPT_HEADERFUNCTION with a struct call. */
size_t http_keep_header(char *data, size_t size, size_t count, void *arg);

int blobs_download(struct fetch *f, const json_t *blobs, struct err *e);
int file_download(struct fetch *f, const char *path, json_t *ret, struct err *e);
int upload_blob(struct fetch *f, const json_t *request, json_t *ret, struct err *e);

/* One line on stdout; takes the reference @o. */
void say(json_t *o);

#endif
