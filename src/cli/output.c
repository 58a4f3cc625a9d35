/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file without a name: whatever ends this process, nothing of it stays. -1: this file system has
 * none. */
static int open_nameless(const char *path)
{
    const char *slash = strrchr(path, '/');
    autofree char *folder =
        slash != NULL ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");

    return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

/* It gets a name of its own first if there is one that it shall replace: only rename(2) replaces.
 */
static int give_name(struct output *o, struct err *e)
{
    const struct path_proc_fd proc = path_proc_fd(o->fd);

    if (o->is_nameless) {
        if (linkat(AT_FDCWD, proc.s, AT_FDCWD, o->path, AT_SYMLINK_FOLLOW) == 0) {
            return 0;
        }
        if (errno != EEXIST || linkat(AT_FDCWD, proc.s, AT_FDCWD, o->part, AT_SYMLINK_FOLLOW) < 0) {
            return err_set(e, errno, "cannot create '%s'", o->path);
        }
        o->is_nameless = 0;
    }
    if (rename(o->part, o->path) < 0) {
        return err_set(e, errno, "cannot create '%s'", o->path);
    }
    return 0;
}

static int open_part(struct output *o, struct err *e)
{
    o->part = xasprintf("%s.%d.part", o->path, (int)getpid());
    o->fd = open_nameless(o->path);
    o->is_nameless = o->fd >= 0;
    if (o->fd < 0) {
        o->fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    return o->fd < 0 ? err_set(e, errno, "cannot create '%s'", o->path) : 0;
}

static void drop(struct output *o)
{
    free(o->part);
    free(o->path);
    *o = (struct output){.fd = STDOUT_FILENO};
}

int output_begin(const char *path, const char *command, struct output *ret, struct err *e)
{
    struct output o = {.fd = STDOUT_FILENO};
    struct stat st;
    int r = 0;

    *ret = o;
    if (path == NULL || str_eq(path, "-")) {
        if (isatty(STDOUT_FILENO)) {
            (void)err_new(e, EINVAL, "standard output is a terminal");
            return err_hint(e, "%s -o FILE", command);
        }
        return 0;
    }
    o.path = realpath(path, NULL); /* what a link leads to is replaced, not the link */
    o.path = o.path != NULL ? o.path : xstrdup(path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        o.fd = open(path, O_WRONLY | O_CLOEXEC);
        r = o.fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : 0;
    } else {
        r = open_part(&o, e);
    }
    if (r < 0) {
        drop(&o);
        return r;
    }
    *ret = o;
    return 0;
}

int output_end(struct output *o, int r, struct err *e)
{
    if (o->part != NULL) {
        r = r < 0 ? r : give_name(o, e);
        if (r < 0 && !o->is_nameless) {
            (void)unlink(o->part);
        }
    }
    if (o->path != NULL) {
        close_fd(&o->fd);
    }
    drop(o);
    return r;
}
