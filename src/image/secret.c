/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/secret.h"

#include "base/cleanup.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char FOLDER[] = "secrets";

/* Mode 0711 and 0644: any user of a container may read what it was given; the store's top, 0700,
 * keeps others of the host away. */
static int open_folder(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, FOLDER, 0711, ret_fd, e);
}

int64_t secret_created_s(const struct store *store, const char *name)
{
    autofree char *path = xasprintf("%s/%s", FOLDER, name);
    struct stat st;

    return fstatat(store->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
               ? st.st_mtime
               : -1;
}

int secret_make(const struct store *store, const char *name, const void *data, size_t len,
                int replace, struct err *e)
{
    autoclose int fd = -1;
    int r = open_folder(store, &fd, e);

    if (r == 0 && !replace && secret_created_s(store, name) >= 0) {
        return err_new(e, EEXIST, "there is a secret '%s' already", name);
    }
    return r < 0 ? r : file_write(fd, name, data, len, FILE_SYNC, e);
}

int secret_remove(const struct store *store, const char *name, struct err *e)
{
    autoclose int fd = -1;
    int r = open_folder(store, &fd, e);

    if (r == 0 && unlinkat(fd, name, 0) < 0) {
        r = errno == ENOENT ? err_new(e, ENOENT, "there is no secret '%s'", name)
                            : err_set(e, errno, "cannot remove secret '%s'", name);
    }
    return r;
}

int secret_list(const struct store *store, struct strv *ret, struct err *e)
{
    int fd = -1;
    int r = open_folder(store, &fd, e);
    autoclosedir DIR *d = r < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;

    if (r == 0 && d == NULL) {
        r = err_set(e, errno, "cannot read the secrets");
        close_fd(&fd);
    }
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            strv_push(ret, entry->d_name);
        }
    }
    strv_sort(ret);
    return r;
}

char *secret_path(const struct store *store, const char *name)
{
    return xasprintf("%s/%s/%s", store->path, FOLDER, name);
}
