/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/protect.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct masks {
    int root_fd;
    int null_fd;  /* the container's null device: hides files */
    int empty_fd; /* the mounted folder that hides folders; -1 before the first */
};

static int set_sysctl(int root_fd, const char *setting, struct err *e)
{
    const char *value = strchr(setting, '=');
    autofree char *key =
        xstrndup(setting, value != NULL ? (size_t)(value - setting) : strlen(setting));
    autofree char *path = xasprintf("/proc/sys/%s", key);
    autoclose int fd = -1;
    int r = 0;

    for (char *p = path; *p != '\0'; p++) {
        *p = (char)(*p == '.' ? '/' : *p);
    }
    r = path_open_no_symlinks(root_fd, path, O_WRONLY, &fd, e);
    if (r == 0 && mount_is_fs(fd, PROC_SUPER_MAGIC) != 1) {
        return err_new(e, EPERM, "cannot set sysctl '%s': not on proc", key);
    }
    if (r == 0) {
        value = value != NULL ? value + 1 : "";
        r = fd_write_all(fd, value, strlen(value));
        r = r < 0 ? err_set(e, -r, "value '%s'", value) : 0;
    }
    return r < 0 ? err_wrap(e, "cannot set sysctl '%s'", key) : 0;
}

/* Paths of the kernel's file systems only; one that is not there needs no protection. *ret_fd stays
 * -1 then. */
static int open_protected(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    int r = path_open_no_symlinks(root_fd, path, O_PATH, ret_fd, e);

    if (r == -ENOENT || r == -ENOTDIR || r == -EACCES) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? err_wrap(e, "cannot protect '%s'", path) : 0;
}

static int make_readonly(int root_fd, const char *path, struct err *e)
{
    autoclose int fd = -1;
    int r = open_protected(root_fd, path, &fd, e);

    if (r < 0 || fd < 0) {
        return r;
    }
    /* With what is mounted below: the host's proc, with --pid host, often has binfmt_misc there. */
    return mount_bind(fd, fd, MOUNT_RDONLY | MOUNT_RECURSIVE, path, e);
}

/* One empty folder hides them all: the first mask is the file system, the others are binds of it.
 */
static int mask_folder(struct masks *m, int target_fd, const char *path, struct err *e)
{
    int r = 0;

    if (m->empty_fd >= 0) {
        return mount_bind(m->empty_fd, target_fd, 0, path, e);
    }
    r = mount_new("tmpfs", "mode=555,nr_inodes=1",
                  MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, &m->empty_fd, e);
    return r < 0 ? r : mount_attach(m->empty_fd, target_fd, path, e);
}

static int mask_path(struct masks *m, const char *path, struct err *e)
{
    autoclose int fd = -1;
    struct stat st;
    int r = open_protected(m->root_fd, path, &fd, e);

    if (r < 0 || fd < 0) {
        return r;
    }
    if (fstat(fd, &st) < 0) {
        return err_set(e, errno, "cannot stat '%s'", path);
    }
    return S_ISDIR(st.st_mode) ? mask_folder(m, fd, path, e)
                               : mount_bind(m->null_fd, fd, 0, path, e);
}

static int mask_pattern(struct masks *m, const char *pattern, struct err *e)
{
    glob_t g = {0};
    int r = 0;

    if (strchr(pattern, '*') == NULL) {
        return mask_path(m, pattern, e);
    }
    if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0) {
        for (size_t i = 0; r == 0 && i < g.gl_pathc; i++) {
            r = mask_path(m, g.gl_pathv[i], e);
        }
        globfree(&g);
    }
    return r;
}

/* What masks files must be the null device and nothing that an image or a volume put in its place
 * (CVE-2025-31133). */
static int open_null(int root_fd, int *ret_fd, struct err *e)
{
    struct stat st;
    int r = path_open_no_symlinks(root_fd, "/dev/null", O_PATH, ret_fd, e);

    if (r == 0 &&
        (fstat(*ret_fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))) {
        return err_new(e, EPERM, "'/dev/null' in the container is not the null device");
    }
    return r;
}

int protect(const struct spec *s, int root_fd, struct err *e)
{
    struct masks m = {.root_fd = root_fd, .null_fd = -1, .empty_fd = -1};
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->linux_.sysctl.len; i++) {
        r = set_sysctl(root_fd, s->linux_.sysctl.v[i], e);
    }
    for (size_t i = 0; r == 0 && i < s->linux_.readonly_paths.len; i++) {
        r = make_readonly(root_fd, s->linux_.readonly_paths.v[i], e);
    }
    if (r == 0 && s->linux_.masked_paths.len > 0) {
        r = open_null(root_fd, &m.null_fd, e);
    }
    for (size_t i = 0; r == 0 && i < s->linux_.masked_paths.len; i++) {
        r = mask_pattern(&m, s->linux_.masked_paths.v[i], e);
    }
    close_fd(&m.null_fd);
    close_fd(&m.empty_fd);
    if (r == 0 && s->root_readonly) {
        r = mount_set_attrs(root_fd, MOUNT_RDONLY, e);
    }
    return r;
}
