/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/bundle_mount.h"

#include "base/cleanup.h"
#include "box/mount_options.h"
#include "sys/mount.h"

#include <errno.h>
#include <fcntl.h>

/* Of a cgroup namespace that is the host's there is no mount of one's own: what the host has there,
 * with all below. */
static int copy_hosts(const char *path, int *ret_fd, struct err *e)
{
    autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? err_set(e, errno, "cannot open '%s' of the host", path)
                  : mount_clone(fd, MOUNT_RECURSIVE, ret_fd, e);
}

int bundle_mount_prepare(const struct spec *s, const struct spec_mount *v, int *ret_fd,
                         struct err *e)
{
    autofree char *data = mount_options_data(s, v);
    int is_tmpfs = str_eq(v->type, "tmpfs");
    int is_cgroup = str_eq(v->type, "cgroup") || str_eq(v->type, "cgroup2");
    int attrs = mount_options_attrs(v, 0);
    int r = 0;

    if (is_tmpfs && strv_has(&v->options, "tmpcopyup")) {
        return 0;
    }
    if (is_cgroup && s->linux_.namespaces[SPEC_NS_CGROUP].mode == SPEC_NS_HOST) {
        return copy_hosts("/sys/fs/cgroup", ret_fd, e);
    }
    r = mount_new(is_cgroup ? "cgroup2" : v->type, data, attrs & ~(is_tmpfs ? MOUNT_RDONLY : 0),
                  ret_fd, e);
    return r == -EPERM && str_eq(v->type, "proc") ? mount_proc_hint(e) : r;
}
