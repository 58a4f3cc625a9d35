/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/mount.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "sys/compat.h"
#include "sys/fd.h"
#include "sys/harden.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> collide before glibc 2.37; mount(2) is all we need of the
 * former. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data);

struct attr_row {
    int attr;
    unsigned long ms;      /* mount(2) */
    uint64_t setattr;      /* mount_setattr(2), Linux 5.12 */
    unsigned long statvfs; /* as statvfs(3) reports it */
};

static const struct attr_row ATTRS[] = {
    {MOUNT_RDONLY, MS_RDONLY, MOUNT_ATTR_RDONLY, ST_RDONLY},
    {MOUNT_NOSUID, MS_NOSUID, MOUNT_ATTR_NOSUID, ST_NOSUID},
    {MOUNT_NODEV, MS_NODEV, MOUNT_ATTR_NODEV, ST_NODEV},
    {MOUNT_NOEXEC, MS_NOEXEC, MOUNT_ATTR_NOEXEC, ST_NOEXEC},
    {MOUNT_NOATIME, MS_NOATIME, MOUNT_ATTR_NOATIME, ST_NOATIME},
    {MOUNT_STRICTATIME, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, 0},
};
enum {
    ATTR_COUNT = sizeof(ATTRS) / sizeof(ATTRS[0])
};

static unsigned long ms_flags(int attrs)
{
    unsigned long flags = 0;

    for (size_t i = 0; i < ATTR_COUNT; i++) {
        flags |= (attrs & ATTRS[i].attr) != 0 ? ATTRS[i].ms : 0;
    }
    return flags;
}

const char *mount_strerror(int errnum)
{
    switch (errnum) {
    case ENOSPC:
        return "limit of mounts reached (fs.mount-max, user.max_mnt_namespaces)";
    case EPERM:
        return "not permitted (a flag locked by the host, a covered /proc or /sys, or a file "
               "system that user "
               "namespaces may not mount)";
    case EINVAL:
        return "not supported by this kernel or file system";
    case ENODEV:
        return "file system not known to this kernel";
    default:
        return strerror(errnum);
    }
}

static int mount_failed(struct err *e, int errnum, const char *what)
{
    (void)err_new(e, errnum, "cannot mount %s: %s", what, mount_strerror(errnum));
    if (errnum == EPERM && harden_is_filtered()) {
        return err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL);
    }
    return -errnum;
}

int mount_proc_hint(struct err *e)
{
    /* podman's own filter forbids more of what a container needs. */
    return err_hint_id(e, HINT_PROC_MASKED,
                       harden_is_filtered() ? "--security-opt seccomp=unconfined " : NULL, NULL);
}

int mount_fs(const char *type, const char *source, int target_fd, int attrs, const char *data,
             struct err *e)
{
    struct path_proc_fd target = path_proc_fd(target_fd);

    if (mount(source != NULL ? source : type, target.s, type, ms_flags(attrs), data) < 0) {
        return mount_failed(e, errno, type);
    }
    return 0;
}

static int configure(int fs_fd, const char *option)
{
    const char *value = strchr(option, '=');
    autofree char *key =
        xstrndup(option, value != NULL ? (size_t)(value - option) : strlen(option));

    if (value == NULL) {
        return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
    }
    return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, value + 1, 0);
}

/* At commas, but for those in quotes, which go: mount(2) knows them, fsconfig(2) does not. */
static void split_options(const char *options, struct strv *ret)
{
    autobuf struct buf option = {0};
    int is_quoted = 0;

    for (; *options != '\0'; options++) {
        if (*options == '"') {
            is_quoted = !is_quoted;
        } else if (*options != ',' || is_quoted) {
            buf_add(&option, options, 1);
        }
        if (option.len > 0 && (options[1] == '\0' || (options[1] == ',' && !is_quoted))) {
            strv_push(ret, option.data);
            buf_done(&option);
        }
    }
}

int mount_new(const char *type, const char *options, int attrs, int *ret_fd, struct err *e)
{
    autoclose int fs_fd = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    autostrv struct strv list = {0};
    unsigned int flags = 0;
    int fd = -1;

    if (fs_fd < 0) {
        return mount_failed(e, errno, type);
    }
    strv_pushf(&list, "source=%s", type);
    split_options(options != NULL ? options : "", &list);
    for (size_t i = 0; i < list.len; i++) {
        if (configure(fs_fd, list.v[i]) < 0) {
            return err_new(e, errno, "cannot mount %s with option '%s': %s", type, list.v[i],
                           mount_strerror(errno));
        }
    }
    if (syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return mount_failed(e, errno, type);
    }
    for (size_t i = 0; i < ATTR_COUNT; i++) {
        flags |= (attrs & ATTRS[i].attr) != 0 ? (unsigned int)ATTRS[i].setattr : 0;
    }
    fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, flags);
    if (fd < 0) {
        return mount_failed(e, errno, type);
    }
    *ret_fd = fd;
    return 0;
}

int mount_clone(int source_fd, int attrs, int *ret_fd, struct err *e)
{
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    long fd = -1;

    if ((attrs & MOUNT_RECURSIVE) != 0) {
        flags |= AT_RECURSIVE;
    }
    fd = syscall(SYS_open_tree, source_fd, "", flags);
    if (fd < 0) {
        /* EINVAL here: the source has locked mounts below it, which only a recursive bind may copy
         * (mount_namespaces(7)). */
        return err_new(e, errno, "cannot copy the mount: %s",
                       errno == EINVAL ? "other file systems are mounted below it (use rbind)"
                                       : strerror(errno));
    }
    *ret_fd = (int)fd;
    return 0;
}

/* mount(2) with @flags on the mount behind @fd, for kernels and filters that know no mount_setattr.
 * A folder is entered: the path of proc, by which all else is found, a container may not have yet.
 */
static int mount_on(int fd, unsigned long flags)
{
    autoclose int here_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    if (here_fd < 0 || fchdir(fd) < 0) {
        struct path_proc_fd target = path_proc_fd(fd);

        r = mount(NULL, target.s, NULL, flags, NULL);
        return r < 0 ? -errno : 0;
    }
    r = mount(NULL, ".", NULL, flags, NULL) < 0 ? -errno : 0;
    return fchdir(here_fd) < 0 ? -errno : r;
}

/* Before Linux 5.12: a remount must repeat every flag that the mount has, or the locked ones make
 * it EPERM. */
static int remount_attrs(int mount_fd, int attrs, struct err *e)
{
    struct statvfs st;
    unsigned long flags = MS_REMOUNT | MS_BIND | ms_flags(attrs);
    int r = 0;

    if (fstatvfs(mount_fd, &st) < 0) {
        return err_set(e, errno, "cannot read mount flags");
    }
    for (size_t i = 0; i < ATTR_COUNT; i++) {
        flags |= (st.f_flag & ATTRS[i].statvfs) != 0 ? ATTRS[i].ms : 0;
    }
    r = mount_on(mount_fd, flags);
    return r < 0 ? err_new(e, -r, "cannot set mount flags: %s", mount_strerror(-r)) : 0;
}

/* Undo mountinfo's \040 for a space and the like, in place (proc(5)). */
static void decode_octal(char *s)
{
    char *to = s;

    for (; *s != '\0'; to++) {
        if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
            *to = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *to = *s++;
        }
    }
    *to = '\0';
}

/* The mount point of a line of mountinfo, its fifth word, and the mount's id, its first; the line
 * is changed. */
static char *mount_point_of(char *line, long *ret_id)
{
    char *save = NULL;
    char *word = strtok_r(line, " ", &save);

    *ret_id = word != NULL ? strtol(word, NULL, 10) : -1;
    for (int i = 1; i < 5 && word != NULL; i++) {
        word = strtok_r(NULL, " ", &save);
    }
    if (word != NULL) {
        decode_octal(word);
    }
    return word;
}

/* The id of the mount that @fd is on, as proc(5) has it in fdinfo; -1: not known. */
static long mount_id_of(int fd)
{
    autofree char *path = xasprintf("/proc/self/fdinfo/%d", fd);
    autofree char *text = NULL;
    struct err ignored = {0};
    const char *line = NULL;

    if (file_read(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0) {
        return -1;
    }
    line = strstr(text, "\nmnt_id:");
    return line != NULL ? strtol(line + strlen("\nmnt_id:"), NULL, 10) : -1;
}

/* Mounts that another one covers are out of reach, and stay as they are: their path leads to
 * nothing, or to that other one. */
static int remount_tree(int mount_fd, int attrs, struct err *e)
{
    struct path_proc_fd top = path_proc_fd(mount_fd);
    autofree char *folder = xcalloc(1, PATH_MAX);
    autofree char *line = NULL;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    size_t size = 0;
    int r = 0;

    if (f == NULL || readlink(top.s, folder, PATH_MAX - 1) < 0) {
        r = err_set(e, errno, "cannot read the list of mounts");
    }
    while (r == 0 && getline(&line, &size, f) >= 0) {
        long id = -1;
        const char *path = mount_point_of(line, &id);

        if (path != NULL && str_is_below(path, folder)) {
            autoclose int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

            if (fd < 0 && errno != ENOENT && errno != ENOTDIR) {
                r = err_set(e, errno, "cannot open mount '%s'", path);
            } else if (fd >= 0 && mount_id_of(fd) == id) {
                r = remount_attrs(fd, attrs, e);
            }
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return r;
}

int mount_set_attrs(int mount_fd, int attrs, struct err *e)
{
    struct mount_attr set = {0};
    unsigned int flags = AT_EMPTY_PATH;

    for (size_t i = 0; i < ATTR_COUNT; i++) {
        set.attr_set |= (attrs & ATTRS[i].attr) != 0 ? ATTRS[i].setattr : 0;
    }
    if ((set.attr_set & MOUNT_ATTR__ATIME) != 0) {
        set.attr_clr = MOUNT_ATTR__ATIME;
    }
    if (set.attr_set == 0) {
        return 0;
    }
    if ((attrs & MOUNT_RECURSIVE) != 0) {
        flags |= AT_RECURSIVE;
    }
    if (syscall(SYS_mount_setattr, mount_fd, "", flags, &set, sizeof(set)) == 0) {
        return 0;
    }
    if (errno != ENOSYS) {
        return err_new(e, errno, "cannot set mount flags: %s", mount_strerror(errno));
    }
    return (attrs & MOUNT_RECURSIVE) != 0 ? remount_tree(mount_fd, attrs, e)
                                          : remount_attrs(mount_fd, attrs, e);
}

int mount_attach(int mount_fd, int target_fd, const char *what, struct err *e)
{
    if (syscall(SYS_move_mount, mount_fd, "", target_fd, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
        return mount_failed(e, errno, what);
    }
    return 0;
}

int mount_bind(int source_fd, int target_fd, int attrs, const char *what, struct err *e)
{
    autoclose int tree_fd = -1;
    int r = mount_clone(source_fd, attrs, &tree_fd, e);

    if (r < 0) {
        return err_wrap(e, "%s", what);
    }
    /* Attached first: the fallback of mount_set_attrs() can remount only what is attached. */
    r = mount_attach(tree_fd, target_fd, what, e);
    if (r < 0) {
        return r;
    }
    if (mount_set_attrs(tree_fd, attrs, e) < 0) {
        return err_wrap(e, "%s", what);
    }
    return 0;
}

int mount_propagation(int target_fd, unsigned long flag, int attrs, struct err *e)
{
    int whole = (attrs & MOUNT_RECURSIVE) != 0 || (flag & MS_REC) != 0;
    unsigned int how = AT_EMPTY_PATH | (whole ? AT_RECURSIVE : 0U);
    struct mount_attr attr = {.propagation = flag & ~(unsigned long)MS_REC};
    int r = 0;

    if (syscall(SYS_mount_setattr, target_fd, "", how, &attr, sizeof(attr)) == 0) {
        return 0;
    }
    r = mount_on(target_fd, attr.propagation | (whole ? MS_REC : 0UL));
    return r < 0 ? err_new(e, -r, "cannot set mount propagation: %s", mount_strerror(-r)) : 0;
}

int mount_is_fs(int fd, uint32_t magic)
{
    struct statfs st;

    if (fstatfs(fd, &st) < 0) {
        return -errno;
    }
    return (uint32_t)st.f_type == magic;
}
