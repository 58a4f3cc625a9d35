/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pull.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/image.h"
#include "image/ingest.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/registries.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A layer that is unpacked while it comes. What goes wrong with it is no error: it is unpacked once
 * more when its blob is whole. */
struct stream {
    char *digest; /* NULL: none */
    int file_fd;  /* the blob as far as it is here */
    int feed_fd;  /* a socket: what rbox-unpack reads */
    int64_t fed;
    struct ingest_job job;
};

struct puller {
    const struct pull_options *o;
    struct ingest in;
    struct fetch f;
    struct manifest m;
    struct strv diff_ids; /* known once the config is here */
    struct stream streams[INGEST_PARALLEL];
};

static void step(const struct puller *p, enum transfer_step s, const char *what, int64_t bytes,
                 int64_t total)
{
    if (p->o->progress != NULL) {
        p->o->progress->step(p->o->progress->arg, s, what, bytes, total);
    }
}

/* ---- the manifest */

/* Fetch a manifest into the store. @digest: what it must have, or NULL. */
static int get_manifest(struct puller *p, const char *reference, const char *digest, json_t **ret,
                        char **ret_digest, struct err *e)
{
    autofree char *found = NULL;
    json_t *answer = NULL;
    int r = fetch_ask(&p->f, json_pack("{s:s, s:s}", "op", "manifest", "reference", reference),
                      NULL, NULL, &answer, e);
    const char *text = json_string_value(json_object_get(answer, "text"));

    if (r == 0 && text == NULL) {
        r = err_new(e, EPROTO, "the registry's manifest is no text");
    }
    r = r < 0 ? r : ingest_text(&p->in, text, &found, e);
    if (r == 0 && digest != NULL && strcmp(found, digest) != 0) {
        r = err_new(e, EPROTO, "manifest %.19s comes with the content of %.19s", digest, found);
    }
    if (r < 0) {
        json_decref(answer);
        return r;
    }
    *ret = answer;
    *ret_digest = steal_ptr(&found);
    return 0;
}

/* The media type is what the document says, else what the server said. */
static int is_index(const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "text"));
    struct err ignored = {0};
    json_t *root = NULL;
    const char *type = NULL;
    int yes = 0;

    if (json_parse(text, strlen(text), "manifest", &root, &ignored) < 0) {
        return 0;
    }
    type = json_string_value(json_object_get(root, "mediaType"));
    yes =
        manifest_is_index(type != NULL ? type : json_string_value(json_object_get(answer, "type")));
    json_decref(root);
    return yes;
}

/* Through indexes to the manifest for the platform; *ret_digest is the caller's. */
static int resolve(struct puller *p, const char *reference, const char *digest, char **ret_digest,
                   struct err *e)
{
    autofree char *at = xstrdup(reference);
    autofree char *wanted = xstrdup_null(digest);
    int r = 0;

    for (int depth = 0; r == 0 && depth < MANIFEST_INDEX_DEPTH_MAX; depth++) {
        autofree char *found = NULL;
        json_t *answer = NULL;
        const char *text = NULL;
        int nested = 0;

        r = get_manifest(p, at, wanted, &answer, &found, e);
        if (r < 0) {
            return r;
        }
        text = json_string_value(json_object_get(answer, "text"));
        if (!is_index(answer)) {
            r = manifest_parse(text, strlen(text), &p->m, e);
            json_decref(answer);
            *ret_digest = r == 0 ? steal_ptr(&found) : NULL;
            return r;
        }
        free(wanted);
        wanted = NULL;
        r = manifest_pick(text, strlen(text), &p->o->platform, &wanted, &nested, e);
        free(at);
        at = xstrdup(wanted != NULL ? wanted : "");
        json_decref(answer);
    }
    return r < 0 ? r : err_new(e, ELOOP, "indexes nested too deep");
}

/* ---- blobs */

/* The next layer to be unpacked out of blob @digest, from *at on. Returns whether there is one. */
static int next_layer(const struct puller *p, const char *digest, size_t *at, struct layer_key *ret)
{
    for (; *at < p->m.layers.len && *at < p->diff_ids.len; (*at)++) {
        *ret = ingest_key(&p->in, p->diff_ids.v[*at]);
        if (strcmp(p->m.layers.v[*at], digest) == 0 && !layer_exists(p->in.store, ret)) {
            return 1;
        }
    }
    return 0;
}

/* ---- layers on their way */

static struct stream *find_stream(struct puller *p, const char *digest)
{
    for (size_t i = 0; i < INGEST_PARALLEL; i++) {
        if (str_eq(p->streams[i].digest, digest)) {
            return &p->streams[i];
        }
    }
    return NULL;
}

/* Begin to unpack blob @digest, of which the first bytes are here. NULL: it has to wait until it is
 * whole. */
static struct stream *start_stream(struct puller *p, const char *digest)
{
    autofree char *name = NULL;
    autoclose int file_fd = -1;
    autoclose int feed_fd = -1;
    autoclose int read_fd = -1;
    struct stream *s = NULL;
    struct err ignored = {0};
    struct layer_key key;
    size_t at = 0;
    int pair[2] = {-1, -1};

    for (size_t i = 0; i < INGEST_PARALLEL && s == NULL; i++) {
        s = p->streams[i].digest == NULL ? &p->streams[i] : NULL;
    }
    if (s == NULL || !next_layer(p, digest, &at, &key)) {
        return NULL;
    }
    name = xasprintf("%s.partial", manifest_hex(digest));
    file_fd = openat(p->f.partial_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return NULL;
    }
    feed_fd = pair[0];
    read_fd = pair[1];
    if (ingest_start(&p->in, &key, read_fd, &s->job, &ignored) < 0) {
        return NULL;
    }
    s->digest = xstrdup(digest);
    s->file_fd = steal_fd(&file_fd);
    s->feed_fd = steal_fd(&feed_fd);
    s->fed = 0;
    return s;
}

/* Give on what has come: @bytes of it are in the file. */
static void feed_stream(struct stream *s, int64_t bytes)
{
    const size_t room = 64 << 10;
    autofree char *chunk = xmalloc(room);

    /* Fewer than before: the server began anew, and what was given on may have been wrong. */
    while (s->fed < bytes) {
        int64_t left = bytes - s->fed;
        size_t want = left < (int64_t)room ? (size_t)left : room;
        ssize_t n = pread(s->file_fd, chunk, want, s->fed);

        if (n <= 0 || send(s->feed_fd, chunk, (size_t)n, MSG_NOSIGNAL) != n) {
            s->fed = INT64_MAX; /* it has ended: the next one to ask is whoever waits for it */
            return;
        }
        s->fed += n;
    }
}

/* No more comes of it. Processes that were forked meanwhile have the socket, too. */
static void end_stream(struct puller *p, struct stream *s)
{
    struct err ignored = {0};

    if (s == NULL || s->digest == NULL) {
        return;
    }
    (void)shutdown(s->feed_fd, SHUT_WR);
    (void)ingest_wait(&p->in, &s->job, &ignored);
    close_fd(&s->feed_fd);
    close_fd(&s->file_fd);
    free(s->digest);
    s->digest = NULL;
}

static void on_progress(struct puller *p, const char *digest, int64_t bytes)
{
    struct stream *s = find_stream(p, digest);

    if (s == NULL && bytes > 0) {
        s = start_stream(p, digest);
    }
    if (s != NULL) {
        feed_stream(s, bytes);
    }
}

/* ---- whole blobs */

/* What was not unpacked on its way is now. */
static int unpack(struct puller *p, const char *digest, struct err *e)
{
    struct layer_key key;
    size_t at = 0;

    while (next_layer(p, digest, &at, &key)) {
        if (ingest_unpack(&p->in, &key, digest, e) < 0) {
            return -e->errnum;
        }
    }
    return 0;
}

static int on_blob(const json_t *event, void *arg, struct err *e)
{
    struct puller *p = arg;
    const char *going = json_string_value(json_object_get(event, "progress"));
    const char *whole = json_string_value(json_object_get(event, "blob"));
    int64_t bytes = json_integer_value(json_object_get(event, "bytes"));
    int64_t total = json_integer_value(json_object_get(event, "total"));
    struct layer_key key;
    size_t at = 0;

    if (!manifest_is_digest(going != NULL ? going : whole)) {
        return err_new(e, EPROTO, "rbox-fetch speaks of no blob");
    }
    if (going != NULL) {
        step(p, TRANSFER_BYTES, going, bytes, total);
        on_progress(p, going, bytes);
        return 0;
    }
    if (ingest_file(&p->in, p->f.partial_fd, manifest_hex(whole), whole, e) < 0) {
        return -e->errnum;
    }
    step(p, TRANSFER_WHOLE, whole, bytes, bytes);
    if (next_layer(p, whole, &at, &key)) {
        step(p, TRANSFER_UNPACK, whole, 0, 0);
    }
    end_stream(p, find_stream(p, whole));
    return unpack(p, whole, e);
}

/* Ask for those of @digests that the store lacks. Sizes come from the manifest @text. */
static int get_blobs(struct puller *p, const json_t *descriptors, struct err *e)
{
    json_t *list = json_array();
    const json_t *o = NULL;
    size_t i = 0;
    int r = 0;

    json_array_foreach(descriptors, i, o)
    {
        const char *digest = json_string_value(json_object_get(o, "digest"));
        const json_t *size = json_object_get(o, "size");

        if (ingest_has(&p->in, digest)) {
            step(p, TRANSFER_HAVE, digest, json_integer_value(size), json_integer_value(size));
        } else {
            (void)json_array_append_new(
                list, json_pack("{s:s, s:I}", "digest", digest, "size",
                                json_is_integer(size) ? json_integer_value(size) : (json_int_t)-1));
        }
    }
    if (json_array_size(list) > 0) {
        r = fetch_ask(&p->f, json_pack("{s:s, s:O}", "op", "blobs", "blobs", list), on_blob, p,
                      NULL, e);
    }
    json_decref(list);
    return r;
}

/* The descriptors of config and layers as the manifest has them; it was parsed before, so their
 * digests are right. Layers that come twice are fetched once. */
static int descriptors(struct puller *p, const char *digest, json_t **ret_config,
                       json_t **ret_layers, struct err *e)
{
    autofree char *text = NULL;
    json_t *root = NULL;
    json_t *o = NULL;
    size_t len = 0;
    size_t i = 0;
    autostrv struct strv seen = {0};
    int r = ingest_read(&p->in, digest, &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, "the manifest", &root, e);
    if (r < 0) {
        return r;
    }
    *ret_config = json_pack("[O]", json_object_get(root, "config"));
    *ret_layers = json_array();
    json_array_foreach(json_object_get(root, "layers"), i, o)
    {
        const char *d = json_string_value(json_object_get(o, "digest"));

        if (!strv_has(&seen, d)) {
            strv_push(&seen, d);
            (void)json_array_append(*ret_layers, o);
        }
    }
    json_decref(root);
    return 0;
}

static int get_image(struct puller *p, const char *digest, struct err *e)
{
    struct image_config about = {0};
    autofree char *text = NULL;
    autofree char *found = NULL;
    json_t *config = NULL;
    json_t *layers = NULL;
    size_t len = 0;
    int r = descriptors(p, digest, &config, &layers, e);

    r = r < 0 ? r : get_blobs(p, config, e);
    r = r < 0 ? r : ingest_read(&p->in, p->m.config, &text, &len, e);
    /* The layers are checked against what the config says: that one we look at ourselves. */
    r = r < 0 ? r : ingest_text(&p->in, text, &found, e);
    if (r == 0 && strcmp(found, p->m.config) != 0) {
        r = err_new(e, EPROTO, "config %.19s has the content of %.19s", p->m.config, found);
    }
    r = r < 0 ? r : manifest_parse_config(text, len, &about, &p->diff_ids, e);
    r = r < 0 ? r : manifest_check_platform(&about, &p->o->platform, e);
    image_config_done(&about);
    r = r < 0 ? r : get_blobs(p, layers, e);
    json_decref(config);
    json_decref(layers);
    return r;
}

/* ---- a name */

/* What is asked for; one of the two. */
struct wanted {
    char **ret_id;     /* the image is pulled */
    char **ret_digest; /* its digest is looked at, no more */
};

static int pull_ref(const struct store *store, const struct registries *conf,
                    const struct image_ref *ref, const struct pull_options *o,
                    const struct wanted *w, struct err *e)
{
    struct puller p = {.o = o, .in = {.blobs_fd = -1, .lock_fd = -1}, .f = FETCH_CLOSED};
    autostrv struct strv names = {0};
    autofree char *digest = NULL;
    int r = ingest_open(store, &p.in, e);

    r = r < 0 ? r : fetch_open(store, conf, ref, &o->fetch, &p.f, e);
    r = r < 0 ? r
              : resolve(&p, ref->digest != NULL ? ref->digest : ref->tag, ref->digest, &digest, e);
    if (r == 0 && w->ret_digest != NULL) {
        *w->ret_digest = steal_ptr(&digest);
    } else {
        r = r < 0 ? r : get_image(&p, digest, e);
        if (r == 0) {
            step(&p, TRANSFER_STORE, digest, 0, 0);
            strv_take(&names, image_ref_text(ref));
            r = ingest_image(&p.in, digest, &names, w->ret_id, e);
        }
    }
    for (size_t i = 0; i < INGEST_PARALLEL; i++) { /* after a failure */
        end_stream(&p, &p.streams[i]);
    }
    fetch_close(&p.f);
    manifest_done(&p.m);
    strv_done(&p.diff_ids);
    ingest_done(&p.in);
    return r;
}

/* The first of the full names that @name may mean which there is. */
static int find_name(const struct store *store, const char *name, const struct pull_options *o,
                     const struct wanted *w, char **ret_name, struct err *e)
{
    autostrv struct strv names = {0};
    struct registries conf = {0};
    struct image_ref ref = {0};
    const char *plain = str_after(name, "docker://");
    int r = image_ref_parse(plain != NULL ? plain : name, &ref, e);

    if (r < 0) {
        return r;
    }
    r = registries_read(&conf, e);
    if (r == 0) {
        registries_names(&conf, &ref, &names);
    }
    image_ref_done(&ref);
    for (size_t i = 0; i < names.len; i++) {
        err_clear(e);
        r = image_ref_parse(names.v[i], &ref, e);
        if (r == 0 && o->progress != NULL) {
            o->progress->step(o->progress->arg, TRANSFER_RESOLVE, names.v[i], 0, 0);
        }
        r = r < 0 ? r : pull_ref(store, &conf, &ref, o, w, e);
        if (r == 0 && ret_name != NULL) {
            *ret_name = xstrdup(names.v[i]);
        }
        if (r < 0) {
            (void)err_wrap(e, "cannot pull %s", names.v[i]);
            (void)fetch_hint(&o->fetch, ref.registry, e);
        }
        image_ref_done(&ref);
        if (r == 0) {
            break;
        }
    }
    registries_done(&conf);
    return r < 0 ? -e->errnum : 0;
}

int image_pull(const struct store *store, const char *name, const struct pull_options *o,
               char **ret_name, char **ret_id, struct err *e)
{
    return find_name(store, name, o, &(struct wanted){.ret_id = ret_id}, ret_name, e);
}

int image_pull_look(const struct store *store, const char *name, const struct pull_options *o,
                    char **ret_name, char **ret_digest, struct err *e)
{
    return find_name(store, name, o, &(struct wanted){.ret_digest = ret_digest}, ret_name, e);
}
