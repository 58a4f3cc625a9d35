/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/secrets.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECRET_MAX = 1 << 20, /* image/secret.h keeps them smaller */
    MODE = 0444           /* podman's */
};

int secrets_missing(const char *name, struct err *e)
{
    (void)err_new(e, ENOENT, "there is no secret '%s'", name);
    return err_hint(e, "rbox secret create %s FILE", name);
}

int secrets_open(const char *name, int *ret_fd, struct err *e)
{
    autofree char *path = xasprintf("secrets/%s", name);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return errno == ENOENT ? secrets_missing(name, e)
                               : err_set(e, errno, "cannot open secret '%s'", name);
    }
    *ret_fd = fd;
    return 0;
}

int secrets_set_env(int store_fd, struct spec *s, struct err *e)
{
    for (size_t i = 0; i < s->box.secret_env.len; i++) {
        autofree char *variable =
            xstrndup(s->box.secret_env.v[i], strcspn(s->box.secret_env.v[i], "="));
        const char *name = s->box.secret_env.v[i] + strlen(variable) + 1;
        autofree char *path = xasprintf("secrets/%s", name);
        autofree char *value = NULL;
        size_t len = 0;
        int r = file_read(store_fd, path, SECRET_MAX, &value, &len, e);

        if (r == -ENOENT) {
            return secrets_missing(name, e);
        }
        if (r == 0 && strlen(value) != len) {
            r = err_new(e, EINVAL, "secret '%s' holds a NUL byte: it can be no variable", name);
        }
        if (r < 0) {
            return r;
        }
        spec_env_set(&s->process.env, variable, value);
    }
    return 0;
}

static long option(const struct spec_mount *m, const char *key, int base, long otherwise)
{
    for (size_t i = 0; i < m->options.len; i++) {
        const char *value = str_after(m->options.v[i], key);

        if (value != NULL) {
            return strtol(value, NULL, base);
        }
    }
    return otherwise;
}

int secrets_copy(const struct spec_mount *m, int in_fd, int dir_fd, const char *name, int *ret_fd,
                 struct err *e)
{
    autofree char *data = NULL;
    autoclose int fd = -1;
    size_t len = 0;
    uid_t uid = (uid_t)option(m, "uid=", 10, 0);
    gid_t gid = (gid_t)option(m, "gid=", 10, 0);
    int r = fd_read_all(in_fd, SECRET_MAX, &data, &len, e);

    if (r < 0) {
        return r;
    }
    (void)unlinkat(dir_fd, name, 0); /* of an earlier start */
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, data, len) < 0) {
        return err_set(e, errno, "cannot write secret '%s'", m->source);
    }
    if (fchown(fd, uid, gid) < 0) {
        (void)err_new(e, EINVAL,
                      "secret '%s' cannot belong to %u:%u, which is not mapped in the "
                      "container",
                      m->source, uid, gid);
        return err_hint(e, "rbox doctor   (RBX-105: subordinate ids)");
    }
    if (fchmod(fd, (mode_t)option(m, "mode=", 8, MODE)) < 0) {
        return err_set(e, errno, "cannot set the mode of secret '%s'", m->source);
    }
    *ret_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? err_set(e, errno, "cannot open secret '%s'", m->source) : 0;
}
