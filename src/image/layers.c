/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layers.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* What rbox-unpack says about the layer it made. */
static int check_result(const struct layer_key *k, const char *out, struct err *e)
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
    if (r == 0 && !str_eq(diff_id, k->diff_id)) {
        r = err_new(e, EBADMSG, "the layer's content is %s, and not %s as its image says",
                    diff_id != NULL ? diff_id : "?", k->diff_id);
    }
    if (r == 0 && devices > 0) {
        notice("%lld device nodes and sockets of a layer were left out: a user namespace cannot "
               "make them",
               (long long)devices);
    }
    json_decref(root);
    return r;
}

static int commit(const struct store *store, const struct layer_key *k, const char *temp,
                  int temp_fd, struct err *e)
{
    autofree char *name = short_name(k);
    autofree char *path = xasprintf("tmp/%s", temp);
    autofree char *key = key_text(k);
    int r = 0;

    if (syncfs(temp_fd) < 0) {
        return err_set(e, errno, "cannot write the layer to disk");
    }
    r = file_write(temp_fd, "key", key, strlen(key), FILE_SYNC, e);
    if (r < 0) {
        return r;
    }
    (void)fchmod(temp_fd, 0711);
    if (renameat(store->dir_fd, path, store->layers_fd, name) < 0) {
        /* ENOTEMPTY, EEXIST: another process was faster with the same layer. */
        return layer_exists(store, k)
                   ? 0
                   : err_set(e, errno, "cannot put layer '%s' into the store", name);
    }
    return fsync(store->layers_fd) < 0 ? err_set(e, errno, "cannot sync the store") : 0;
}

int layer_unpack(const struct store *store, const struct layer_key *k, int blob_fd, struct err *e)
{
    autofree char *temp = NULL;
    autofree char *out = NULL;
    autoclose int lock_fd = -1;
    autoclose int temp_fd = -1;
    struct unpack u = {.uid_map = k->uid_map, .gid_map = k->gid_map, .in_fd = blob_fd};
    int r = store_lock(store, STORE_SHARED, &lock_fd, e);

    r = r < 0 ? r : store_temp(store, "layer", &temp, &temp_fd, e);
    if (r < 0) {
        return r;
    }
    u.folder_fd = temp_fd;
    /* One id: every owner becomes root, and the right ones come back by unpacking for a fuller map.
     */
    r = unpack_run(&u,
                   idmap_is_single(k->uid_map) || store->squash_ids
                       ? (const char *const[]){"layer", "--squash", NULL}
                       : (const char *const[]){"layer", NULL},
                   &out, e);
    if (r == 0) {
        r = check_result(k, out, e);
    }
    if (r == 0) {
        r = commit(store, k, temp, temp_fd, e);
    }
    store_temp_remove(store, temp, k->uid_map, k->gid_map);
    return r < 0 ? err_wrap(e, "cannot unpack layer %.19s", k->diff_id) : 0;
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
