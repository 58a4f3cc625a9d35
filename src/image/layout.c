/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layout.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/image_ref.h"
#include "image/ingest.h"
#include "image/manifest.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the blobs of a layout come from. */
struct layout {
    struct ingest *in;
    struct spool *spool; /* NULL: a folder, whose blobs are copied and checked */
    int dir_fd;
    int is_flat;            /* a folder of skopeo's dir: blobs without a path */
    const char *tag;        /* take this image only; NULL: all */
    struct strv *ret_names; /* of what was loaded; may be NULL */
};

static int layout_blob(struct layout *l, const char *digest, struct err *e)
{
    autofree char *name = l->is_flat ? xstrdup(manifest_hex(digest)) : manifest_blob_path(digest);
    autofree char *found = NULL;
    autoclose int fd = -1;
    int r = 0;

    if (l->spool != NULL) {
        const struct spooled *f = NULL;

        r = spool_ingest(l->spool, name, &f, e);
        if (r == 0 && strcmp(f->digest, digest) != 0) {
            return err_new(e, EBADMSG, "blob %.19s of the archive has the content of %.19s", digest,
                           f->digest);
        }
        return r;
    }
    if (ingest_has(l->in, digest)) {
        return 0;
    }
    r = path_open_no_symlinks(l->dir_fd, name, O_RDONLY | O_NONBLOCK, &fd, e);
    r = r < 0 ? r : ingest_blob(l->in, fd, &found, e);
    if (r == 0 && strcmp(found, digest) != 0) {
        return err_new(e, EBADMSG, "blob %.19s of the layout has the content of %.19s", digest,
                       found);
    }
    return r;
}

/* Bring manifest @digest's blobs in; *ret_config, the image's id, is the caller's. */
static int layout_manifest(struct layout *l, const char *digest, char **ret_config, struct err *e)
{
    autofree char *text = NULL;
    struct manifest m = {0};
    size_t len = 0;
    int r = ingest_read(l->in, digest, &text, &len, e);

    r = r < 0 ? r : manifest_parse(text, len, &m, e);
    r = r < 0 ? r : layout_blob(l, m.config, e);
    for (size_t i = 0; r == 0 && i < m.layers.len; i++) {
        r = layout_blob(l, m.layers.v[i], e);
    }
    if (r == 0) {
        *ret_config = xstrdup(m.config);
    }
    manifest_done(&m);
    return r;
}

/* An index may point to an index for several architectures; one that points at itself runs out of
 * depth. */
static int pick_manifest(struct layout *l, char **digest, int is_index, struct err *e)
{
    int r = layout_blob(l, *digest, e);

    for (int depth = 0; r == 0 && is_index; depth++) {
        autofree char *text = NULL;
        autofree char *outer = *digest;
        size_t len = 0;

        *digest = NULL;
        if (depth >= MANIFEST_INDEX_DEPTH_MAX) {
            return err_new(e, ELOOP, "indexes nested too deep");
        }
        r = ingest_read(l->in, outer, &text, &len, e);
        r = r < 0 ? r : manifest_pick(text, len, l->in->platform, digest, &is_index, e);
        r = r < 0 ? r : layout_blob(l, *digest, e);
    }
    return r;
}

/* The name for entry @o of index.json: what containerd or the layout's own annotation says, if it
 * is one. */
static char *entry_name(const json_t *o)
{
    static const char *const KEYS[] = {"io.containerd.image.name", MANIFEST_REF_NAME};
    const json_t *annotations = json_object_get(o, "annotations");

    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        const char *text = json_string_value(json_object_get(annotations, KEYS[i]));
        struct image_ref ref = {0};
        struct err ignored = {0};
        char *name = NULL;

        /* A bare tag ("latest") is no name, and a digest none but the manifest's own. */
        if (text != NULL && (i == 0 || strpbrk(text, ":/") != NULL) &&
            image_ref_parse(text, &ref, &ignored) == 0) {
            if (ref.digest == NULL ||
                str_eq(ref.digest, json_string_value(json_object_get(o, "digest")))) {
                name = image_ref_text(&ref);
            }
            image_ref_done(&ref);
            return name;
        }
    }
    return NULL;
}

static int load_entry(struct layout *l, const json_t *o, struct err *e)
{
    autostrv struct strv names = {0};
    autofree char *given = entry_name(o);
    autofree char *id = NULL;
    const char *digest = json_string_value(json_object_get(o, "digest"));
    const char *type = json_string_value(json_object_get(o, "mediaType"));
    autofree char *picked = NULL;
    int is_index = manifest_is_index(type);
    int r = 0;

    if (!manifest_is_digest(digest)) {
        return err_new(e, EINVAL, "index.json has an entry without a sha256 digest");
    }
    picked = xstrdup(digest);
    r = pick_manifest(l, &picked, is_index, e);
    r = r < 0 ? r : layout_manifest(l, picked, &id, e);
    if (r < 0) {
        return r;
    }
    strv_push(&names, given != NULL ? given : id);
    r = ingest_image(l->in, picked, &names, NULL, e);
    if (r == 0 && l->ret_names != NULL) {
        strv_append(l->ret_names, &names);
    }
    return r;
}

static const char *ref_name(const json_t *o)
{
    return json_string_value(json_object_get(json_object_get(o, "annotations"), MANIFEST_REF_NAME));
}

/* Is there another entry for the same image that fits the platform better? The first of equals
 * counts. */
static int is_second_choice(const struct layout *l, const json_t *manifests, const json_t *o)
{
    const json_t *other = NULL;
    struct platform made;
    int fit = 0;
    size_t i = 0;

    if (!manifest_entry_platform(o, &made)) {
        return 0;
    }
    fit = platform_fit(l->in->platform, &made);
    json_array_foreach(manifests, i, other)
    {
        if (str_eq(ref_name(o), ref_name(other)) && manifest_entry_platform(other, &made) &&
            platform_fit(l->in->platform, &made) > fit) {
            return 1;
        }
    }
    return 0;
}

static int load_index(struct layout *l, const char *text, size_t len, struct err *e)
{
    autobuf struct buf tags = {0};
    json_t *root = NULL;
    json_t *manifests = NULL;
    json_t *o = NULL;
    size_t found = 0;
    size_t i = 0;
    int r = json_parse(text, len, "index.json", &root, e);

    r = r < 0 ? r : json_get_array(root, "manifests", "index.json", &manifests, e);
    json_array_foreach(manifests, i, o)
    {
        if (ref_name(o) != NULL) {
            buf_printf(&tags, "%s%s", tags.len > 0 ? ", " : "", ref_name(o));
        }
        if (r == 0 && (l->tag == NULL || str_eq(ref_name(o), l->tag)) &&
            !is_second_choice(l, manifests, o)) {
            found++;
            r = load_entry(l, o, e);
        }
    }
    json_decref(root);
    if (r == 0 && found == 0) {
        if (l->tag == NULL) {
            return err_new(e, ENOENT, "the layout has no image");
        }
        (void)err_new(e, ENOENT, "the layout has no image '%s'", l->tag);
        return tags.len > 0 ? err_hint(e, "one of these: %.200s", tags.data) : -e->errnum;
    }
    return r;
}

int layout_load_spooled(struct spool *s, struct strv *ret_names, struct err *e)
{
    struct layout l = {.in = s->in, .spool = s, .dir_fd = s->dir_fd, .ret_names = ret_names};
    autofree char *text = NULL;
    size_t len = 0;
    int r = spool_read(s, "index.json", &text, &len, e);

    return r < 0 ? r : load_index(&l, text, len, e);
}

int layout_load(const struct store *store, const char *path, const char *tag,
                const struct platform *p, struct strv *ret_names, struct err *e)
{
    autoclose int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int index_fd = -1;
    autofree char *text = NULL;
    struct ingest in = {.blobs_fd = -1, .lock_fd = -1};
    struct layout l = {.in = &in, .dir_fd = dir_fd, .tag = tag, .ret_names = ret_names};
    size_t len = 0;
    int r = dir_fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : ingest_open(store, &in, e);

    in.platform = p;
    r = r < 0 ? r
              : path_open_no_symlinks(dir_fd, "index.json", O_RDONLY | O_NONBLOCK, &index_fd, e);
    r = r < 0 ? r : fd_read_all(index_fd, MANIFEST_BYTES_MAX, &text, &len, e);
    r = r < 0 ? r : load_index(&l, text, len, e);
    ingest_done(&in);
    return r;
}

/* A folder of skopeo's and podman's dir: transport, which has one image and no name for it. */
int layout_load_dir(const struct store *store, const char *path, const struct platform *p,
                    struct strv *ret_names, struct err *e)
{
    autostrv struct strv names = {0};
    autoclose int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int fd = -1;
    autofree char *digest = NULL;
    autofree char *id = NULL;
    struct ingest in = {.blobs_fd = -1, .lock_fd = -1};
    struct layout l = {.in = &in, .dir_fd = dir_fd, .is_flat = 1};
    int r = dir_fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : ingest_open(store, &in, e);

    in.platform = p;
    r = r < 0 ? r : path_open_no_symlinks(dir_fd, "manifest.json", O_RDONLY | O_NONBLOCK, &fd, e);
    r = r < 0 ? r : ingest_blob(&in, fd, &digest, e);
    r = r < 0 ? r : layout_manifest(&l, digest, &id, e);
    if (r == 0) {
        strv_push(&names, id);
        r = ingest_image(&in, digest, &names, NULL, e);
    }
    if (r == 0 && ret_names != NULL) {
        strv_append(ret_names, &names);
    }
    ingest_done(&in);
    return r;
}
