/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/compose.h"

#include "image/manifest.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#include <string.h>
#include <unistd.h>

const char *compose_layer_type(int fd)
{
    unsigned char magic[4] = {0};

    if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic)) {
        if (magic[0] == 0x1f && magic[1] == 0x8b) {
            return "application/vnd.oci.image.layer.v1.tar+gzip";
        }
        if (magic[0] == 0x28 && magic[1] == 0xb5) {
            return "application/vnd.oci.image.layer.v1.tar+zstd";
        }
    }
    return "application/vnd.oci.image.layer.v1.tar";
}

json_t *compose_descriptor(const char *type, const char *digest, int64_t bytes)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
                     (json_int_t)bytes);
}

/* An object below @section, made if it is not there. */
static json_t *section_object(json_t *section, const char *key)
{
    json_t *o = json_object_get(section, key);

    if (!json_is_object(o)) {
        o = json_object();
        (void)json_object_set_new(section, key, o);
    }
    return o;
}

static void compose_strings(json_t *section, const struct image_config *c)
{
    const struct {
        const char *key;
        const char *value;
    } strings[] = {
        {"WorkingDir", c->working_dir}, {"User", c->user}, {"StopSignal", c->stop_signal}};

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (strings[i].value != NULL) {
            (void)json_object_set_new(section, strings[i].key, json_str(strings[i].value));
        }
    }
}

/* Objects whose keys are the list, and of labels the values, too. */
static void compose_keys(json_t *section, const char *name, const struct strv *list)
{
    json_t *o = section_object(section, name);

    for (size_t i = 0; i < list->len; i++) {
        (void)json_object_set_new(o, list->v[i], json_object());
    }
}

/* Variables are set one by one. */
static void compose_env(json_t *section, const struct strv *env)
{
    autostrv struct strv all = {0};
    struct err ignored = {0};

    (void)json_get_strv(section, "Env", "the image's config", &all, &ignored);
    for (size_t i = 0; i < env->len; i++) {
        size_t len = strcspn(env->v[i], "=");
        size_t at = 0;

        while (at < all.len && (strncmp(all.v[at], env->v[i], len) != 0 || all.v[at][len] != '=')) {
            at++;
        }
        if (at < all.len) {
            strv_remove(&all, at);
        }
        strv_push(&all, env->v[i]);
    }
    if (all.len > 0) {
        (void)json_object_set_new(section, "Env", json_from_strv(&all));
    }
}

json_t *compose_config(json_t *section, const struct image_config *c)
{
    compose_strings(section, c);
    compose_env(section, &c->env);
    if (c->entrypoint.len > 0) {
        (void)json_object_set_new(section, "Entrypoint", json_from_strv(&c->entrypoint));
    }
    if (c->cmd.len > 0) {
        (void)json_object_set_new(section, "Cmd", json_from_strv(&c->cmd));
    }
    compose_keys(section, "Volumes", &c->volumes);
    compose_keys(section, "ExposedPorts", &c->exposed_ports);
    (void)json_object_update_new(section_object(section, "Labels"), json_from_pairs(&c->labels));
    return section;
}

int compose_manifest(struct ingest *in, const struct spooled *config, json_t *layers,
                     char **ret_digest, struct err *e)
{
    json_t *root =
        json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType", MANIFEST_TYPE, "config",
                  compose_descriptor("application/vnd.oci.image.config.v1+json", config->digest,
                                     config->bytes),
                  "layers", layers);
    autofree char *text = json_text(root);

    json_decref(root);
    return ingest_text(in, text, ret_digest, e);
}
