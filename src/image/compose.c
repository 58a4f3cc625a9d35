/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/compose.h"

#include "image/manifest.h"

#include "base/cleanup.h"
#include "base/json.h"

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
