/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_inspect.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "image/image_ref.h"
#include "image/manifest.h"
#include "image/record.h"
#include "sys/fd.h"

#include <string.h>

int image_document(const struct store *store, const char *digest, json_t **ret, struct err *e)
{
    autofree char *path = manifest_blob_path(digest);
    autofree char *text = NULL;
    struct err why = {0};
    size_t len = 0;
    int r = file_read(store->dir_fd, path, MANIFEST_BYTES_MAX, &text, &len, &why);

    r = r < 0 ? r : json_parse(text, len, "the image's config", ret, &why);
    if (r < 0) { /* not -ENOENT: the image is there */
        (void)err_new(e, EIO, "blob %.19s of the store is damaged: %s", digest, why.msg);
        return err_hint(e, "load or pull the image again");
    }
    return 0;
}

/* {"80/tcp": {}}: a set, as documents of images have it. */
static json_t *set_of(const struct strv *keys)
{
    json_t *o = json_object();

    for (size_t i = 0; i < keys->len; i++) {
        (void)json_object_set_new(o, keys->v[i], json_object());
    }
    return o;
}

static json_t *or_empty(const char *s)
{
    return json_str(s != NULL ? s : "");
}

/* A text of the config, which may hold anything there. */
static json_t *text_of(const json_t *config, const char *key)
{
    json_t *v = json_object_get(config, key);

    return json_is_string(v) ? json_incref(v) : json_string("");
}

static json_t *config_object(const struct image_config *c)
{
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "User", or_empty(c->user),
                  "ExposedPorts", set_of(&c->exposed_ports), "Env", json_from_strv(&c->env),
                  "Entrypoint", json_from_strv(&c->entrypoint), "Cmd", json_from_strv(&c->cmd),
                  "Volumes", set_of(&c->volumes), "WorkingDir", or_empty(c->working_dir), "Labels",
                  json_from_pairs(&c->labels), "StopSignal", or_empty(c->stop_signal));
    json_t *health = spec_health_write(&c->health);

    if (health != NULL) {
        (void)json_object_set_new(o, "Healthcheck", health);
    }
    return o;
}

/* "REPOSITORY@DIGEST" for each name. */
static json_t *digests(const struct strv *names, const char *digest)
{
    json_t *list = json_array();

    for (size_t i = 0; i < names->len; i++) {
        autofree char *repository = image_ref_without_tag(names->v[i]);
        autofree char *text = xasprintf("%s@%s", repository, digest);

        if (!record_is_dangling(names->v[i])) {
            (void)json_array_append_new(list, json_string(text));
        }
    }
    return list;
}

static json_t *tags(const struct strv *names)
{
    return names->len > 0 && record_is_dangling(names->v[0]) ? json_array() : json_from_strv(names);
}

static json_t *history_of(const json_t *config)
{
    json_t *steps = json_object_get(config, "history");

    return json_is_array(steps) ? json_incref(steps) : json_array();
}

/* docker's place, or podman's: that of the last step. */
static json_t *comment_of(const json_t *config)
{
    const json_t *steps = json_object_get(config, "history");
    size_t count = json_array_size(steps);

    return json_object_get(config, "comment") != NULL || count == 0
               ? text_of(config, "comment")
               : text_of(json_array_get(steps, count - 1), "comment");
}

int image_inspect(const struct store *store, const struct image *i, json_t **ret, struct err *e)
{
    const struct image_config *c = &i->config;
    autostrv struct strv names = {0};
    json_auto_t *config = NULL;
    json_auto_t *manifest = NULL;
    char when[CLOCK_TEXT_BYTES];
    json_t *annotations = NULL;
    int r = record_names(store, i->id, &names, e);

    r = r < 0 ? r : image_document(store, i->id, &config, e);
    r = r < 0 ? r : image_document(store, i->digest, &manifest, e);
    if (r < 0) {
        return r;
    }
    annotations = json_object_get(manifest, "annotations");
    annotations = json_is_object(annotations) ? json_incref(annotations) : json_object();
    *ret = json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:s, s:o, s:o}", "Id", i->id, "Digest",
                     i->digest, "RepoTags", tags(&names), "RepoDigests", digests(&names, i->digest),
                     "Parent", "", "Comment", comment_of(config), "Created",
                     clock_text(i->created_s * 1000000000, when), "Config", config_object(c),
                     "Author", text_of(config, "author"));
    (void)json_object_update_new(
        *ret, json_pack("{s:o, s:o, s:o, s:I, s:I, s:{s:s, s:o}, s:o, s:o, s:o, s:o, s:o}",
                        "Architecture", or_empty(c->architecture), "Variant", or_empty(c->variant),
                        "Os", or_empty(c->os), "Size", (json_int_t)i->size_bytes, "VirtualSize",
                        (json_int_t)i->size_bytes, "RootFS", "Type", "layers", "Layers",
                        json_from_strv(&i->diff_ids), "Labels", json_from_pairs(&c->labels),
                        "Annotations", annotations, "ManifestType", text_of(manifest, "mediaType"),
                        "User", or_empty(c->user), "History", history_of(config)));
    return 0;
}
