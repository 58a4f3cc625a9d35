/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int output_begin(const char *path, const char *command, struct output *ret, struct err *e)
{
    struct stat st;

    *ret = (struct output){.fd = STDOUT_FILENO};
    if (path == NULL || str_eq(path, "-")) {
        if (isatty(STDOUT_FILENO)) {
            (void)err_new(e, EINVAL, "standard output is a terminal");
            return err_hint(e, "%s -o FILE", command);
        }
        return 0;
    }
    ret->path = path;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        ret->fd = open(path, O_WRONLY | O_CLOEXEC);
        return ret->fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : 0;
    }
    ret->part = xasprintf("%s.%d.part", path, (int)getpid());
    ret->fd = open(ret->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (ret->fd < 0) {
        (void)err_set(e, errno, "cannot create '%s'", path);
        free(ret->part);
        ret->part = NULL;
        return -e->errnum;
    }
    return 0;
}

int output_end(struct output *o, int r, struct err *e)
{
    if (o->part != NULL && r == 0 && rename(o->part, o->path) < 0) {
        r = err_set(e, errno, "cannot create '%s'", o->path);
    }
    if (o->part != NULL && r < 0) {
        (void)unlink(o->part);
    }
    free(o->part);
    o->part = NULL;
    if (o->path != NULL) {
        close_fd(&o->fd);
    }
    return r;
}
