/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/manifest.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/json.h"
#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int manifest_is_digest(const char *s)
{
    const char *hex = s != NULL ? str_after(s, "sha256:") : NULL;

    return hex != NULL && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

const char *manifest_hex(const char *digest)
{
    return digest + strlen("sha256:");
}

char *manifest_blob_path(const char *digest)
{
    return xasprintf("blobs/sha256/%s", manifest_hex(digest));
}

json_t *manifest_new_index(void)
{
    return json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
                     "application/vnd.oci.image.index.v1+json", "manifests");
}

/* ---- manifest */

static int get_digest(const json_t *descriptor, const char *what, const char **ret, struct err *e)
{
    int r = json_get_string(descriptor, "digest", what, ret, e);

    if (r == 0 && !manifest_is_digest(*ret)) {
        return err_new(e, EINVAL, "%s has no sha256 digest", what);
    }
    return r;
}

static int read_manifest(const json_t *root, struct manifest *m, struct err *e)
{
    json_t *config = NULL;
    json_t *layers = NULL;
    json_t *layer = NULL;
    const char *digest = NULL;
    size_t i = 0;
    int r = json_get_object(root, "config", "manifest", &config, e);

    if (r == 0) {
        r = json_get_array(root, "layers", "manifest", &layers, e);
    }
    if (r == 0 && (config == NULL || layers == NULL)) {
        return err_new(
            e, EINVAL,
            "the manifest has no config or no layers (docker schema 1 is not supported)");
    }
    if (r == 0) {
        r = get_digest(config, "the manifest's config", &digest, e);
    }
    if (r < 0) {
        return r;
    }
    if (json_array_size(layers) > MANIFEST_LAYERS_MAX) {
        return err_new(e, E2BIG, "the image has %zu layers, more than %d", json_array_size(layers),
                       MANIFEST_LAYERS_MAX);
    }
    m->config = xstrdup(digest);
    json_array_foreach(layers, i, layer)
    {
        digest = NULL;
        if (get_digest(layer, "a layer of the manifest", &digest, e) < 0) {
            return -e->errnum;
        }
        strv_push(&m->layers, digest);
    }
    return 0;
}

int manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *e)
{
    json_t *root = NULL;
    struct manifest m = {0};
    int r = json_parse(text, len, "the manifest", &root, e);

    if (r == 0) {
        r = read_manifest(root, &m, e);
    }
    json_decref(root);
    if (r < 0) {
        manifest_done(&m);
        return r;
    }
    *ret = m;
    return 0;
}

void manifest_done(struct manifest *m)
{
    free(m->config);
    strv_done(&m->layers);
    memset(m, 0, sizeof(*m));
}

/* ---- config */

void image_config_done(struct image_config *c)
{
    strv_done(&c->entrypoint);
    strv_done(&c->cmd);
    strv_done(&c->env);
    strv_done(&c->volumes);
    strv_done(&c->exposed_ports);
    strv_done(&c->labels);
    free(c->working_dir);
    free(c->user);
    free(c->stop_signal);
    spec_health_done(&c->health);
    free(c->os);
    free(c->architecture);
    free(c->variant);
    memset(c, 0, sizeof(*c));
}

static int copy_string(const json_t *o, const char *key, char **ret, struct err *e)
{
    const char *s = NULL;
    int r = json_get_string(o, key, "the image's config", &s, e);

    *ret = xstrdup_null(s);
    return r;
}

/* Keys of an object ("Volumes": {"/data": {}}), or "K=V" of one with strings. */
static int copy_keys(const json_t *o, const char *key, int with_values, struct strv *ret,
                     struct err *e)
{
    json_t *object = NULL;
    const char *name = NULL;
    json_t *v = NULL;
    int r = json_get_object(o, key, "the image's config", &object, e);

    if (with_values) {
        json_to_pairs(object, ret);
        return r;
    }
    json_object_foreach(object, name, v)
    {
        strv_push(ret, name);
    }
    return r;
}

static int read_section(const json_t *o, struct image_config *c, struct err *e)
{
    static const char WHAT[] = "the image's config";
    const struct {
        const char *key;
        struct strv *list;
    } lists[] = {{"Entrypoint", &c->entrypoint}, {"Cmd", &c->cmd}, {"Env", &c->env}};
    const struct {
        const char *key;
        char **string;
    } strings[] = {
        {"WorkingDir", &c->working_dir}, {"User", &c->user}, {"StopSignal", &c->stop_signal}};
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(lists) / sizeof(lists[0]); i++) {
        r = json_get_strv(o, lists[i].key, WHAT, lists[i].list, e);
    }
    for (size_t i = 0; r == 0 && i < sizeof(strings) / sizeof(strings[0]); i++) {
        r = copy_string(o, strings[i].key, strings[i].string, e);
    }
    if (r == 0 && spec_health_read(json_object_get(o, "Healthcheck"), &c->health) < 0) {
        r = err_new(e, EINVAL, "%s: field 'Healthcheck' has the wrong type", WHAT);
    }
    if (r == 0) {
        r = copy_keys(o, "Volumes", 0, &c->volumes, e);
    }
    if (r == 0) {
        r = copy_keys(o, "ExposedPorts", 0, &c->exposed_ports, e);
    }
    return r < 0 ? r : copy_keys(o, "Labels", 1, &c->labels, e);
}

/* When it was made; what is no time is as good as none. */
static int64_t read_created(const json_t *root)
{
    const char *text = json_string_value(json_object_get(root, "created"));
    struct err ignored = {0};
    int64_t ns = 0;

    return text != NULL && strchr(text, 'T') != NULL && parse_time_ns(text, &ns, &ignored) == 0
               ? ns / 1000000000
               : 0;
}

static int read_config(const json_t *root, struct image_config *c, struct strv *diff_ids,
                       struct err *e)
{
    json_t *section = NULL;
    json_t *rootfs = NULL;
    int r = json_get_object(root, "config", "the image's config", &section, e);

    if (r == 0 && section != NULL) {
        r = read_section(section, c, e);
    }
    if (r == 0) {
        r = copy_string(root, "os", &c->os, e);
    }
    if (r == 0) {
        r = copy_string(root, "architecture", &c->architecture, e);
    }
    if (r == 0) {
        r = copy_string(root, "variant", &c->variant, e);
    }
    c->created_s = read_created(root);
    if (r == 0) {
        r = json_get_object(root, "rootfs", "the image's config", &rootfs, e);
    }
    if (r == 0 && rootfs != NULL) {
        r = json_get_strv(rootfs, "diff_ids", "the image's config", diff_ids, e);
    }
    for (size_t i = 0; r == 0 && i < diff_ids->len; i++) {
        if (!manifest_is_digest(diff_ids->v[i])) {
            r = err_new(e, EINVAL, "the image's config has the diffID '%s'", diff_ids->v[i]);
        }
    }
    return r;
}

int manifest_parse_config(const char *text, size_t len, struct image_config *ret,
                          struct strv *ret_diff_ids, struct err *e)
{
    json_t *root = NULL;
    struct image_config c = {0};
    struct strv diff_ids = {0};
    int r = json_parse(text, len, "the image's config", &root, e);

    if (r == 0) {
        r = read_config(root, &c, &diff_ids, e);
    }
    json_decref(root);
    if (r < 0) {
        image_config_done(&c);
        strv_done(&diff_ids);
        return r;
    }
    *ret = c;
    *ret_diff_ids = diff_ids;
    return 0;
}

int manifest_check_platform(const struct image_config *c, const struct platform *p, struct err *e)
{
    const struct platform made = {
        .os = c->os, .architecture = c->architecture, .variant = c->variant};
    autofree char *is = NULL;
    autofree char *wanted = NULL;

    if (!platform_is_asked(p) || platform_fit(p, &made) > 0) {
        return 0;
    }
    is = platform_text(&made);
    wanted = platform_text(p);
    return err_new(e, EINVAL, "the image is for %s, not for %s", is, wanted);
}

/* ---- index */

int manifest_is_index(const char *type)
{
    return type != NULL &&
           (strstr(type, "image.index") != NULL || strstr(type, "manifest.list") != NULL);
}

int manifest_entry_platform(const json_t *entry, struct platform *ret)
{
    const json_t *platform = json_object_get(entry, "platform");

    *ret = (struct platform){.os = json_string_value(json_object_get(platform, "os")),
                             .architecture =
                                 json_string_value(json_object_get(platform, "architecture")),
                             .variant = json_string_value(json_object_get(platform, "variant"))};
    return platform != NULL;
}

/* What there is instead, once each; "unknown" is what attestations are for. */
static int none_fits(const json_t *manifests, const struct platform *p, struct err *e)
{
    autofree char *wanted = platform_text(p);
    autofree char *first = NULL;
    autostrv struct strv seen = {0};
    autobuf struct buf list = {0};
    json_t *entry = NULL;
    size_t i = 0;

    json_array_foreach(manifests, i, entry)
    {
        struct platform made;
        autofree char *text = NULL;

        if (!manifest_entry_platform(entry, &made) || str_eq(made.architecture, "unknown")) {
            continue;
        }
        text = platform_text(&made);
        if (!strv_has(&seen, text)) {
            buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", text);
            strv_push(&seen, text);
            first = first != NULL ? first : xstrdup(text);
        }
    }
    if (first == NULL) {
        return err_new(e, ENOENT, "the index has no image for %s", wanted);
    }
    (void)err_new(e, ENOENT, "there is no image for %s in it, but for %s", wanted, list.data);
    return err_hint(e, "--platform %s   (its programs need an emulator: %s)", first,
                    hint_find(HINT_FOREIGN_ARCH)->fix);
}

static const json_t *best_fit(const json_t *manifests, const struct platform *p)
{
    const json_t *best = NULL;
    const json_t *entry = NULL;
    int best_fit = 0;
    size_t i = 0;

    json_array_foreach(manifests, i, entry)
    {
        struct platform made;
        int fit = 0;

        (void)manifest_entry_platform(entry, &made);
        fit = platform_fit(p, &made);
        if (fit > best_fit) {
            best = entry;
            best_fit = fit;
        }
    }
    return best;
}

int manifest_pick(const char *text, size_t len, const struct platform *p, char **ret_digest,
                  int *ret_is_index, struct err *e)
{
    json_auto_t *root = NULL;
    json_t *manifests = NULL;
    const json_t *entry = NULL;
    const char *digest = NULL;
    int r = json_parse(text, len, "the index", &root, e);

    r = r < 0 ? r : json_get_array(root, "manifests", "the index", &manifests, e);
    if (r == 0) {
        entry = best_fit(manifests, p);
        r = entry == NULL ? none_fits(manifests, p, e)
                          : get_digest(entry, "a manifest of the index", &digest, e);
    }
    if (r == 0) {
        *ret_is_index = manifest_is_index(json_string_value(json_object_get(entry, "mediaType")));
        *ret_digest = xstrdup(digest);
    }
    return r;
}
