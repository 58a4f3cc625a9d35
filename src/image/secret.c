/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/secret.h"

#include "base/cleanup.h"
#include "image/labels.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char FOLDER[] = "secrets";
static const char LABELS[] = "secret-labels";

static int open_folder(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, FOLDER, 0700, ret_fd, e);
}

int64_t secret_created_s(const struct store *store, const char *name)
{
    autofree char *path = xasprintf("%s/%s", FOLDER, name);
    struct stat st;

    return fstatat(store->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
               ? st.st_mtime
               : -1;
}

static int write_labels(const struct store *store, const struct secret *secret, struct err *e)
{
    autoclose int fd = -1;
    int r = dir_make(store->dir_fd, LABELS, 0700, &fd, e);

    return r < 0 ? r : labels_write(fd, secret->name, secret->labels, e);
}

/* The labels first: what counts is whether the secret itself is there. */
int secret_make(const struct store *store, const struct secret *secret, int replace, struct err *e)
{
    autoclose int fd = -1;
    int r = open_folder(store, &fd, e);

    if (r == 0 && !replace && secret_created_s(store, secret->name) >= 0) {
        (void)err_new(e, EEXIST, "there is a secret '%s' already", secret->name);
        return err_hint(e, "rbox secret create --replace %s FILE", secret->name);
    }
    r = r < 0 ? r : write_labels(store, secret, e);
    return r < 0 ? r
                 : file_write(fd, secret->name, secret->data, secret->len, FILE_SYNC | FILE_PRIVATE,
                              e);
}

int secret_labels(const struct store *store, const char *name, struct strv *ret, struct err *e)
{
    autofree char *path = xasprintf("%s/%s", LABELS, name);

    return labels_read(store->dir_fd, path, ret, e);
}

int secret_missing(const char *name, struct err *e)
{
    (void)err_new(e, ENOENT, "there is no secret '%s'", name);
    return err_hint(e, "rbox secret ls");
}

int secret_remove(const struct store *store, const char *name, struct err *e)
{
    autofree char *labels = xasprintf("%s/%s", LABELS, name);
    autoclose int fd = -1;
    int r = open_folder(store, &fd, e);

    if (r == 0 && unlinkat(fd, name, 0) < 0) {
        if (errno != ENOENT) {
            return err_set(e, errno, "cannot remove secret '%s'", name);
        }
        return secret_missing(name, e);
    }
    if (r == 0) {
        (void)unlinkat(store->dir_fd, labels, 0);
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
