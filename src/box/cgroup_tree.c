/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/cgroup_tree.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>

enum {
    FILE_MAX_BYTES = 64 * 1024, /* of a cgroup's or proc's control file */
    PROCS_MAX_BYTES = 1 << 20,
};

int cgroup_tree_open(int *ret_fd, struct err *e)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        autoclose int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0 && mount_is_fs(fd, CGROUP2_SUPER_MAGIC) == 1) {
            *ret_fd = steal_fd(&fd);
            return 0;
        }
    }
    return err_new(e, ENOTSUP, "no cgroup version 2 tree is mounted at /sys/fs/cgroup");
}

int cgroup_tree_open_path(const char *path, int *ret_fd, struct err *e)
{
    autoclose int root_fd = -1;
    int fd = -1;

    if (cgroup_tree_open(&root_fd, e) < 0) {
        return -e->errnum;
    }
    path += strspn(path, "/");
    fd = openat(root_fd, path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, errno, "cannot open cgroup '/%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

int cgroup_tree_make_path(const char *path, int *ret_fd, struct err *e)
{
    autoclose int fd = -1;
    autostrv struct strv parts = {0};

    if (cgroup_tree_open(&fd, e) < 0) {
        return -e->errnum;
    }
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.len; i++) {
        int next_fd = -1;

        if (*parts.v[i] != '\0' && dir_make(fd, parts.v[i], 0755, &next_fd, e) < 0) {
            return err_wrap(e, "cgroup '%s'", path);
        }
        if (next_fd >= 0) {
            close_fd(&fd);
            fd = next_fd;
        }
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* The lines of /proc/PID/cgroup; version 2's is "0::PATH". */
static int read_proc_cgroup(pid_t pid, char **ret_text, struct err *e)
{
    autofree char *name =
        pid != 0 ? xasprintf("/proc/%d/cgroup", (int)pid) : xstrdup("/proc/self/cgroup");

    return file_read(AT_FDCWD, name, FILE_MAX_BYTES, ret_text, NULL, e);
}

int cgroup_tree_of(pid_t pid, char **ret_path, struct err *e)
{
    autofree char *text = NULL;
    const char *line = NULL;

    if (read_proc_cgroup(pid, &text, e) < 0) {
        return -e->errnum;
    }
    line = str_after(text, "0::");
    if (line == NULL && (line = strstr(text, "\n0::")) != NULL) {
        line += strlen("\n0::");
    }
    if (line == NULL) {
        return err_new(e, ENOTSUP, "the kernel has no cgroup version 2");
    }
    *ret_path = xstrndup(line, strcspn(line, "\n"));
    return 0;
}

int cgroup_tree_has(int dir_fd, const char *file, const char *word)
{
    autofree char *text = NULL;
    autostrv struct strv words = {0};
    struct err ignored;

    if (file_read(dir_fd, file, FILE_MAX_BYTES, &text, NULL, &ignored) < 0) {
        return 0;
    }
    text[strcspn(text, "\n")] = '\0';
    strv_split(&words, text, ' ');
    return strv_has(&words, word);
}

int cgroup_tree_enable(int dir_fd, const char *controller)
{
    autofree char *text = xasprintf("+%s", controller);

    return file_put(dir_fd, "cgroup.subtree_control", text);
}

int cgroup_tree_move(int dir_fd, const char *name, pid_t pid)
{
    autofree char *file = xasprintf("%s/cgroup.procs", name);
    autofree char *text = xasprintf("%d", (int)pid);

    return file_put(dir_fd, file, text);
}

int cgroup_tree_pids(int dir_fd, pid_t **ret, size_t *ret_count, struct err *e)
{
    autofree char *text = NULL;
    pid_t *pids = NULL;
    size_t count = 0;
    size_t len = 0;
    int r = file_read(dir_fd, "cgroup.procs", PROCS_MAX_BYTES, &text, &len, e);

    if (r < 0) {
        return r;
    }
    pids = xcalloc(len / strlen("1\n") + 1, sizeof(*pids));
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        pid_t pid = (pid_t)strtol(line, NULL, 10);

        if (pid > 0) {
            pids[count++] = pid;
        }
    }
    *ret = pids;
    *ret_count = count;
    return 0;
}

int cgroup_tree_await(int dir_fd, const char *line, int timeout_ms)
{
    autoclose int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        char text[256];
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        if (n < 0) {
            return -errno;
        }
        text[n] = '\0';
        if (strstr(text, line) != NULL) {
            return 0;
        }
        /* A change counts since the last read, so one between read and poll is not missed. */
        if (poll(&p, 1, timeout_ms) == 0) {
            return -ETIMEDOUT;
        }
    }
}

/* ---- why a controller is not there */

/* Its line then reads "4:memory:/…". */
int cgroup_tree_is_v1(const char *controller)
{
    autofree char *text = NULL;
    /* Only there is "io" called so. */
    const char *wanted = str_eq(controller, "io") ? "blkio" : controller;
    struct err ignored;

    if (read_proc_cgroup(0, &text, &ignored) < 0) {
        return 0;
    }
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        autostrv struct strv fields = {0};
        autostrv struct strv names = {0};

        strv_split(&fields, line, ':');
        if (fields.len >= 2) {
            strv_split(&names, fields.v[1], ',');
        }
        if (strv_has(&names, wanted)) {
            return 1;
        }
    }
    return 0;
}

/* The first folder on the way down to @path that @controller does not reach. The caller owns it. */
static char *missing_level(const char *path, const char *controller)
{
    autoclose int fd = -1;
    autobuf struct buf level = {0};
    autostrv struct strv parts = {0};
    struct err ignored;

    if (cgroup_tree_open(&fd, &ignored) < 0 ||
        !cgroup_tree_has(fd, "cgroup.controllers", controller)) {
        return xstrdup("/");
    }
    strv_split(&parts, path + strspn(path, "/"), '/');
    for (size_t i = 0; i < parts.len; i++) {
        int next = openat(fd, parts.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        buf_printf(&level, "/%s", parts.v[i]);
        close_fd(&fd);
        fd = next;
        if (fd < 0 || !cgroup_tree_has(fd, "cgroup.controllers", controller)) {
            break;
        }
    }
    return steal_ptr(&level.data);
}

int cgroup_tree_missing(const char *path, const char *controller, const char *option, struct err *e)
{
    autofree char *level = NULL;

    if (cgroup_tree_is_v1(controller)) {
        (void)err_new(e, ENOTSUP, "cannot set %s: the cgroup controller '%s' is on version 1 here",
                      option, controller);
        return err_hint_id(e, HINT_CGROUP_V1, NULL, NULL);
    }
    level = missing_level(path, controller);
    if (str_eq(level, "/")) {
        return err_new(e, ENOTSUP,
                       "cannot set %s: this kernel runs without the cgroup controller "
                       "'%s'",
                       option, controller);
    }
    (void)err_new(
        e, ENOTSUP,
        "cannot set %s: the cgroup controller '%s' is not delegated, it does not reach '%s'",
        option, controller, level);
    return err_hint_id(e, HINT_CONTROLLER, NULL, NULL);
}
