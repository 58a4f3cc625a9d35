/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/index.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "image/compose.h"
#include "image/manifest.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    INDEX_BYTES_MAX = 256 << 20
};

/* Writers take turns; readers see the old file or the new one. */
static int lock_index(const struct store *store, int *ret_fd, struct err *e)
{
    autoclose int fd =
        openat(store->dir_fd, "index.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        return err_set(e, errno, "cannot lock the store's index");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static json_t *read_index(const struct store *store)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    json_t *root = NULL;
    size_t len = 0;

    if (file_read(store->dir_fd, "index.json", INDEX_BYTES_MAX, &text, &len, &ignored) == 0) {
        (void)json_parse(text, len, "index.json", &root, &ignored);
    }
    if (!json_is_object(root) || !json_is_array(json_object_get(root, "manifests"))) {
        json_decref(root);
        root = manifest_new_index();
    }
    return root;
}

static void drop_entry(json_t *manifests, const char *name)
{
    for (size_t i = json_array_size(manifests); i > 0; i--) {
        const json_t *annotations =
            json_object_get(json_array_get(manifests, i - 1), "annotations");

        if (str_eq(json_string_value(json_object_get(annotations, MANIFEST_REF_NAME)), name)) {
            (void)json_array_remove(manifests, i - 1);
        }
    }
}

static int write_index(const struct store *store, const json_t *root, struct err *e)
{
    autofree char *text = json_text(root);
    int r = 0;

    if (faccessat(store->dir_fd, "oci-layout", F_OK, 0) < 0) {
        r = file_write(store->dir_fd, "oci-layout", MANIFEST_LAYOUT, strlen(MANIFEST_LAYOUT),
                       FILE_SYNC, e);
    }
    return r < 0 ? r : file_write(store->dir_fd, "index.json", text, strlen(text), FILE_SYNC, e);
}

int index_update(const struct store *store, const struct image *i, const char *name, struct err *e)
{
    autoclose int lock_fd = -1;
    json_t *root = NULL;
    json_t *manifests = NULL;
    int r = lock_index(store, &lock_fd, e);

    if (r < 0) {
        return r;
    }
    root = read_index(store);
    manifests = json_object_get(root, "manifests");
    drop_entry(manifests, name);
    if (i != NULL) {
        json_t *entry =
            compose_descriptor(MANIFEST_TYPE, i->digest, store_blob_bytes(store, i->digest));

        (void)json_object_set_new(entry, "annotations",
                                  json_pack("{s:s}", MANIFEST_REF_NAME, name));
        (void)json_array_append_new(manifests, entry);
    }
    r = write_index(store, root, e);
    json_decref(root);
    return r;
}
