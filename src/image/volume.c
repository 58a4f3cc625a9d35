/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/volume.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "image/labels.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/selinux.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char DATA[] = "_data";
static const char LABELS[] = "labels.json";
static const char SHARED[] = "shared"; /* a mark */

static int open_volumes(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, "volumes", 0711, ret_fd, e);
}

/* ---- making */

static int open_volume(const struct store *store, const char *name, int *ret_fd, struct err *e)
{
    autoclose int volumes_fd = -1;
    int r = open_volumes(store, &volumes_fd, e);

    return r < 0 ? r : dir_make(volumes_fd, name, 0711, ret_fd, e);
}

static int chown_job(void *arg, struct err *e)
{
    const int *fd = arg;

    return fchown(*fd, 1, 1) < 0 ? err_set(e, errno, "cannot give a volume its owner") : 0;
}

/* Where the caller is no id of the container (root, --userns nomap), a folder of his would be
 * nobody's in there: it must be given to the container's root. */
static int give_to_root(int fd, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                        struct err *e)
{
    struct spec_idmap uids = {0};
    struct spec_idmap gids = {0};
    int64_t uid = idmap_to_host(uid_map, 0);
    int64_t gid = idmap_to_host(gid_map, 0);
    int r = 0;

    if (idmap_to_container(uid_map, geteuid()) >= 0 || uid < 0 || gid < 0) {
        return 0;
    }
    if (geteuid() == 0) {
        return fchown(fd, (uid_t)uid, (gid_t)gid) < 0
                   ? err_set(e, errno, "cannot give a volume its owner")
                   : 0;
    }
    spec_idmap_add(&uids, 0, geteuid(), 1);
    spec_idmap_add(&uids, 1, (uint32_t)uid, 1);
    spec_idmap_add(&gids, 0, getegid(), 1);
    spec_idmap_add(&gids, 1, (uint32_t)gid, 1);
    r = userns_run(&uids, &gids, chown_job, &fd, e);
    free(uids.rows);
    free(gids.rows);
    return r;
}

int volume_make(const struct store *store, const char *name, const struct spec_idmap *uid_map,
                const struct spec_idmap *gid_map, struct err *e)
{
    autofree char *label = selinux_shared_label("file");
    autoclose int dir_fd = -1;
    autoclose int data_fd = -1;
    int r = 0;

    if (volume_exists(store, name)) {
        return 0;
    }
    r = open_volume(store, name, &dir_fd, e);
    r = r < 0 ? r : dir_make(dir_fd, DATA, 0755, &data_fd, e);
    r = r < 0 || label == NULL ? r : selinux_label_tree(data_fd, label, e);
    r = r < 0 ? r : give_to_root(data_fd, uid_map, gid_map, e);
    return r < 0 ? err_wrap(e, "cannot make volume '%s'", name) : 0;
}

/* ---- labels: beside the data, before it, so that no volume is seen without */

int volume_label(const struct store *store, const char *name, const struct strv *labels,
                 struct err *e)
{
    autoclose int dir_fd = -1;
    int r = open_volume(store, name, &dir_fd, e);

    return r < 0 ? r : labels_write(dir_fd, LABELS, labels, e);
}

int volume_labels(const struct store *store, const char *name, struct strv *ret, struct err *e)
{
    autofree char *path = xasprintf("volumes/%s/%s", name, LABELS);

    return labels_read(store->dir_fd, path, ret, e);
}

/* ---- sharing */

int volume_share(const struct store *store, const char *name, struct err *e)
{
    autofree char *path = xasprintf("volumes/%s/%s", name, SHARED);
    autoclose int fd =
        openat(store->dir_fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 ? err_set(e, errno, "cannot share volume '%s'", name) : 0;
}

int volume_is_shared(const struct store *store, const char *name)
{
    autofree char *path = xasprintf("volumes/%s/%s", name, SHARED);

    return faccessat(store->dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- looking */

static int stat_volume(const struct store *store, const char *name, struct stat *ret)
{
    autofree char *path = xasprintf("volumes/%s/%s", name, DATA);

    return fstatat(store->dir_fd, path, ret, AT_SYMLINK_NOFOLLOW);
}

int volume_exists(const struct store *store, const char *name)
{
    struct stat st;

    return stat_volume(store, name, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t volume_created(const struct store *store, const char *name)
{
    autofree char *path = xasprintf("volumes/%s", name);
    struct stat st;

    /* the folder above the data is written to once: its time is that of the making */
    return fstatat(store->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime : 0;
}

int volume_list(const struct store *store, struct strv *ret, struct err *e)
{
    autoclose int fd = -1;
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int more = 0;
    int r = open_volumes(store, &fd, e);

    if (r < 0) {
        return r;
    }
    d = dir_open(fd, ".");
    more = d != NULL ? 0 : -errno;
    while (d != NULL && (more = dir_next(d, &entry)) > 0) {
        if (entry->d_name[0] != '.' && volume_exists(store, entry->d_name)) {
            strv_push(ret, entry->d_name);
        }
    }
    strv_sort(ret);
    return more < 0 ? err_set(e, -more, "cannot read the store's volumes") : 0;
}

int volume_missing(const char *name, struct err *e)
{
    (void)err_new(e, ENOENT, "there is no volume '%s'", name);
    return err_hint(e, "rbox volume ls   (or: rbox volume create %s)", name);
}

/* ---- removing */

int volume_lock(const struct store *store, int *ret_fd, struct err *e)
{
    int r = open_volumes(store, ret_fd, e);

    return r == 0 && flock(*ret_fd, LOCK_EX) < 0 ? err_set(e, errno, "cannot lock the volumes") : r;
}

int volume_remove(const struct store *store, const char *name, const struct spec_idmap *uid_map,
                  const struct spec_idmap *gid_map, struct err *e)
{
    autoclose int volumes_fd = -1;
    autofree char *trash = xasprintf(".%s.%d", name, (int)getpid());
    int r = open_volumes(store, &volumes_fd, e);

    if (r < 0) {
        return r;
    }
    /* Renamed first: nobody finds a volume that is half gone. */
    if (renameat(volumes_fd, name, volumes_fd, trash) < 0) {
        return errno == ENOENT ? volume_missing(name, e)
                               : err_set(e, errno, "cannot remove volume '%s'", name);
    }
    r = store_remove_tree(store, uid_map, gid_map, volumes_fd, trash, e);
    return r < 0 ? err_wrap(e, "cannot remove volume '%s'", name) : 0;
}
