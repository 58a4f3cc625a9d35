/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/fetch_url.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "image/fetch.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fetch_is_url(const char *name)
{
    return str_after(name, "http://") != NULL || str_after(name, "https://") != NULL;
}

/* Made and unlinked where a file system has no O_TMPFILE. */
static int nameless_file(const struct store *store, int *ret_fd, struct err *e)
{
    autoclose int dir_fd = -1;
    autofree char *name = xasprintf("url.%d", getpid());
    int fd = -1;
    int r = dir_make(store->dir_fd, "partial", 0700, &dir_fd, e);

    if (r < 0) {
        return r;
    }
    fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        (void)unlinkat(dir_fd, name, 0);
    }
    if (fd < 0) {
        return err_set(e, errno, "cannot create a file to download to");
    }
    *ret_fd = fd;
    return 0;
}

struct watcher {
    const struct transfer_progress *progress;
    char *what; /* the file's name */
};

static void step(const struct watcher *w, enum transfer_step s, const json_t *o)
{
    if (w->progress != NULL) {
        w->progress->step(w->progress->arg, s, w->what,
                          json_integer_value(json_object_get(o, "bytes")),
                          json_integer_value(json_object_get(o, "total")));
    }
}

static char *name_of(const char *url)
{
    const char *end = url + strcspn(url, "?#");
    const char *name = end;

    while (name > url && name[-1] != '/') {
        name--;
    }
    return xstrndup(name, (size_t)(end - name));
}

static int on_progress(const json_t *event, void *arg, struct err *e)
{
    (void)e;
    step(arg, TRANSFER_BYTES, event);
    return 0;
}

int fetch_url(const struct store *store, const char *url, const struct transfer_progress *progress,
              int *ret_fd, struct err *e)
{
    struct watcher w = {.progress = progress, .what = name_of(url)};
    struct fetch f = FETCH_CLOSED;
    autoclose int fd = -1;
    const char *path = NULL;
    json_t *answer = NULL;
    int r = nameless_file(store, &fd, e);

    r = r < 0 ? r : fetch_open_url(store, url, fd, &f, &path, e);
    r = r < 0 ? r
              : fetch_ask(&f, json_pack("{s:s, s:s}", "op", "file", "path", path), on_progress, &w,
                          &answer, e);
    fetch_close(&f);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0) {
        r = err_set(e, errno, "cannot read what was downloaded");
    }
    if (r == 0) {
        step(&w, TRANSFER_WHOLE, answer);
        *ret_fd = steal_fd(&fd);
    }
    json_decref(answer);
    free(w.what);
    return r < 0 ? err_wrap(e, "cannot download") : 0;
}
