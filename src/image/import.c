/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A root file system tarball as an image of one layer; declared in load.h. */
#include "base/cleanup.h"
#include "base/json.h"
#include "image/compose.h"
#include "image/image_ref.h"
#include "image/ingest.h"
#include "image/layers.h"
#include "image/load.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The diffID of a tarball is the digest of what it unpacks to: only unpacking tells. */
static int unpacked_diff_id(struct ingest *in, int fd, char **ret_diff_id, struct err *e)
{
    autofree char *temp = NULL;
    autofree char *out = NULL;
    autoclose int temp_fd = -1;
    struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                       .gid_map = &in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    json_t *root = NULL;
    const char *diff_id = NULL;
    int r = store_temp(in->store, "import", &temp, &temp_fd, e);

    if (r < 0) {
        return r;
    }
    u.folder_fd = temp_fd;
    r = layer_unpack_run(in->store, &u, (const char *const[2]){"digest"}, &in->left, &out, e);
    r = r < 0 ? r : json_parse(out, strlen(out), "what rbox-unpack said", &root, e);
    r = r < 0 ? r : json_get_string(root, "diffID", "rbox-unpack", &diff_id, e);
    if (r == 0) {
        *ret_diff_id = xstrdup(diff_id);
    }
    json_decref(root);
    store_temp_remove(in->store, temp, u.uid_map, u.gid_map);
    return r;
}

/* podman's words. Without a time: the same tarball makes the same image. */
static json_t *history_of(const struct import *i, const char *diff_id)
{
    return json_pack("[{s:o, s:o}]", "created_by",
                     json_sprintf("/bin/sh -c #(nop) ADD file:%s in /", manifest_hex(diff_id)),
                     "comment",
                     json_str(i->message != NULL ? i->message : "imported from tarball"));
}

static int import_manifest(struct ingest *in, const char *blob, const struct import *i,
                           char **ret_manifest, struct err *e)
{
    autofree char *diff_id = NULL;
    autofree char *text = NULL;
    struct spooled config_blob = {0};
    autoclose int fd = openat(in->blobs_fd, manifest_hex(blob), O_RDONLY | O_CLOEXEC);
    json_t *layers = json_array();
    json_t *root = NULL;
    struct stat st = {0};
    int r = fd < 0 || fstat(fd, &st) < 0 ? err_set(e, errno, "cannot open the imported layer")
                                         : unpacked_diff_id(in, fd, &diff_id, e);

    if (r == 0) {
        (void)json_array_append_new(layers,
                                    compose_descriptor(compose_layer_type(fd), blob, st.st_size));
        root = json_pack("{s:s, s:s, s:o, s:{s:s, s:[s]}, s:o}", "architecture",
                         platform_host_architecture(), "os", "linux", "config",
                         compose_config(json_object(), i->config), "rootfs", "type", "layers",
                         "diff_ids", diff_id, "history", history_of(i, diff_id));
        text = json_text(root);
        json_decref(root);
        config_blob.bytes = (int64_t)strlen(text);
        r = ingest_text(in, text, &config_blob.digest, e);
    }
    r = r < 0 ? r : compose_manifest(in, &config_blob, layers, ret_manifest, e);
    free(config_blob.digest);
    json_decref(layers);
    return r;
}

int load_local_name(const char *name, struct strv *ret, struct err *e)
{
    struct image_ref ref = {0};
    int r = image_ref_parse(name, &ref, e);

    if (r < 0) {
        return r;
    }
    if (ref.digest != NULL) {
        image_ref_done(&ref);
        return err_new(e, EINVAL, "'%s': a digest cannot be given to an image, only a name", name);
    }
    if (ref.is_short) {
        const char *rest = str_after(ref.repository, "library/");

        strv_pushf(ret, "localhost/%s:%s", rest != NULL ? rest : ref.repository, ref.tag);
    } else {
        strv_take(ret, image_ref_text(&ref));
    }
    image_ref_done(&ref);
    return 0;
}

int load_import(const struct store *store, const struct import *i, char **ret_id, struct err *e)
{
    autostrv struct strv names = {0};
    autofree char *blob = NULL;
    autofree char *manifest = NULL;
    struct ingest in = {.blobs_fd = -1, .lock_fd = -1};
    int r = ingest_open(store, &in, e);

    r = r < 0 ? r : load_local_name(i->name, &names, e);
    r = r < 0 ? r : ingest_blob(&in, i->fd, &blob, e);
    r = r < 0 ? r : import_manifest(&in, blob, i, &manifest, e);
    r = r < 0 ? r : ingest_image(&in, manifest, &names, ret_id, e);
    ingest_done(&in);
    return r;
}
