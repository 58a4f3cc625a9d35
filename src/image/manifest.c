/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/manifest.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

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

const char *manifest_host_architecture(void)
{
    static const struct {
        const char *machine;
        const char *name;
    } NAMES[] = {{"x86_64", "amd64"},   {"aarch64", "arm64"},   {"armv7l", "arm"},
                 {"i686", "386"},       {"ppc64le", "ppc64le"}, {"s390x", "s390x"},
                 {"riscv64", "riscv64"}};
    struct utsname u;

    if (uname(&u) < 0) {
        return "amd64";
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i].machine, u.machine) == 0) {
            return NAMES[i].name;
        }
    }
    return "unknown";
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
    free(c->os);
    free(c->architecture);
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

    json_object_foreach(object, name, v)
    {
        if (with_values) {
            strv_pushf(ret, "%s=%s", name, json_is_string(v) ? json_string_value(v) : "");
        } else {
            strv_push(ret, name);
        }
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
    if (r == 0) {
        r = copy_keys(o, "Volumes", 0, &c->volumes, e);
    }
    if (r == 0) {
        r = copy_keys(o, "ExposedPorts", 0, &c->exposed_ports, e);
    }
    return r < 0 ? r : copy_keys(o, "Labels", 1, &c->labels, e);
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

/* ---- index */

static int matches_tag(const json_t *entry, const char *tag)
{
    const json_t *annotations = json_object_get(entry, "annotations");
    const char *name =
        json_string_value(json_object_get(annotations, "org.opencontainers.image.ref.name"));
    const char *full = json_string_value(json_object_get(annotations, "io.containerd.image.name"));

    return tag == NULL || str_eq(name, tag) || str_eq(full, tag);
}

static int matches_platform(const json_t *entry, const struct manifest_choice *p)
{
    const json_t *platform = json_object_get(entry, "platform");
    const char *architecture = json_string_value(json_object_get(platform, "architecture"));
    const char *os = json_string_value(json_object_get(platform, "os"));
    const char *variant = json_string_value(json_object_get(platform, "variant"));

    return platform == NULL ||
           (str_eq(architecture, p->architecture) && str_eq(os, p->os) &&
            (p->variant == NULL || variant == NULL || strcmp(variant, p->variant) == 0));
}

int manifest_is_index(const char *type)
{
    return type != NULL &&
           (strstr(type, "image.index") != NULL || strstr(type, "manifest.list") != NULL);
}

int manifest_pick(const char *text, size_t len, const struct manifest_choice *choice,
                  char **ret_digest, int *ret_is_index, struct err *e)
{
    struct manifest_choice p = choice != NULL ? *choice : (struct manifest_choice){0};
    json_t *root = NULL;
    json_t *manifests = NULL;
    json_t *entry = NULL;
    size_t i = 0;
    int r = json_parse(text, len, "the index", &root, e);

    if (r == 0) {
        r = json_get_array(root, "manifests", "the index", &manifests, e);
    }
    p.os = p.os != NULL ? p.os : "linux";
    p.architecture = p.architecture != NULL ? p.architecture : manifest_host_architecture();
    json_array_foreach(manifests, i, entry)
    {
        const char *digest = NULL;
        const char *type = json_string_value(json_object_get(entry, "mediaType"));

        if (r < 0 || !matches_tag(entry, p.tag) || !matches_platform(entry, &p)) {
            continue;
        }
        r = get_digest(entry, "a manifest of the index", &digest, e);
        if (r == 0) {
            *ret_is_index = manifest_is_index(type);
            *ret_digest = xstrdup(digest);
            json_decref(root);
            return 0;
        }
    }
    json_decref(root);
    if (r < 0) {
        return r;
    }
    return err_new(e, ENOENT, "the index has no image %s%sfor %s/%s", p.tag != NULL ? p.tag : "",
                   p.tag != NULL ? " " : "", p.os, p.architecture);
}
