/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/fetch.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/auth_file.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PEM_BYTES_MAX = 4 << 20,
    PIPE_BYTES = 1 << 20 /* progress must not hold up a download while a layer is unpacked */
};

/* ---- certificates: CA files *.crt, and a client's *.cert with its *.key
 * (containers-certs.d(5)) */

static int add_pem(int dir_fd, const char *name, struct buf *b, struct err *e)
{
    autofree char *text = NULL;
    int r = file_read_followed(dir_fd, name, PEM_BYTES_MAX, &text, NULL, e);

    if (r == 0) {
        buf_printf(b, "%s\n", text);
    }
    return r;
}

static int read_certs(const char *folder, json_t *endpoint, struct err *e)
{
    static const struct {
        const char *suffix;
        const char *key;
    } KINDS[] = {{".crt", "ca"}, {".cert", "cert"}, {".key", "key"}};
    autoclosedir DIR *dir = opendir(folder);
    const struct dirent *d = NULL;
    int r = 0;

    while (dir != NULL && r == 0 && (d = readdir(dir)) != NULL) {
        for (size_t i = 0; r == 0 && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
            if (str_ends(d->d_name, KINDS[i].suffix)) {
                const char *before = json_string_value(json_object_get(endpoint, KINDS[i].key));
                autobuf struct buf b = {0};

                buf_puts(&b, before != NULL ? before : "");
                r = add_pem(dirfd(dir), d->d_name, &b, e);
                if (r == 0) {
                    (void)json_object_set_new(endpoint, KINDS[i].key, json_str(b.data));
                }
            }
        }
    }
    return r < 0 ? err_wrap(e, "'%s'", folder) : 0;
}

static int certificates(const char *host, const struct fetch_options *o, json_t *endpoint,
                        struct err *e)
{
    const char *home = getenv("HOME");
    autostrv struct strv folders = {0};
    int r = 0;

    if (o->cert_dir != NULL) {
        if (access(o->cert_dir, R_OK | X_OK) < 0) {
            return err_set(e, errno, "cannot read '%s'", o->cert_dir);
        }
        return read_certs(o->cert_dir, endpoint, e);
    }
    strv_pushf(&folders, "%s/.config/containers/certs.d/%s", home != NULL ? home : "", host);
    strv_pushf(&folders, "/etc/containers/certs.d/%s", host);
    strv_pushf(&folders, "/etc/docker/certs.d/%s", host);
    for (size_t i = 0; r == 0 && i < folders.len; i++) {
        r = read_certs(folders.v[i], endpoint, e);
    }
    return r;
}

/* ---- endpoints */

/* docker.io is a name; this is where it answers. */
static const char *api_host(const char *host)
{
    return strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;
}

static int is_mirror(const struct registry_rule *rule, const struct registry_place *place)
{
    return rule != NULL && place != &rule->place;
}

static int add_endpoint(json_t *list, const struct registry_rule *rule,
                        const struct registry_place *place, const struct image_ref *ref,
                        const struct fetch_options *o, struct err *e)
{
    autofree char *host = NULL;
    autofree char *repository = NULL;
    autofree char *url = NULL;
    struct credentials c = {0};
    int insecure = o->tls_verify == 0 ? place->insecure : o->tls_verify < 0;
    json_t *endpoint = NULL;
    int r = 0;

    registries_split(rule, place, ref, &host, &repository);
    url = xasprintf("https://%s", api_host(host));
    /* --creds are for the registry that was named, not for its mirrors. */
    r = o->creds != NULL && !is_mirror(rule, place)
            ? credentials_parse(o->creds, &c, e)
            : auth_find(o->authfile, host, repository, &c, e);
    if (r < 0) {
        return r;
    }
    endpoint =
        json_pack("{s:s, s:s, s:b}", "url", url, "repository", repository, "insecure", insecure);
    if (endpoint == NULL) {
        r = err_new(e, EINVAL, "'%s' is not text", ref->repository);
    }
    if (r == 0 && c.user != NULL) {
        (void)json_object_set_new(endpoint, "user", json_str(c.user));
        (void)json_object_set_new(endpoint, "password", json_str(c.password));
    }
    if (r == 0 && c.identity_token != NULL) {
        (void)json_object_set_new(endpoint, "identity_token", json_str(c.identity_token));
    }
    r = r < 0 ? r : certificates(host, o, endpoint, e);
    credentials_done(&c);
    if (r < 0) {
        json_decref(endpoint);
        return r;
    }
    (void)json_array_append_new(list, endpoint);
    return 0;
}

static int endpoints(const struct registries *conf, const struct image_ref *ref,
                     const struct fetch_options *o, json_t *list, struct err *e)
{
    static const struct registry_place ITSELF = {0};
    const struct registry_rule *rule = registries_rule(conf, ref);
    int r = 0;

    if (rule != NULL && rule->blocked) {
        return err_new(e, EACCES, "registry %s is blocked by registries.conf", ref->registry);
    }
    for (size_t i = 0; rule != NULL && r == 0 && i < rule->mirror_count; i++) {
        if (rule->mirrors[i].location != NULL) {
            r = add_endpoint(list, rule, &rule->mirrors[i], ref, o, e);
        }
    }
    return r < 0 ? r : add_endpoint(list, rule, rule != NULL ? &rule->place : &ITSELF, ref, o, e);
}

/* ---- the helper */

/* What libcurl and OpenSSL read. */
static void environment(struct strv *ret)
{
    static const char *const NAMES[] = {"http_proxy",    "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",     "no_proxy",    "NO_PROXY",    "HTTP_PROXY",
                                        "SSL_CERT_FILE", "HOSTALIASES", "RES_OPTIONS"};

    strv_push(ret, "PATH=/usr/bin:/bin");
    strv_push(ret, "LANG=C.UTF-8");
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (getenv(NAMES[i]) != NULL) {
            strv_pushf(ret, "%s=%s", NAMES[i], getenv(NAMES[i]));
        }
    }
}

static int start_helper(struct fetch *f, int blobs_fd, struct err *e)
{
    autostrv struct strv env = {0};
    autofree char *path = NULL;
    autofree char *folder = xasprintf("%d", f->partial_fd);
    autofree char *blobs = xasprintf("%d", blobs_fd);
    autofree char *out = xasprintf("%d", f->file_fd);
    autoclose int in_fd = -1;
    autoclose int out_fd = -1;
    autoclose int say_fd = -1;
    autoclose int answer_fd = -1;
    const int keep[] = {f->partial_fd, blobs_fd, f->file_fd};
    int pair[2] = {-1, -1};
    int r = proc_find_helper("rbox-fetch", &path, e);

    if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        r = err_set(e, errno, "cannot create a socket");
    }
    in_fd = pair[0];
    say_fd = pair[1];
    r = r < 0 ? r : fd_pipe(&answer_fd, &out_fd, e);
    if (r < 0) {
        return r;
    }
    (void)fcntl(out_fd, F_SETPIPE_SZ, PIPE_BYTES);
    environment(&env);
    r = proc_start(
        &(const struct proc_options){.argv = (const char *const[]){path, folder, blobs, out, NULL},
                                     .envp = (const char *const *)env.v,
                                     .in_fd = in_fd,
                                     .out_fd = out_fd,
                                     .keep_fds = keep,
                                     .keep_count = f->file_fd < 0 ? 2 : 3,
                                     .die_with_parent = 1},
        &f->pidfd, e);
    if (r == 0) {
        f->say_fd = steal_fd(&say_fd);
        f->out = fdopen(steal_fd(&answer_fd), "r");
    }
    return r;
}

/* The environment's RBOX_REGISTRY_TIMEOUT: seconds without a byte after which a server counts as
 * silent. */
static int open_with(const struct store *store, json_t *list, int file_fd, struct fetch *ret,
                     struct err *e)
{
    struct fetch f = FETCH_CLOSED;
    autoclose int blobs_fd = -1;
    autoclose int top_fd = -1;
    const char *stall = getenv("RBOX_REGISTRY_TIMEOUT");
    json_t *request = json_pack("{s:s, s:O}", "op", "start", "endpoints", list);
    int r = dir_make(store->dir_fd, "partial", 0700, &f.partial_fd, e);

    f.file_fd = file_fd;
    r = r < 0 ? r : dir_make(store->dir_fd, "blobs", 0711, &top_fd, e);
    r = r < 0 ? r : dir_make(top_fd, "sha256", 0711, &blobs_fd, e);
    if (stall != NULL && strtol(stall, NULL, 10) > 0) {
        (void)json_object_set_new(request, "stall_s", json_integer(strtol(stall, NULL, 10)));
    }
    r = r < 0 ? r : start_helper(&f, blobs_fd, e);
    if (r < 0) {
        json_decref(request);
    } else {
        r = fetch_ask(&f, request, NULL, NULL, NULL, e);
    }
    if (r < 0) {
        fetch_close(&f);
        return r;
    }
    *ret = f;
    return 0;
}

int fetch_open(const struct store *store, const struct registries *conf,
               const struct image_ref *ref, const struct fetch_options *o, struct fetch *ret,
               struct err *e)
{
    json_t *list = json_array();
    int r = endpoints(conf, ref, o, list, e);

    r = r < 0 ? r : open_with(store, list, -1, ret, e);
    json_decref(list);
    return r;
}

/* "https://host:1" of @url; *ret_path borrows from it. */
static int split_url(const char *url, char **ret_origin, const char **ret_path, struct err *e)
{
    const char *host = str_after(url, "https://");
    size_t len = 0;

    host = host != NULL ? host : str_after(url, "http://");
    if (host == NULL || *host == '\0' || *host == '/') {
        return err_new(e, EINVAL, "'%s' is no URL of a file", url);
    }
    len = strcspn(host, "/?#");
    if (memchr(host, '@', len) != NULL) {
        (void)err_new(e, EINVAL, "a URL with a password in it is not taken: others would see it");
        return err_hint(e, "curl -f … | rbox import - NAME");
    }
    *ret_path = host[len] == '/' ? host + len : NULL;
    if (*ret_path == NULL) {
        return err_new(e, EINVAL, "'%s' names no file", url);
    }
    *ret_origin = xstrndup(url, (size_t)(host - url) + len);
    return 0;
}

int fetch_open_url(const struct store *store, const char *url, int file_fd, struct fetch *ret,
                   const char **ret_path, struct err *e)
{
    const struct fetch_options none = {0};
    autofree char *origin = NULL;
    json_auto_t *list = NULL;
    json_t *endpoint = NULL;
    int r = split_url(url, &origin, ret_path, e);

    if (r < 0) {
        return r;
    }
    list = json_pack("[{s:s}]", "url", origin);
    if (list == NULL) {
        return err_new(e, EINVAL, "'%s' is not text", url);
    }
    endpoint = json_array_get(list, 0);
    r = certificates(strstr(origin, "://") + 3, &none, endpoint, e);
    return r < 0 ? r : open_with(store, list, file_fd, ret, e);
}

void fetch_close(struct fetch *f)
{
    close_fd(&f->say_fd);
    if (f->out != NULL) {
        (void)fclose(f->out);
    }
    if (f->pidfd >= 0) {
        proc_kill_reap(&f->pidfd);
    }
    close_fd(&f->partial_fd);
    *f = (struct fetch)FETCH_CLOSED;
}

/* A helper that died must not take us along: no SIGPIPE. */
static int say(const struct fetch *f, const char *text, struct err *e)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = send(f->say_fd, text, left, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return err_new(e, EIO, "rbox-fetch has ended");
        }
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int answered_error(const json_t *o, struct err *e)
{
    static const struct {
        const char *kind;
        int errnum;
    } KINDS[] = {{"denied", EACCES},
                 {"missing", ENOENT},
                 {"network", EIO},
                 {"refused", EPROTO},
                 {"tls", ENOKEY}};
    const char *words = json_string_value(json_object_get(o, "error"));
    const char *kind = json_string_value(json_object_get(o, "kind"));

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (str_eq(kind, KINDS[i].kind)) {
            return err_new(e, KINDS[i].errnum, "%s", words);
        }
    }
    return err_new(e, EIO, "%s", words);
}

int fetch_ask(struct fetch *f, json_t *request, fetch_event *event, void *arg, json_t **ret,
              struct err *e)
{
    autofree char *text = json_text(request);
    autofree char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    int r = 0;

    json_decref(request);
    if (say(f, text, e) < 0 || say(f, "\n", e) < 0) {
        return -e->errnum;
    }
    while ((len = getline(&line, &room, f->out)) > 0) {
        json_t *o = NULL;

        r = json_parse(line, (size_t)len, "rbox-fetch's answer", &o, e);
        if (r == 0 && json_object_get(o, "error") != NULL) {
            r = answered_error(o, e);
        } else if (r == 0 && json_object_get(o, "done") != NULL) {
            if (ret != NULL) {
                *ret = o;
            } else {
                json_decref(o);
            }
            return 0;
        } else if (r == 0 && event != NULL) {
            r = event(o, arg, e);
        }
        json_decref(o);
        if (r < 0) {
            return r;
        }
    }
    return err_new(e, EIO, "rbox-fetch has ended");
}

int fetch_hint(const struct fetch_options *o, const char *registry, struct err *e)
{
    if (e->errnum == EACCES && o->creds == NULL && *e->hint == '\0') {
        return err_hint(e, "rbox login %s   (if it is there at all, it is not for everybody)",
                        registry);
    }
    if (e->errnum == ENOKEY) {
        return err_hint(e,
                        "its CA as /etc/containers/certs.d/%s/ca.crt or with --cert-dir; or "
                        "--tls-verify=false, if you trust the network",
                        registry);
    }
    return -e->errnum;
}
