/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/selinux.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int selinux_is_on(void)
{
    return faccessat(AT_FDCWD, "/sys/fs/selinux/enforce", F_OK, 0) == 0;
}

int selinux_is_labelled(const char *path)
{
    char label[256];
    ssize_t n = getxattr(path, "security.selinux", label, sizeof(label) - 1);

    label[n > 0 ? n : 0] = '\0';
    return strstr(label, ":container_file_t") != NULL ||
           strstr(label, ":container_ro_file_t") != NULL;
}

static int label_entry(int dir_fd, const char *name, const struct stat *st, void *arg,
                       struct err *e)
{
    const char *label = arg;
    /* There is no call that takes a folder's descriptor; the link itself is labelled. */
    autofree char *path = *name != '\0' ? xasprintf("/proc/self/fd/%d/%s", dir_fd, name)
                                        : xasprintf("/proc/self/fd/%d", dir_fd);
    int r = *name != '\0' ? lsetxattr(path, "security.selinux", label, strlen(label) + 1, 0)
                          : setxattr(path, "security.selinux", label, strlen(label) + 1, 0);

    (void)st;
    if (r == 0 || errno == ENOTSUP) {
        return 0;
    }
    return *name != '\0' ? err_set(e, errno, "cannot label '%s'", name)
                         : err_set(e, errno, "cannot label it");
}

int selinux_label_tree(int fd, const char *level, struct err *e)
{
    autofree char *label = xasprintf("system_u:object_r:container_file_t:s0%s%s",
                                     level != NULL ? ":" : "", level != NULL ? level : "");

    return tree_walk(fd, &(struct tree_walk){.visit = label_entry, .arg = label}, e);
}
