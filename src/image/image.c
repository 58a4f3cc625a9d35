/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/image_ref.h"
#include "image/layers.h"
#include "image/load.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/pull.h"
#include "image/record.h"
#include "image/store.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void image_done(struct image *i)
{
    free(i->name);
    free(i->id);
    free(i->digest);
    strv_done(&i->diff_ids);
    strv_done(&i->layers);
    strv_done(&i->blobs);
    image_config_done(&i->config);
    close_fd(&i->lock_fd);
    memset(i, 0, sizeof(*i));
    i->lock_fd = -1;
}

int64_t image_layer_bytes(const struct store *store, const struct image *i, size_t layer)
{
    return layer < i->blobs.len ? store_blob_bytes(store, i->blobs.v[layer]) : 0;
}

/* ---- layers for the maps asked for */

static int open_blob(const struct store *store, const char *digest, int *ret_fd, struct err *e)
{
    autofree char *path = manifest_blob_path(digest);
    int fd = openat(store->dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        (void)err_set(e, errno, "cannot open blob %.19s of the store", digest);
        return err_hint(e, "load or pull the image again");
    }
    *ret_fd = fd;
    return 0;
}

/* Owners on disk are host ids: a layer that was unpacked for another map (bob got a range, keep-id)
 * is unpacked once more. */
static int ensure_layer(const struct store *store, const struct layer_key *k, const char *blob,
                        struct store_room *left, struct err *e)
{
    autoclose int fd = -1;
    int r = 0;

    if (layer_exists(store, k)) {
        return 0;
    }
    notice("unpacking layer %.19s for this user's ids, once", k->diff_id);
    r = open_blob(store, blob, &fd, e);
    return r < 0 ? r : layer_unpack(store, k, fd, left, e);
}

int image_layers(const struct store *store, struct image *i, const struct spec_idmap *uid_map,
                 const struct spec_idmap *gid_map, struct err *e)
{
    const struct layer_key points = {
        .diff_id = LAYER_POINTS, .uid_map = uid_map, .gid_map = gid_map};
    struct store_room left = store_room(store);

    if (i->blobs.len != i->diff_ids.len) {
        return err_new(e, EINVAL, "image '%s' has %zu layers and %zu diffIDs", i->name,
                       i->blobs.len, i->diff_ids.len);
    }
    if (layer_points(store, &points, e) < 0) {
        return -e->errnum;
    }
    strv_done(&i->layers);
    strv_take(&i->layers, layer_path(&points));
    for (size_t k = 0; k < i->diff_ids.len; k++) {
        const struct layer_key key = {
            .diff_id = i->diff_ids.v[k], .uid_map = uid_map, .gid_map = gid_map};
        const struct strv above = {.v = i->diff_ids.v + k + 1, .len = i->diff_ids.len - k - 1};

        /* Of a layer that an image has twice the upper one counts: whatever it says is said over
         * all below. The kernel's overlay refuses it twice (ELOOP). */
        if (strv_has(&above, key.diff_id)) {
            continue;
        }
        if (ensure_layer(store, &key, i->blobs.v[k], &left, e) < 0) {
            return -e->errnum;
        }
        strv_take(&i->layers, layer_path(&key));
    }
    return 0;
}

/* ---- finding */

struct id_search {
    const char *prefix; /* hex digits of an image id */
    char *name;         /* the first that matches */
    char *id;
};

static int match_id(const struct image *i, void *arg)
{
    struct id_search *s = arg;

    if (i->id == NULL || str_after(manifest_hex(i->id), s->prefix) == NULL) {
        return 0;
    }
    if (s->id != NULL && strcmp(s->id, i->id) != 0) {
        return -ENOTUNIQ;
    }
    if (s->name == NULL) {
        s->name = xstrdup(i->name);
        s->id = xstrdup(i->id);
    }
    return 0;
}

static int find_by_id(const struct store *store, const char *text, struct image *ret, struct err *e)
{
    struct id_search s = {.prefix = str_after(text, "sha256:") != NULL ? str_after(text, "sha256:")
                                                                       : text};
    int r = 0;

    if (strlen(s.prefix) < 3 || strspn(s.prefix, "0123456789abcdef") != strlen(s.prefix)) {
        return -ENOENT;
    }
    r = record_each(store, match_id, &s, e);
    if (r == -ENOTUNIQ) {
        r = err_new(e, ENOTUNIQ, "'%s' begins the ids of several images", text);
    } else if (r == 0 && s.name != NULL) {
        r = record_read(store, s.name, ret, e);
    } else if (r == 0) {
        r = -ENOENT;
    }
    free(s.name);
    free(s.id);
    return r;
}

struct digest_search {
    const char *repository; /* with its registry */
    const char *digest;
    char *name; /* the one that was found */
};

static int match_digest(const struct image *i, void *arg)
{
    struct digest_search *s = arg;
    const char *rest = str_after(i->name, s->repository);

    if (rest == NULL || *rest != ':' || !str_eq(i->digest, s->digest)) {
        return 0;
    }
    s->name = xstrdup(i->name);
    return 1;
}

/* One with a digest under that, else under any tag that means it here. */
static int find_in_repository(const struct store *store, const char *repository,
                              const struct image_ref *ref, struct image *ret, struct err *e)
{
    struct digest_search s = {.repository = repository, .digest = ref->digest};
    autofree char *name = ref->digest != NULL ? xasprintf("%s@%s", repository, ref->digest)
                                              : xasprintf("%s:%s", repository, ref->tag);
    int r = record_read(store, name, ret, e);

    if (r == -ENOENT && ref->digest != NULL) {
        struct err read = {0};

        r = record_each(store, match_digest, &s, &read);
        if (r < 0) {
            *e = read;
        } else if (r > 0) {
            err_clear(e);
            r = record_read(store, s.name, ret, e);
        } else {
            r = -ENOENT;
        }
        free(s.name);
    }
    return r;
}

/* Names that docker or podman would find: as given, and of this machine (localhost/NAME, what
 * `import` makes). */
static int find_by_name(const struct store *store, const struct image_ref *ref, struct image *ret,
                        struct err *e)
{
    const char *plain = str_after(ref->repository, "library/");
    autofree char *full = xasprintf("%s/%s", ref->registry, ref->repository);
    autofree char *local = xasprintf("localhost/%s", plain != NULL ? plain : ref->repository);
    int r = find_in_repository(store, full, ref, ret, e);

    if (r != -ENOENT || !ref->is_short) {
        return r;
    }
    err_clear(e);
    return find_in_repository(store, local, ref, ret, e);
}

/* An image that ships with rbox: libexec/rbox/images/NAME.tar, of tag latest only. */
static int load_bundled(const struct store *store, const struct image_ref *ref, struct err *e)
{
    const char *name = str_after(ref->repository, "library/");
    autofree char *tar = xasprintf("images/%s.tar", name != NULL ? name : "");
    autofree char *file = NULL;
    autoclose int fd = -1;

    if (name == NULL || strcmp(ref->registry, "docker.io") != 0 || !str_eq(ref->tag, "latest") ||
        strchr(name, '/') != NULL || proc_find_beside(tar, &file, e) < 0) {
        err_clear(e);
        return -ENOENT;
    }
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -ENOENT;
    }
    debug("loading the bundled image '%s'", file);
    return load_archive(store, fd, NULL, NULL, e);
}

static int not_found(const char *name, const struct image_ref *ref, struct err *e)
{
    (void)err_new(e, ENOENT, "cannot find image '%s'", name);
    if (strcmp(ref->registry, "localhost") == 0) {
        return err_hint(e, "rbox images   (or: rbox load -i FILE, rbox import FILE %s)", name);
    }
    return err_hint(e, "rbox pull %s   (or: rbox load -i FILE, rbox import FILE %s)", name, name);
}

/* Names come before ids: an image may well be called "cafe". */
static int find_in_store(const struct store *store, const char *name, const struct image_ref *ref,
                         struct image *ret, struct err *e)
{
    int r = find_by_name(store, ref, ret, e);

    if (r != -ENOENT) {
        return r;
    }
    err_clear(e);
    return find_by_id(store, name, ret, e);
}

int image_find(const struct store *store, const char *name, struct image *ret, struct err *e)
{
    struct image_ref ref = {0};
    const char *id = str_after(name, "sha256:");
    int r = image_ref_parse(id != NULL ? id : name, &ref, e);

    if (r < 0) {
        return r;
    }
    r = find_in_store(store, name, &ref, ret, e);
    if (r == -ENOENT) {
        r = not_found(name, &ref, e);
    }
    image_ref_done(&ref);
    return r;
}

static int find(const struct store *store, const char *name, struct image *ret, struct err *e)
{
    struct image_ref ref = {0};
    const char *id = str_after(name, "sha256:");
    int r = image_ref_parse(id != NULL ? id : name, &ref, e);

    if (r < 0) {
        return r;
    }
    r = find_in_store(store, name, &ref, ret, e);
    if (r == -ENOENT) {
        err_clear(e);
        r = load_bundled(store, &ref, e);
        r = r < 0 ? r : find_by_name(store, &ref, ret, e);
    }
    if (r == -ENOENT) {
        r = not_found(name, &ref, e);
    }
    image_ref_done(&ref);
    return r;
}

/* ---- images that are still archives */

/* Names of this machine and digests of images are in no registry. */
static int may_be_pulled(const char *name)
{
    struct image_ref ref = {0};
    struct err ignored = {0};
    int yes = str_after(name, "sha256:") == NULL && image_ref_parse(name, &ref, &ignored) == 0 &&
              strcmp(ref.registry, "localhost") != 0;

    image_ref_done(&ref);
    return yes;
}

static int is_transport(const char *name)
{
    struct stat st;

    return str_after(name, "docker-archive:") != NULL || str_after(name, "oci-archive:") != NULL ||
           str_after(name, "oci:") != NULL || str_after(name, "dir:") != NULL ||
           (strchr(name, '/') != NULL && stat(name, &st) == 0);
}

static int pull_and_find(const struct store *store, const char *name, const struct image_request *q,
                         struct image *ret, struct err *e)
{
    autofree char *full = NULL;
    int r = image_pull(store, name, q->registry, &full, NULL, e);

    return r < 0 ? r : find(store, full, ret, e);
}

static int find_or_pull(const struct store *store, const struct image_request *q, struct image *ret,
                        struct err *e)
{
    const struct pull_options *o = q->registry;
    const char *name = str_after(q->name, "docker://");
    struct err not_pulled = {0};
    int r = 0;

    name = name != NULL ? name : q->name;
    if (q->pull == IMAGE_PULL_ALWAYS && o != NULL) {
        return pull_and_find(store, name, q, ret, e);
    }
    if (q->pull == IMAGE_PULL_NEWER && o != NULL &&
        pull_and_find(store, name, q, ret, &not_pulled) == 0) {
        return 0;
    }
    r = find(store, name, ret, e);
    if (q->pull == IMAGE_PULL_NEWER && r < 0) {
        *e = not_pulled.errnum != 0 ? not_pulled : *e;
        return r;
    }
    if (r == 0 && o != NULL && manifest_check_platform(&ret->config, &o->platform, e) < 0) {
        image_done(ret);
        if (q->pull == IMAGE_PULL_NEVER || !may_be_pulled(name)) {
            return err_wrap(e, "'%s'", q->name);
        }
        err_clear(e);
        return pull_and_find(store, name, q, ret, e);
    }
    if (r != -ENOENT || q->pull != IMAGE_PULL_MISSING || o == NULL || !may_be_pulled(name)) {
        return r;
    }
    err_clear(e);
    r = pull_and_find(store, name, q, ret, e);
    if (r < 0) {
        (void)err_wrap(e, "image '%s' is not here", q->name);
        return *e->hint != '\0' ? r
                                : err_hint(e, "rbox load -i FILE, or rbox import FILE %s", name);
    }
    return 0;
}

/* Said here, where it is known; what the kernel says is "Exec format error". */
static void warn_foreign(const struct image *i)
{
    const struct platform made = {
        .os = i->config.os, .architecture = i->config.architecture, .variant = i->config.variant};
    autofree char *is = NULL;
    autofree char *fix = NULL;
    autofree char *line = NULL;

    if (platform_runs_here(made.architecture)) {
        return;
    }
    is = platform_text(&made);
    fix = hint_fix(HINT_FOREIGN_ARCH, NULL, NULL);
    line = hint_line(HINT_FOREIGN_ARCH, fix);
    warn("image '%s' is for %s, this machine is linux/%s: its programs need an emulator: "
         "%s",
         i->name, is, platform_host_architecture(), line);
}

int image_resolve(struct store *store, const struct image_request *q, struct image *ret,
                  struct err *e)
{
    autostrv struct strv loaded = {0};
    struct image i = {.lock_fd = -1};
    const char *name = q->name;
    int r = 0;

    if (is_transport(name)) {
        r = load_from(store, name, q->registry != NULL ? &q->registry->platform : NULL, &loaded, e);
        if (r < 0) {
            return err_wrap(e, "cannot load '%s'", name);
        }
        name = loaded.v[0];
        r = find(store, name, &i, e);
    } else {
        r = find_or_pull(store, q, &i, e);
    }
    if (r < 0) {
        image_done(&i);
        return r;
    }
    warn_foreign(&i);
    *ret = i;
    return 0;
}
