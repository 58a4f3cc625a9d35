/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/load.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/compose.h"
#include "image/image_ref.h"
#include "image/ingest.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/spool.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- docker-archive: manifest.json */

static int ingest_layers(struct spool *s, const struct strv *files, json_t *ret_layers,
                         struct err *e)
{
    for (size_t i = 0; i < files->len; i++) {
        const struct spooled *f = NULL;
        autoclose int fd = -1;

        if (spool_ingest(s, files->v[i], &f, e) < 0) {
            return -e->errnum;
        }
        fd = openat(s->in->blobs_fd, manifest_hex(f->digest), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return err_set(e, errno, "cannot open layer %.19s", f->digest);
        }
        (void)json_array_append_new(
            ret_layers, compose_descriptor(compose_layer_type(fd), f->digest, f->bytes));
    }
    return 0;
}

/* Full names out of RepoTags; an image without any is known by its id. A digest is no name to
 * give: the archive may say any. */
static int full_names(const struct strv *tags, const char *id, struct strv *ret, struct err *e)
{
    for (size_t i = 0; i < tags->len; i++) {
        struct image_ref ref = {0};

        if (image_ref_parse(tags->v[i], &ref, e) < 0) {
            return -e->errnum;
        }
        if (ref.digest == NULL) {
            strv_take(ret, image_ref_text(&ref));
        }
        image_ref_done(&ref);
    }
    if (ret->len == 0) {
        strv_push(ret, id);
    }
    return 0;
}

static int load_docker_image(struct spool *s, const json_t *o, struct strv *ret_names,
                             struct err *e)
{
    static const char WHAT[] = "manifest.json";
    autostrv struct strv files = {0};
    autostrv struct strv tags = {0};
    autostrv struct strv names = {0};
    autofree char *digest = NULL;
    const struct spooled *config = NULL;
    const char *config_name = NULL;
    json_t *layers = json_array();
    int r = json_get_string(o, "Config", WHAT, &config_name, e);

    r = r < 0 ? r : json_get_strv(o, "Layers", WHAT, &files, e);
    r = r < 0 ? r : json_get_strv(o, "RepoTags", WHAT, &tags, e);
    if (r == 0 && config_name == NULL) {
        r = err_new(e, EINVAL, "manifest.json names no config");
    }
    r = r < 0 ? r : spool_ingest(s, config_name, &config, e);
    r = r < 0 ? r : ingest_layers(s, &files, layers, e);
    r = r < 0 ? r : compose_manifest(s->in, config, layers, &digest, e);
    r = r < 0 ? r : full_names(&tags, config->digest, &names, e);
    r = r < 0 ? r : ingest_image(s->in, digest, &names, NULL, e);
    if (r == 0 && ret_names != NULL) {
        strv_append(ret_names, &names);
    }
    json_decref(layers);
    return r;
}

static int load_docker_archive(struct spool *s, struct strv *ret_names, struct err *e)
{
    autofree char *text = NULL;
    json_t *root = NULL;
    json_t *o = NULL;
    size_t len = 0;
    size_t i = 0;
    int r = spool_read(s, "manifest.json", &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, "manifest.json", &root, e);
    if (r == 0 && json_array_size(root) == 0) {
        r = err_new(e, EINVAL, "manifest.json lists no image");
    }
    json_array_foreach(root, i, o)
    {
        r = r < 0 ? r : load_docker_image(s, o, ret_names, e);
    }
    json_decref(root);
    return r;
}

/* ---- folders */

/* Which kind of folder is it? */
static int load_folder(const struct store *store, const char *path, const struct platform *p,
                       struct strv *ret_names, struct err *e)
{
    autofree char *index = xasprintf("%s/index.json", path);
    autofree char *manifest = xasprintf("%s/manifest.json", path);

    if (access(index, F_OK) == 0) {
        return layout_load(store, path, NULL, p, ret_names, e);
    }
    if (access(manifest, F_OK) == 0) {
        return layout_load_dir(store, path, p, ret_names, e);
    }
    (void)err_new(e, ENOENT, "folder '%s' has neither index.json nor manifest.json: not an image",
                  path);
    return err_hint(e, "tar -C %s -c . | rbox import - NAME, if it is a root file system", path);
}

/* ---- archives */

/* Newer docker writes both; its manifest.json has the names, and one platform only. */
static int load_spooled(struct spool *s, struct strv *ret_names, struct err *e)
{
    int has_index = spool_find(s, "index.json") != NULL;

    if (has_index && platform_is_asked(s->in->platform)) {
        return layout_load_spooled(s, ret_names, e);
    }
    if (spool_find(s, "manifest.json") != NULL) {
        return load_docker_archive(s, ret_names, e);
    }
    if (has_index) {
        return layout_load_spooled(s, ret_names, e);
    }
    return err_new(e, ENOEXEC,
                   "the archive has neither manifest.json nor index.json: not an image");
}

/* What to do with @path ("-": standard input), which is no image archive. */
static int explain(int r, const char *path, struct err *e)
{
    if (r == -ENOEXEC) {
        return err_hint(e, "rbox import %s NAME, if it is a tarball of a root file system", path);
    }
    return r == -EMEDIUMTYPE
               ? err_hint(e, "image archives are made by docker save, podman save, rbox save")
               : r;
}

static int load_stream(const struct store *store, int fd, const struct platform *p,
                       struct strv *ret_names, struct err *e)
{
    struct ingest in = {.blobs_fd = -1, .lock_fd = -1};
    struct spool s = SPOOL_CLOSED;
    int r = ingest_open(store, &in, e);

    in.platform = p;
    r = r < 0 ? r : spool_open(&in, fd, &s, e);
    if (r == 0) {
        r = load_spooled(&s, ret_names, e);
        spool_done(&s);
    }
    ingest_done(&in);
    return r;
}

int load_archive(const struct store *store, int fd, const struct platform *p,
                 struct strv *ret_names, struct err *e)
{
    return explain(load_stream(store, fd, p, ret_names, e), "-", e);
}

static int load_archive_file(const struct store *store, const char *path, const struct platform *p,
                             struct strv *ret_names, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    r = load_stream(store, fd, p, ret_names, e);
    return r < 0 ? explain(err_wrap(e, "'%s'", path), path, e) : 0;
}

/* "DIR[:TAG]"; both may have colons: the tag begins behind the first folder that is there. */
static int load_oci(const struct store *store, const char *text, const struct platform *p,
                    struct strv *ret_names, struct err *e)
{
    struct stat st;

    for (const char *colon = strchr(text, ':'); colon != NULL && stat(text, &st) < 0;
         colon = strchr(colon + 1, ':')) {
        autofree char *path = xstrndup(text, (size_t)(colon - text));

        if (stat(path, &st) == 0) {
            return layout_load(store, path, colon + 1, p, ret_names, e);
        }
    }
    return layout_load(store, text, NULL, p, ret_names, e);
}

int load_from(const struct store *store, const char *name, const struct platform *p,
              struct strv *ret_names, struct err *e)
{
    static const char *const ARCHIVES[] = {"docker-archive:", "oci-archive:"};
    struct stat st;

    for (size_t i = 0; i < sizeof(ARCHIVES) / sizeof(ARCHIVES[0]); i++) {
        const char *path = str_after(name, ARCHIVES[i]);

        if (path != NULL) {
            return load_archive_file(store, path, p, ret_names, e);
        }
    }
    if (str_after(name, "oci:") != NULL) {
        return load_oci(store, str_after(name, "oci:"), p, ret_names, e);
    }
    if (str_after(name, "dir:") != NULL) {
        return layout_load_dir(store, str_after(name, "dir:"), p, ret_names, e);
    }
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        return load_folder(store, name, p, ret_names, e);
    }
    return load_archive_file(store, name, p, ret_names, e);
}
