/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "sys/fd.h"
#include "sys/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    ENDPOINTS_MAX = 16,
    LINE_BYTES_MAX = 16 << 20,
    STALL_S = 30
};

static const char MANIFEST_TYPES[] =
    "Accept: application/vnd.oci.image.index.v1+json\n"
    "Accept: application/vnd.docker.distribution.manifest.list.v2+json\n"
    "Accept: application/vnd.oci.image.manifest.v1+json\n"
    "Accept: application/vnd.docker.distribution.manifest.v2+json";

void say(json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);

    (void)printf("%s\n", text != NULL ? text : "{\"error\":\"an answer that is no text\"}");
    (void)fflush(stdout);
    free(text);
    json_decref(o);
}

/* ---- the request "start" */

/* libcurl and OpenSSL want certificates as files: one in memory serves. */
static int text_file(const char *text, char **ret_path, struct err *e)
{
    int fd = -1;
    int r = fd_memfd("pem", text, strlen(text), &fd, e);

    if (r == 0) {
        *ret_path = xasprintf("/proc/self/fd/%d", fd);
    }
    return r;
}

/* What a user trusts for one registry comes on top of what the system trusts. */
static int ca_file(const char *pem, char **ret_path, struct err *e)
{
    static const char *const BUNDLES[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *chosen = getenv("SSL_CERT_FILE");
    autofree char *system_text = NULL;
    autofree char *all = NULL;

    for (size_t i = 0; chosen == NULL && i < sizeof(BUNDLES) / sizeof(BUNDLES[0]); i++) {
        if (access(BUNDLES[i], R_OK) == 0) {
            chosen = BUNDLES[i];
        }
    }
    if (chosen != NULL) {
        if (file_read_followed(AT_FDCWD, chosen, LINE_BYTES_MAX, &system_text, NULL, e) < 0) {
            return -e->errnum;
        }
    }
    if (system_text == NULL && pem == NULL) {
        return 0;
    }
    all = xasprintf("%s\n%s", system_text != NULL ? system_text : "", pem != NULL ? pem : "");
    return text_file(all, ret_path, e);
}

static int read_endpoint(const json_t *o, struct endpoint *ep, struct err *e)
{
    static const char WHAT[] = "endpoint";
    const char *url = NULL;
    const char *repository = "";
    const char *user = NULL;
    const char *password = "";
    const char *identity_token = NULL;
    const char *ca = NULL;
    const char *cert = NULL;
    const char *key = NULL;
    int r = json_get_string(o, "url", WHAT, &url, e);

    r = r < 0 ? r : json_get_string(o, "repository", WHAT, &repository, e);
    r = r < 0 ? r : json_get_string(o, "user", WHAT, &user, e);
    r = r < 0 ? r : json_get_string(o, "password", WHAT, &password, e);
    r = r < 0 ? r : json_get_string(o, "identity_token", WHAT, &identity_token, e);
    r = r < 0 ? r : json_get_string(o, "ca", WHAT, &ca, e);
    r = r < 0 ? r : json_get_string(o, "cert", WHAT, &cert, e);
    r = r < 0 ? r : json_get_string(o, "key", WHAT, &key, e);
    r = r < 0 ? r : json_get_bool(o, "insecure", WHAT, &ep->insecure, e);
    if (r == 0 && url == NULL) {
        return err_new(e, EINVAL, "an endpoint needs a URL");
    }
    r = r < 0 ? r : ca_file(ca, &ep->ca_path, e);
    r = r < 0 || cert == NULL ? r : text_file(cert, &ep->cert_path, e);
    r = r < 0 || key == NULL ? r : text_file(key, &ep->key_path, e);
    if (r == 0) {
        ep->url = xstrdup(url);
        ep->repository = xstrdup(repository);
        ep->user = xstrdup_null(user);
        ep->password = xstrdup(password);
        ep->identity_token = xstrdup_null(identity_token);
    }
    return r;
}

/* Names are looked up, certificates read, blobs written: nothing else is needed of this machine
 * from here on. Where the kernel has no Landlock, the filter of system calls is left. */
static int lock_in(const struct fetch *f, struct err *e)
{
    const struct harden_path paths[] = {{"/etc", -1, HARDEN_READ},
                                        {"/usr", -1, HARDEN_READ},
                                        {"/lib", -1, HARDEN_READ},
                                        {"/lib64", -1, HARDEN_READ},
                                        {"/run/systemd", -1, HARDEN_READ},
                                        {"/run/resolvconf", -1, HARDEN_READ},
                                        {"/run/NetworkManager", -1, HARDEN_READ},
                                        {"/run/nscd", -1, HARDEN_READ},
                                        {"/var/run/nscd", -1, HARDEN_READ},
                                        {"/proc/self/fd", -1, HARDEN_READ},
                                        {"/dev/urandom", -1, HARDEN_READ},
                                        {".", -1, HARDEN_WRITE},
                                        {NULL, f->blobs_fd, HARDEN_READ}};
    size_t count = sizeof(paths) / sizeof(paths[0]);
    const struct rlimit no_core = {0, 0};
    int r = 0;

    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    r = harden_paths(paths, f->blobs_fd < 0 ? count - 1 : count, e);
    if (r == -EOPNOTSUPP) {
        err_clear(e);
        r = 0;
    }
    return r < 0 ? r : harden_calls(0, e);
}

static int op_start(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    json_t *list = NULL;
    const json_t *entry = NULL;
    int64_t stall_s = STALL_S;
    size_t i = 0;
    int r = json_get_array(o, "endpoints", "request", &list, e);

    (void)ret;
    r = r < 0 ? r : json_get_int(o, "stall_s", "request", &stall_s, e);
    if (r == 0 && (f->endpoints != NULL || json_array_size(list) == 0 ||
                   json_array_size(list) > ENDPOINTS_MAX)) {
        r = err_new(e, EINVAL, "one 'start' with endpoints comes first");
    }
    if (r < 0) {
        return r;
    }
    f->stall_s = (long)stall_s;
    f->endpoints = xcalloc(json_array_size(list), sizeof(*f->endpoints));
    json_array_foreach(list, i, entry)
    {
        r = r < 0 ? r : read_endpoint(entry, &f->endpoints[f->count++], e);
    }
    return r < 0 ? r : lock_in(f, e);
}

/* ---- the others */

/* "GET URL/v2/" answers 200, or 401 for what http_call() then brings. */
static int op_ping(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    struct endpoint *ep = &f->endpoints[f->current];
    struct call c = {.url = "/v2/"};
    int r = http_call(f, ep, &c, e);

    (void)o;
    (void)ret;
    if (r == 0 && c.status == 401) {
        r = err_new(e, FETCH_DENIED, "wrong user name or password");
    } else if (r == 0 && c.status != 200) {
        r = http_refused(c.status, &c.reply, ep->url, e);
    }
    call_done(&c);
    return r;
}

/* Hand the body of an answer on: a document, so text. */
static int take_text(const struct call *c, json_t *ret, struct err *e)
{
    json_t *text = json_stringn(c->reply.len > 0 ? c->reply.data : "", c->reply.len);

    if (text == NULL) {
        return err_new(e, FETCH_REFUSED, "what the registry sends is not text");
    }
    (void)json_object_set_new(ret, "text", text);
    return 0;
}

static int manifest_at(struct fetch *f, struct endpoint *ep, const char *reference, int is_head,
                       json_t *ret, struct err *e)
{
    autofree char *rest = xasprintf("manifests/%s", reference);
    autofree char *path = http_path(ep, rest);
    struct call c = {.method = is_head ? "HEAD" : NULL, .url = path, .accept = MANIFEST_TYPES};
    int r = http_call(f, ep, &c, e);

    if (r == 0 && c.status != 200) {
        autofree char *what = xasprintf("%s%s%s", ep->repository,
                                        strchr(reference, ':') != NULL ? "@" : ":", reference);

        r = http_refused(c.status, &c.reply, what, e);
    }
    r = r < 0 ? r : take_text(&c, ret, e);
    if (r == 0) {
        (void)json_object_set_new(ret, "type", json_string(c.type != NULL ? c.type : ""));
        (void)json_object_set_new(ret, "digest", json_string(c.digest != NULL ? c.digest : ""));
    }
    call_done(&c);
    return r;
}

/* Mirrors come first; the error that counts is that of the registry itself, which is last. */
static int op_manifest(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    const char *reference = NULL;
    int is_head = 0;
    int r = json_get_string(o, "reference", "request", &reference, e);

    r = r < 0 ? r : json_get_bool(o, "head", "request", &is_head, e);
    if (r == 0 && reference == NULL) {
        r = err_new(e, EINVAL, "a manifest needs a reference");
    }
    if (r < 0) {
        return r;
    }
    for (; f->current < f->count; f->current++) {
        err_clear(e);
        r = manifest_at(f, &f->endpoints[f->current], reference, is_head, ret, e);
        if (r == 0) {
            return 0;
        }
    }
    f->current = 0;
    return r;
}

static int op_blobs(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    json_t *list = NULL;
    int r = json_get_array(o, "blobs", "request", &list, e);

    (void)ret;
    return r < 0 ? r : blobs_download(f, list, e);
}

static int op_put(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    struct endpoint *ep = &f->endpoints[f->current];
    const char *reference = NULL;
    const char *type = NULL;
    const char *text = NULL;
    int r = json_get_string(o, "reference", "request", &reference, e);

    r = r < 0 ? r : json_get_string(o, "type", "request", &type, e);
    r = r < 0 ? r : json_get_string(o, "text", "request", &text, e);
    if (r == 0 && (reference == NULL || text == NULL)) {
        r = err_new(e, EINVAL, "a manifest needs a reference and a text");
    }
    if (r == 0) {
        autofree char *rest = xasprintf("manifests/%s", reference);
        autofree char *path = http_path(ep, rest);
        struct call c = {.method = "PUT",
                         .url = path,
                         .content_type = type,
                         .body = text,
                         .body_bytes = strlen(text)};

        r = http_call(f, ep, &c, e);
        if (r == 0 && c.status != 201 && c.status != 200) {
            r = http_refused(c.status, &c.reply, ep->repository, e);
        }
        if (r == 0) {
            (void)json_object_set_new(ret, "digest", json_string(c.digest != NULL ? c.digest : ""));
        }
        call_done(&c);
    }
    return r;
}

static int op_list(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    struct endpoint *ep = &f->endpoints[f->current];
    const char *path = NULL;
    int r = json_get_string(o, "path", "request", &path, e);

    if (r == 0 && (path == NULL || *path != '/')) {
        r = err_new(e, EINVAL, "a list needs a path");
    }
    if (r == 0) {
        struct call c = {.url = path};

        r = http_call(f, ep, &c, e);
        if (r == 0 && c.status != 200) {
            r = http_refused(c.status, &c.reply, ep->url, e);
        }
        r = r < 0 ? r : take_text(&c, ret, e);
        call_done(&c);
    }
    return r;
}

static int op_file(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    const char *path = NULL;
    int r = json_get_string(o, "path", "request", &path, e);

    if (r == 0 && (path == NULL || *path != '/')) {
        r = err_new(e, EINVAL, "a file needs a path");
    }
    return r < 0 ? r : file_download(f, path, ret, e);
}

static int op_upload(struct fetch *f, const json_t *o, json_t *ret, struct err *e)
{
    return upload_blob(f, o, ret, e);
}

static const struct {
    const char *name;
    int (*run)(struct fetch *f, const json_t *o, json_t *ret, struct err *e);
} OPS[] = {{"start", op_start},   {"ping", op_ping}, {"manifest", op_manifest}, {"blobs", op_blobs},
           {"upload", op_upload}, {"put", op_put},   {"list", op_list},         {"file", op_file}};

static int serve(struct fetch *f, const char *line, size_t len, json_t *ret, struct err *e)
{
    json_t *o = NULL;
    const char *op = NULL;
    int r = json_parse(line, len, "request", &o, e);

    r = r < 0 ? r : json_get_string(o, "op", "request", &op, e);
    if (r == 0) {
        r = err_new(e, EINVAL, "there is no request '%s'", op != NULL ? op : "");
        for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
            if (str_eq(op, OPS[i].name) && (f->endpoints != NULL || OPS[i].run == op_start)) {
                err_clear(e);
                r = OPS[i].run(f, o, ret, e);
            }
        }
    }
    json_decref(o);
    return r;
}

static const char *kind_of(int errnum)
{
    switch (errnum) {
    case FETCH_DENIED:
        return "denied";
    case FETCH_MISSING:
        return "missing";
    case FETCH_NETWORK:
        return "network";
    case FETCH_TLS:
        return "tls";
    default:
        return "refused";
    }
}

/* rbox-fetch FOLDER_FD [BLOBS_FD [OUT_FD]] */
int main(int argc, char **argv)
{
    struct fetch f = {.blobs_fd = argc > 2 ? (int)strtol(argv[2], NULL, 10) : -1,
                      .out_fd = argc > 3 ? (int)strtol(argv[3], NULL, 10) : -1};
    autofree char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;

    if (argc < 2 || fchdir((int)strtol(argv[1], NULL, 10)) < 0) {
        (void)fprintf(stderr, "rbox-fetch: run by rbox, with the folder to download into\n");
        return EXITCODE_NO_SUCH;
    }
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    f.share = curl_share_init();
    (void)curl_share_setopt(f.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    (void)curl_share_setopt(f.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    (void)curl_share_setopt(f.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    while ((len = getline(&line, &room, stdin)) > 0 && len < LINE_BYTES_MAX) {
        struct err e = {0};
        json_t *ret = json_object();

        if (serve(&f, line, (size_t)len, ret, &e) < 0) {
            json_t *words = json_string(e.msg);

            say(json_pack("{s:o, s:s}", "error",
                          words != NULL ? words : json_string("an answer that is no text"), "kind",
                          kind_of(e.errnum)));
            json_decref(ret);
        } else {
            (void)json_object_set_new(ret, "done", json_true());
            say(ret);
        }
    }
    return 0;
}
