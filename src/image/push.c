/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pushing; declared in pull.h. */
#include "base/cleanup.h"
#include "base/json.h"
#include "image/image.h"
#include "image/image_ref.h"
#include "image/manifest.h"
#include "image/pull.h"
#include "image/record.h"
#include "image/registries.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- blobs that the registry may have in another repository: an image of that registry here has
 * them */

struct source_search {
    const char *registry;
    const char *repository; /* not this one */
    const char *digest;
    char *found;
};

static int match_source(const struct image *i, void *arg)
{
    struct source_search *s = arg;
    struct image_ref ref = {0};
    struct err ignored = {0};

    if (i->id == NULL || !strv_has(&i->blobs, s->digest) || record_is_dangling(i->name) ||
        image_ref_parse(i->name, &ref, &ignored) < 0) {
        return 0;
    }
    if (strcmp(ref.registry, s->registry) == 0 && strcmp(ref.repository, s->repository) != 0) {
        s->found = xstrdup(ref.repository);
    }
    image_ref_done(&ref);
    return s->found != NULL;
}

/* ---- */

static void step(const struct pull_options *o, enum transfer_step s, const char *what,
                 int64_t bytes)
{
    if (o->progress != NULL) {
        o->progress->step(o->progress->arg, s, what, bytes, bytes);
    }
}

static int send_blob(const struct store *store, struct fetch *f, const struct image_ref *to,
                     const struct pull_options *o, const char *digest, struct err *e)
{
    struct source_search s = {
        .registry = to->registry, .repository = to->repository, .digest = digest};
    autofree char *path = manifest_blob_path(digest);
    json_t *request = NULL;
    json_t *answer = NULL;
    const char *how = NULL;
    struct stat st;
    int r = 0;

    if (fstatat(store->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_set(e, errno, "blob %.19s of the image is missing", digest);
    }
    (void)record_each(store, match_source, &s, e);
    err_clear(e);
    request = json_pack("{s:s, s:s, s:I}", "op", "upload", "digest", digest, "size",
                        (json_int_t)st.st_size);
    if (s.found != NULL) {
        (void)json_object_set_new(request, "from", json_str(s.found));
    }
    free(s.found);
    r = fetch_ask(f, request, NULL, NULL, &answer, e);
    how = json_string_value(json_object_get(answer, "how"));
    if (r == 0) {
        step(o,
             str_eq(how, "exists")    ? TRANSFER_HAVE
             : str_eq(how, "mounted") ? TRANSFER_MOUNTED
                                      : TRANSFER_WHOLE,
             digest, st.st_size);
    }
    json_decref(answer);
    return r;
}

static int send_image(const struct store *store, struct fetch *f, const struct image *i,
                      const struct image_ref *to, const struct pull_options *o, struct err *e)
{
    static const char WHAT[] = "the manifest";
    autofree char *path = manifest_blob_path(i->digest);
    autofree char *text = NULL;
    autostrv struct strv done = {0};
    json_t *root = NULL;
    const char *type = MANIFEST_TYPE;
    size_t len = 0;
    int r = file_read(store->dir_fd, path, MANIFEST_BYTES_MAX, &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, WHAT, &root, e);
    r = r < 0 ? r : json_get_string(root, "mediaType", WHAT, &type, e);
    for (size_t k = 0; r == 0 && k < i->blobs.len; k++) {
        if (!strv_has(&done, i->blobs.v[k])) {
            strv_push(&done, i->blobs.v[k]);
            r = send_blob(store, f, to, o, i->blobs.v[k], e);
        }
    }
    r = r < 0 ? r : send_blob(store, f, to, o, i->id, e);
    if (r == 0) {
        step(o, TRANSFER_STORE, i->digest, 0);
        r = fetch_ask(f,
                      json_pack("{s:s, s:s, s:s, s:s}", "op", "put", "reference",
                                to->tag != NULL ? to->tag : i->digest, "type", type, "text", text),
                      NULL, NULL, NULL, e);
    }
    json_decref(root);
    return r;
}

int image_push(const struct store *store, const char *name, const char *destination,
               const struct pull_options *o, char **ret_digest, struct err *e)
{
    struct registries conf = {0};
    struct image_ref to = {0};
    struct image i = {.lock_fd = -1};
    struct fetch f = FETCH_CLOSED;
    const char *plain = NULL;
    int r = image_find(store, name, &i, e);

    if (r < 0) {
        return r;
    }
    destination = destination != NULL ? destination : i.name;
    plain = str_after(destination, "docker://");
    r = image_ref_parse(plain != NULL ? plain : destination, &to, e);
    if (r == 0 && strcmp(to.registry, "localhost") == 0) {
        (void)err_new(e, EINVAL, "'%s' is a name of this machine, not of a registry", i.name);
        r = err_hint(e, "rbox push %s REGISTRY/NAME", name);
    }
    r = r < 0 ? r : registries_read(&conf, e);
    r = r < 0 ? r : fetch_open(store, &conf, &to, &o->fetch, &f, e);
    if (r == 0) {
        r = send_image(store, &f, &i, &to, o, e);
        if (r < 0) {
            (void)err_wrap(e, "cannot push to %s/%s", to.registry, to.repository);
            (void)fetch_hint(&o->fetch, to.registry, e);
        }
    }
    if (r == 0 && ret_digest != NULL) {
        *ret_digest = xstrdup(i.digest);
    }
    fetch_close(&f);
    registries_done(&conf);
    image_ref_done(&to);
    image_done(&i);
    return r < 0 ? -e->errnum : 0;
}
