/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/rootfs.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "box/fuse.h"
#include "box/mount_options.h"
#include "box/storage.h"
#include "box/sync.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/path.h"
#include "sys/selinux.h"
#include "sys/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int rootfs_open_dirs(const struct spec *s, struct rootfs_dirs *ret, struct err *e)
{
    static const int FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    autofree char *dir = xasprintf(s->box.bundle ? "%s" : "containers/%s", s->box.id);

    ret->layers_fd = open(s->box.bundle ? "." : "layers", FLAGS);
    ret->dir_fd = open(dir, FLAGS);
    if (ret->layers_fd < 0 || ret->dir_fd < 0) {
        return err_set(e, errno, "cannot open the container's folders");
    }
    ret->fs_fd = openat(ret->dir_fd, "fs", FLAGS);
    return ret->fs_fd < 0 ? err_set(e, errno, "cannot open the container's folders") : 0;
}

/* Make upper/ and work/. The root folder's mode is the upper's: it is copied from the topmost
 * layer's. work/ is the kernel's alone, and begins empty: a volatile overlay leaves a mark there,
 * by which it refuses to be mounted again. */
static int make_upper(int fs_fd, int top_fd, int *ret_upper_fd, int *ret_work_fd, struct err *e)
{
    autoclose int upper_fd = -1;
    autoclose int work_fd = -1;
    struct stat st;
    int r = dir_make(fs_fd, "upper", 0755, &upper_fd, e);

    if (r == 0) {
        r = dir_remove_tree(fs_fd, "work", e);
    }
    if (r == 0) {
        r = dir_make(fs_fd, "work", 0700, &work_fd, e);
    }
    if (r < 0) {
        return r;
    }
    if (fstat(top_fd, &st) < 0 || fchmod(upper_fd, st.st_mode & 07777) < 0) {
        return err_set(e, errno, "cannot prepare the writable layer");
    }
    /* Best effort: an owner outside the map stays 0:0. */
    (void)!fchown(upper_fd, st.st_uid, st.st_gid);
    *ret_upper_fd = steal_fd(&upper_fd);
    *ret_work_fd = steal_fd(&work_fd);
    return 0;
}

char *rootfs_lower(const struct spec *s, const char *prefix)
{
    struct buf lower = {0};

    for (size_t i = s->box.layers.len; i > 0; i--) {
        buf_printf(&lower, "%s%s%s", lower.len > 0 ? ":" : "", prefix, s->box.layers.v[i - 1]);
    }
    return lower.data;
}

/* ---- the drivers. The lower folders are named relative to the current one, and the top one is
 * @top_fd. */

/* Where SELinux is gone a container's files can still be looked at. */
static int is_labelled(const struct spec *s)
{
    return s->linux_.mount_label != NULL && selinux_is_on();
}

static int mount_labelled(const struct spec *s, int target_fd, int attrs, const char *options,
                          struct err *e)
{
    autofree char *labelled =
        is_labelled(s) ? mount_options_labelled(s, "overlay", options, NULL) : xstrdup(options);

    return strlen(labelled) >= (size_t)sysconf(_SC_PAGESIZE)
               ? err_new(e, E2BIG, "too many layers for one overlay")
               : mount_fs("overlay", "overlay", target_fd, attrs, labelled, e);
}

/* mount(2) takes one page of options: hence short names and the current folder. upper and work go
 * by descriptor, so no path of the host shows in the container's mountinfo. What goes with the
 * container (--rm) need not reach the disk: volatile, or the end of each run would wait for a sync
 * of the whole file system. */
static int mount_overlay(const struct spec *s, const struct rootfs_dirs *dirs, int top_fd,
                         struct err *e)
{
    autoclose int upper_fd = -1;
    autoclose int work_fd = -1;
    autofree char *lower = s->box.rootfs != NULL ? xstrdup(".") : rootfs_lower(s, "");
    autofree char *options = NULL;
    int r = make_upper(dirs->fs_fd, top_fd, &upper_fd, &work_fd, e);

    if (r < 0) {
        return r;
    }
    options =
        xasprintf("lowerdir=%s,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,userxattr%s",
                  lower, upper_fd, work_fd, s->box.remove ? ",volatile" : "");
    r = mount_labelled(s, dirs->fs_fd, 0, options, e);
    if (r < 0 && r != -E2BIG && *e->hint == '\0') {
        /* What a kernel without says; else it is the file system. */
        return err_hint_id(e, r == -EPERM || r == -ENODEV ? HINT_KERNEL_OVERLAY : HINT_OVERLAY,
                           NULL, NULL);
    }
    return r;
}

static int mount_fuse(const struct spec *s, const struct rootfs_dirs *dirs, int top_fd,
                      struct err *e)
{
    autoclose int upper_fd = -1;
    autoclose int work_fd = -1;
    autoclose int fuse_fd = -1;
    int r = make_upper(dirs->fs_fd, top_fd, &upper_fd, &work_fd, e);

    (void)s;
    r = r < 0 ? r : fuse_mount(dirs->fs_fd, &fuse_fd, e);
    return r < 0 ? r : sync_send(dirs->sync_fd, SYNC_SERVE_ROOT, fuse_fd, e);
}

int rootfs_copy_layers(const struct spec *s, int to_fd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->box.layers.len; i++) {
        autoclose int from_fd =
            open(s->box.layers.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        r = from_fd < 0 ? err_set(e, errno, "cannot open layer '%s'", s->box.layers.v[i])
                        : tree_copy_layer(from_fd, to_fd, e);
    }
    return r;
}

/* The copy appears under its name when it is whole, and is there for the next start. */
static int mount_copy(const struct spec *s, const struct rootfs_dirs *dirs, int top_fd,
                      struct err *e)
{
    static const char WHOLE[] = "root";
    static const char PART[] = "root.part";
    autoclose int root_fd = -1;
    autoclose int part_fd = -1;
    int r = 0;

    if (faccessat(dirs->fs_fd, WHOLE, F_OK, 0) < 0) {
        r = dir_remove_tree(dirs->fs_fd, PART, e);
        r = r < 0 ? r : dir_make(dirs->fs_fd, PART, 0755, &part_fd, e);
        r = r < 0                   ? r
            : s->box.rootfs != NULL ? tree_copy(top_fd, part_fd, e)
                                    : rootfs_copy_layers(s, part_fd, e);
        r = r < 0 || !is_labelled(s) ? r : selinux_label_tree(part_fd, s->linux_.mount_label, e);
        if (r == 0 && renameat(dirs->fs_fd, PART, dirs->fs_fd, WHOLE) < 0) {
            r = err_set(e, errno, "cannot name the copy of the image");
        }
    }
    if (r < 0) {
        return r;
    }
    root_fd = openat(dirs->fs_fd, WHOLE, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return mount_bind(root_fd, dirs->fs_fd, MOUNT_NODEV, "the copy of the image", e);
}

static const struct driver {
    const char *name;
    int (*mount)(const struct spec *s, const struct rootfs_dirs *dirs, int top_fd, struct err *e);
} DRIVERS[] = {
    {STORAGE_OVERLAY, mount_overlay}, {STORAGE_FUSE, mount_fuse}, {STORAGE_COPY, mount_copy}};

static int put_together(const struct spec *s, const struct rootfs_dirs *dirs, int top_fd,
                        struct err *e)
{
    for (size_t i = 0; i < sizeof(DRIVERS) / sizeof(DRIVERS[0]); i++) {
        if (str_eq(s->box.storage_driver, DRIVERS[i].name)) {
            return DRIVERS[i].mount(s, dirs, top_fd, e);
        }
    }
    return err_new(e, EINVAL, "there is no storage driver '%s'", s->box.storage_driver);
}

static int mount_layers(const struct spec *s, const struct rootfs_dirs *dirs, struct err *e)
{
    autoclose int top_fd = -1;

    if (s->box.layers.len == 0) {
        return err_new(e, EINVAL, "the image has no layers");
    }
    top_fd = openat(dirs->layers_fd, s->box.layers.v[s->box.layers.len - 1],
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top_fd < 0) {
        return err_set(e, errno, "cannot open layer '%s'", s->box.layers.v[s->box.layers.len - 1]);
    }
    if (fchdir(dirs->layers_fd) < 0) {
        return err_set(e, errno, "cannot enter the layers' folder");
    }
    return put_together(s, dirs, top_fd, e);
}

/* --rootfs DIR:O: the folder itself is the one lower layer, reached as the current folder. */
static int mount_rootfs_overlay(const struct spec *s, const struct rootfs_dirs *dirs, int rootfs_fd,
                                struct err *e)
{
    if (fchdir(rootfs_fd) < 0) {
        return err_set(e, errno, "cannot enter the root folder");
    }
    return put_together(s, dirs, rootfs_fd, e);
}

/* By name from the folder above: that lookup crosses onto the new mount, the descriptor fs_fd does
 * not. */
static int open_mounted(const struct rootfs_dirs *dirs, int *ret_root_fd, struct err *e)
{
    *ret_root_fd = openat(dirs->dir_fd, "fs", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *ret_root_fd < 0 ? err_set(e, errno, "cannot open the mounted root") : 0;
}

int rootfs_mount(const struct spec *s, const struct rootfs_dirs *dirs, int rootfs_fd,
                 int *ret_root_fd, struct err *e)
{
    int r = 0;

    if (s->box.rootfs == NULL) {
        r = mount_layers(s, dirs, e);
    } else if (s->box.rootfs_overlay) {
        r = mount_rootfs_overlay(s, dirs, rootfs_fd, e);
    } else {
        r = mount_bind(rootfs_fd, dirs->fs_fd, MOUNT_RECURSIVE | MOUNT_NODEV, s->box.rootfs, e);
    }
    return r < 0 ? r : open_mounted(dirs, ret_root_fd, e);
}

int rootfs_mount_layers(const struct spec *s, int target_fd, struct err *e)
{
    autofree char *lower = rootfs_lower(s, "");
    /* The kernel wants two: below a single one is the target, which is empty. */
    autofree char *lowest =
        s->box.layers.len == 1 ? xasprintf(":/proc/self/fd/%d", target_fd) : xstrdup("");
    autofree char *options = xasprintf("lowerdir=%s%s,userxattr", lower, lowest);

    return mount_labelled(s, target_fd, MOUNT_RDONLY, options, e);
}

int rootfs_mount_image(const struct spec *s, const struct rootfs_dirs *dirs, int *ret_root_fd,
                       struct err *e)
{
    int r = fchdir(dirs->layers_fd) < 0 ? err_set(e, errno, "cannot enter the layers' folder") : 0;

    r = r < 0 ? r : rootfs_mount_layers(s, dirs->fs_fd, e);
    return r < 0 ? r : open_mounted(dirs, ret_root_fd, e);
}

int rootfs_pivot(int root_fd, struct err *e)
{
    /* pivot_root(".", ".") stacks the old root over the new one; detaching "." then uncovers it
     * (pivot_root(2)). */
    if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) {
        return err_set(e, errno, "cannot pivot into the new root");
    }
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
        return err_set(e, errno, "cannot detach the old root");
    }
    return 0;
}
