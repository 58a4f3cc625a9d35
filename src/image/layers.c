/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layers.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* FNV-1a, 64 bits. Not a digest: two keys that meet are told apart by the key file in the folder.
 */
static uint64_t hash(uint64_t h, const char *s)
{
    for (; *s != '\0'; s++) {
        h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
    }
    return h;
}

static char *key_text(const struct layer_key *k)
{
    autofree char *uids = idmap_text(k->uid_map);
    autofree char *gids = idmap_text(k->gid_map);

    return xasprintf("%s %s %s\n", k->diff_id, uids, gids);
}

static char *short_name(const struct layer_key *k)
{
    autofree char *key = key_text(k);

    return xasprintf("%016llx", (unsigned long long)hash(0xcbf29ce484222325ULL, key));
}

char *layer_path(const struct layer_key *k)
{
    autofree char *name = short_name(k);

    return xasprintf("%s/d", name);
}

int layer_exists(const struct store *store, const struct layer_key *k)
{
    autofree char *name = short_name(k);
    autofree char *path = xasprintf("%s/key", name);
    autofree char *want = key_text(k);
    autofree char *have = NULL;
    struct err ignored = {0};

    return file_read(store->layers_fd, path, 65536, &have, NULL, &ignored) == 0 &&
           strcmp(have, want) == 0;
}

int layer_diff_id(const struct store *store, const char *name, char **ret, struct err *e)
{
    autofree char *path = xasprintf("%s/key", name);
    autofree char *key = NULL;
    int r = file_read(store->layers_fd, path, 65536, &key, NULL, e);

    if (r == 0) {
        *ret = xstrndup(key, strcspn(key, " "));
    }
    return r;
}

void layer_say_devices(int64_t devices)
{
    if (devices > 0) {
        notice("%lld device nodes and sockets of a layer were left out: a user namespace cannot "
               "make them",
               (long long)devices);
    }
}

/* What rbox-unpack says about the layer it made. */
static int check_result(const struct layer_key *k, const char *out, struct store_room *ret_taken,
                        struct err *e)
{
    json_t *root = NULL;
    const char *diff_id = NULL;
    int64_t devices = 0;
    int r = json_parse(out, strlen(out), "what rbox-unpack said", &root, e);

    if (r == 0) {
        r = json_get_string(root, "diffID", "rbox-unpack", &diff_id, e);
    }
    if (r == 0) {
        r = json_get_int(root, "devices", "rbox-unpack", &devices, e);
    }
    if (r == 0) {
        r = json_get_int(root, "size", "rbox-unpack", &ret_taken->bytes, e);
    }
    if (r == 0) {
        r = json_get_int(root, "files", "rbox-unpack", &ret_taken->files, e);
    }
    if (r == 0 && !str_eq(diff_id, k->diff_id)) {
        r = err_new(e, EBADMSG, "the layer's content is %s, and not %s as its image says",
                    diff_id != NULL ? diff_id : "?", k->diff_id);
    }
    if (r == 0) {
        layer_say_devices(devices);
    }
    json_decref(root);
    return r;
}

int layer_seal(const struct layer_key *k, int layer_fd, struct err *e)
{
    autofree char *key = key_text(k);
    int r = file_write(layer_fd, "key", key, strlen(key), 0, e);

    (void)fchmod(layer_fd, 0711);
    return r;
}

int layer_adopt(const struct store *store, const struct layer_key *k, int dir_fd, const char *name,
                struct err *e)
{
    autofree char *place = short_name(k);

    /* Without a sync: a name that a power loss takes away again is a layer to be unpacked once
     * more, and a new image's record is written after a sync of everything. */
    if (renameat(dir_fd, name, store->layers_fd, place) < 0) {
        int errnum = errno;

        /* ENOTEMPTY, EEXIST: another process was faster with the same layer. */
        return layer_exists(store, k)
                   ? 0
                   : err_set(e, errnum, "cannot put layer '%s' into the store", place);
    }
    return 0;
}

static int commit(const struct store *store, const struct layer_key *k, const char *temp,
                  int temp_fd, struct err *e)
{
    autofree char *path = xasprintf("tmp/%s", temp);
    int r = layer_seal(k, temp_fd, e);

    if (r == 0 && syncfs(temp_fd) < 0) {
        r = err_set(e, errno, "cannot write the layer to disk");
    }
    return r < 0 ? r : layer_adopt(store, k, store->dir_fd, path, e);
}

int layer_too_big(const struct store *store, struct err *e)
{
    if (store->unpacking.max_size_bytes > 0) {
        (void)err_new(e, EOVERFLOW,
                      "the image unpacks to more than the %" PRId64 " bytes of --max-size",
                      store->unpacking.max_size_bytes);
        return err_hint(e, "a larger --max-size, if you trust the image");
    }
    if (store_lack(store) != NULL) {
        (void)err_set(e, ENOSPC, "the image unpacks to more than is free");
        store_explain(store, e);
        return -ENOSPC;
    }
    (void)err_new(e, EOVERFLOW,
                  "the image unpacks to more than nine tenths of what is free, in bytes or in "
                  "files, on the disk of the store '%s'",
                  store->path);
    return err_hint(e, "rbox system prune, or --root DIR on a larger disk, or --max-size SIZE if "
                       "you trust the image");
}

int layer_unpack_run(const struct store *store, const struct unpack *u, const char *const words[2],
                     const struct store_room *max, char **ret_out, struct err *e)
{
    autofree char *bytes = xasprintf("%" PRId64, max->bytes);
    autofree char *files = xasprintf("%" PRId64, max->files);
    const char *arguments[7] = {words[0], "--max", bytes, files};
    size_t n = 4;
    int r = 0;

    if (max->bytes <= 0 || max->files <= 0) {
        return layer_too_big(store, e);
    }
    /* One id: every owner becomes root, and the right ones come back by unpacking for a fuller map.
     */
    if (idmap_is_single(u->uid_map) || store->unpacking.squash_ids) {
        arguments[n++] = "--squash";
    }
    arguments[n] = words[1];
    r = unpack_run(u, arguments, ret_out, e);
    return r == -EOVERFLOW ? layer_too_big(store, e) : r;
}

/* *left as in layer_unpack(). */
static int unpack_to(const struct store *store, const struct layer_key *k, int blob_fd, int temp_fd,
                     struct store_room *left, struct err *e)
{
    autofree char *out = NULL;
    const struct unpack u = {
        .uid_map = k->uid_map, .gid_map = k->gid_map, .in_fd = blob_fd, .folder_fd = temp_fd};
    struct store_room taken = {0};
    int r = layer_unpack_run(store, &u, (const char *const[2]){"layer"}, left, &out, e);

    r = r < 0 ? r : check_result(k, out, &taken, e);
    left->bytes -= taken.bytes;
    left->files -= taken.files;
    return r;
}

int layer_unpack(const struct store *store, const struct layer_key *k, int blob_fd,
                 struct store_room *left, struct err *e)
{
    autofree char *temp = NULL;
    autoclose int lock_fd = -1;
    autoclose int temp_fd = -1;
    int r = store_lock(store, STORE_SHARED, &lock_fd, e);

    r = r < 0 ? r : store_temp(store, "layer", &temp, &temp_fd, e);
    if (r < 0) {
        return r;
    }
    r = unpack_to(store, k, blob_fd, temp_fd, left, e);
    r = r < 0 ? r : commit(store, k, temp, temp_fd, e);
    store_temp_remove(store, temp, k->uid_map, k->gid_map);
    return r < 0 ? err_wrap(e, "cannot unpack layer %.19s", k->diff_id) : 0;
}

/* ---- reading */

enum {
    IMAGE_FILE_BYTES_MAX = 4 << 20
};

/* Does the layer's folder of @path hide those of the layers below? */
static int is_opaque(int layer_fd, const char *path)
{
    autofree char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    autoclose int fd = -1;
    struct err ignored = {0};
    char mark = 0;

    return path_open_in_root(layer_fd, folder, O_RDONLY | O_DIRECTORY, &fd, &ignored) == 0 &&
           fgetxattr(fd, "user.overlay.opaque", &mark, 1) == 1 && mark == 'y';
}

int layers_read_file(const struct store *store, const struct strv *layers, const char *path,
                     char **ret, struct err *e)
{
    for (size_t i = layers->len; i > 0; i--) {
        autoclose int fd =
            openat(store->layers_fd, layers->v[i - 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? err_set(e, errno, "cannot open layer '%s'", layers->v[i - 1])
                       : path_read_in_root(fd, path, IMAGE_FILE_BYTES_MAX, ret, NULL, e);

        if (r != -ENOENT || is_opaque(fd, path)) {
            return r;
        }
        err_clear(e);
    }
    return err_new(e, ENOENT, "the image has no '%s'", path);
}

/* ---- verifying */

/* Does the layer @now differ from @good, both folders d? *ret is the first difference. */
static int compare_layers(const struct layer_key *k, int now_fd, int good_fd, char **ret,
                          struct err *e)
{
    static const char *const WHAT[] = {"added", "changed", "deleted"};
    autofree char *out = NULL;
    const struct unpack u = {
        .uid_map = k->uid_map, .gid_map = k->gid_map, .in_fd = good_fd, .folder_fd = now_fd};
    int r = unpack_run(&u, (const char *const[]){"changes", NULL}, &out, e);

    if (r == 0 && out[0] != '\0') {
        const char *kind = strchr("ACD", out[0]);

        *ret = xasprintf("%s %s", kind != NULL ? WHAT[kind - "ACD"] : "changed", out + 1);
    }
    return r;
}

/* What was damaged goes to @temp, and with it. At once, where the file system can (NFS can't). */
static int exchange(const struct store *store, const struct layer_key *k, const char *temp,
                    struct err *e)
{
    autofree char *name = short_name(k);
    autofree char *path = xasprintf("tmp/%s/d", temp);
    autofree char *damaged = xasprintf("tmp/%s/damaged", temp);
    autofree char *place = xasprintf("%s/d", name);
    int layers_fd = store->layers_fd;
    int r = 0;

    if (renameat2(store->dir_fd, path, layers_fd, place, RENAME_EXCHANGE) == 0) {
        return 0;
    }
    r = errno != EINVAL || renameat(layers_fd, place, store->dir_fd, damaged) < 0 ? -errno : 0;
    if (r == 0 && renameat(store->dir_fd, path, layers_fd, place) < 0) {
        r = -errno;
        (void)renameat(store->dir_fd, damaged, layers_fd, place);
    }
    return r < 0 ? err_set(e, -r, "cannot put layer '%s' into the store", name) : 0;
}

int layer_verify(const struct store *store, const struct layer_key *k, int blob_fd, int repair,
                 char **ret_difference, struct err *e)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    autofree char *temp = NULL;
    autofree char *path = layer_path(k);
    autoclose int temp_fd = -1;
    autoclose int good_fd = -1;
    autoclose int now_fd = openat(store->layers_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct store_room left = store_room(store);
    int r = now_fd < 0 ? err_set(e, errno, "cannot open layer '%s'", path)
                       : store_temp(store, "verify", &temp, &temp_fd, e);

    if (r < 0) {
        return r;
    }
    r = unpack_to(store, k, blob_fd, temp_fd, &left, e);
    good_fd = r < 0 ? -1 : openat(temp_fd, "d", FLAGS);
    if (r == 0 && good_fd < 0) {
        r = err_set(e, errno, "cannot open the layer that was unpacked");
    }
    r = r < 0 ? r : compare_layers(k, now_fd, good_fd, ret_difference, e);
    if (r == 0 && repair && *ret_difference != NULL) {
        r = syncfs(temp_fd) < 0 ? err_set(e, errno, "cannot write the layer to disk")
                                : exchange(store, k, temp, e);
    }
    store_temp_remove(store, temp, k->uid_map, k->gid_map);
    return r;
}

/* ---- mount points */

static const char *const POINT_FOLDERS[] = {"dev", "etc", "proc", "run", "sys"};
static const char *const POINT_FILES[] = {"etc/hosts", "etc/hostname", "etc/resolv.conf",
                                          "run/.containerenv"};

/* In the namespace, as its root, whose they must be. */
static int make_points(void *arg, struct err *e)
{
    const int *temp_fd = arg;
    autoclose int top_fd = -1;
    int r = dir_make(*temp_fd, "d", 0755, &top_fd, e);

    for (size_t i = 0; r == 0 && i < sizeof(POINT_FOLDERS) / sizeof(POINT_FOLDERS[0]); i++) {
        r = mkdirat(top_fd, POINT_FOLDERS[i], 0755) < 0
                ? err_set(e, errno, "cannot create '%s'", POINT_FOLDERS[i])
                : 0;
    }
    for (size_t i = 0; r == 0 && i < sizeof(POINT_FILES) / sizeof(POINT_FILES[0]); i++) {
        autoclose int fd =
            openat(top_fd, POINT_FILES[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        r = fd < 0 ? err_set(e, errno, "cannot create '%s'", POINT_FILES[i]) : 0;
    }
    return r;
}

int layer_points(const struct store *store, const struct layer_key *k, struct err *e)
{
    autofree char *temp = NULL;
    autoclose int lock_fd = -1;
    autoclose int temp_fd = -1;
    int r = 0;

    if (layer_exists(store, k)) {
        return 0;
    }
    r = store_lock(store, STORE_SHARED, &lock_fd, e);
    r = r < 0 ? r : store_temp(store, "points", &temp, &temp_fd, e);
    if (r < 0) {
        return r;
    }
    r = userns_run(k->uid_map, k->gid_map, make_points, &temp_fd, e);
    if (r == 0) {
        r = commit(store, k, temp, temp_fd, e);
    }
    store_temp_remove(store, temp, k->uid_map, k->gid_map);
    return r < 0 ? err_wrap(e, "cannot make the layer of mount points") : 0;
}
