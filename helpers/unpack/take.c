/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at a root and taking files out of it. The root is this process's own by now, so any link
 * stays in there. */
#include "unpack.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int stat_run(const char *path, struct err *e)
{
    autofree char *real = realpath(path, NULL);
    struct stat st;

    if (real == NULL && (errno == ENOENT || errno == ENOTDIR)) {
        (void)printf("none\n");
        return 0;
    }
    if (real == NULL || lstat(real, &st) < 0) {
        return err_set(e, errno, "cannot look at '%s'", path);
    }
    (void)printf("%s\n%s",
                 S_ISDIR(st.st_mode)   ? "directory"
                 : S_ISREG(st.st_mode) ? "file"
                                       : "other",
                 real);
    return 0;
}

int take_run(const char *path, const char *name, struct err *e)
{
    autofree char *real = realpath(path, NULL);
    struct pack *p = NULL;
    int r = 0;

    if (real == NULL) {
        return err_set(e, errno, "cannot find '%s'", path);
    }
    r = pack_begin(/* cross_mounts= */ strcmp(real, "/") != 0, &p, e);
    r = r < 0 ? r : pack_tree(p, real, name, e);
    return pack_end(p, r, e);
}
