/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes, tmpfs mounts and devices of the spec; declared in mounts.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/bundle_mount.h"
#include "box/mount_options.h"
#include "box/mounts.h"
#include "box/secrets.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/path.h"
#include "sys/reach.h"
#include "sys/selinux.h"
#include "sys/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    INIT_MAX = 16 << 20
};

static int is_type(const struct spec_mount *v, const char *type)
{
    return strcmp(v->type, type) == 0;
}

/* ---- sources, as the caller */

/* A volume is in the store, which is the current folder here (child.c: open_store()). */
static int open_source(const struct spec_mount *v, int *ret_fd, struct err *e)
{
    autofree char *in_store =
        v->volume_name != NULL ? xasprintf("volumes/%s/_data", v->volume_name) : NULL;
    autoclose int fd = open(in_store != NULL ? in_store : v->source, O_PATH | O_CLOEXEC);
    autoclose int sub_fd = -1;

    if (fd < 0 && in_store != NULL) {
        (void)err_set(e, errno, "cannot use volume '%s'", v->volume_name);
        return err_hint(e, "rbox volume create %s", v->volume_name);
    }
    if (fd < 0) {
        (void)err_set(e, errno, "cannot use '%s' for '%s'", v->source, v->destination);
        return reach_hint(v->source, e);
    }
    if (v->subpath != NULL) {
        if (path_open_in_root(fd, v->subpath, O_PATH, &sub_fd, e) < 0) {
            return err_wrap(e, "subpath of '%s'", v->source);
        }
        *ret_fd = steal_fd(&sub_fd);
        return 0;
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* Binds copy what is mounted below them too (podman's rbind), and are nosuid and nodev unless an
 * option says otherwise. A bundle's mounts are what its options say. */
static int bind_attrs(const struct spec *s, const struct spec_mount *v)
{
    return mount_options_attrs(v, s->box.bundle ? 0 : MOUNT_RECURSIVE | MOUNT_NOSUID | MOUNT_NODEV);
}

static int clone_volume(const struct spec *s, const struct spec_mount *v, int *ret_fd,
                        struct err *e)
{
    autoclose int fd = -1;
    int r = open_source(v, &fd, e);

    if (r < 0) {
        return r;
    }
    if (is_type(v, "overlay")) { /* its lower folder; volumes_prepare() mounts it */
        *ret_fd = steal_fd(&fd);
        return 0;
    }
    r = mount_clone(fd, bind_attrs(s, v) & MOUNT_RECURSIVE, ret_fd, e);
    return r < 0 ? err_wrap(e, "volume '%s'", v->source) : 0;
}

static int *new_fds(size_t count)
{
    int *fds = xmalloc((count + 1) * sizeof(*fds));

    memset(fds, -1, (count + 1) * sizeof(*fds));
    return fds;
}

int volumes_open(const struct spec *s, struct mounts *m, struct err *e)
{
    int r = 0;

    m->volume_fd = new_fds(s->mount_count);
    m->extra_fd = new_fds(s->linux_.device_count);
    for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
        const struct spec_mount *v = &s->mounts[i];

        if (is_type(v, "bind") || (is_type(v, "overlay") && !s->box.bundle) ||
            v->volume_name != NULL) {
            r = clone_volume(s, v, &m->volume_fd[i], e);
        } else if (is_type(v, "secret") && !s->box.bundle) {
            r = secrets_open(v->source, &m->volume_fd[i], e);
        }
    }
    for (size_t i = 0; r == 0 && i < s->linux_.device_count; i++) {
        const char *path = s->linux_.devices[i].host_path;
        autoclose int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0) {
            return err_set(e, errno, "cannot use device '%s'", path);
        }
        r = mount_clone(fd, MOUNT_RECURSIVE, &m->extra_fd[i], e);
    }
    return r;
}

/* ---- :O, a throw-away overlay over a host folder */

static int prepare_overlay(const struct spec *s, size_t index, int *volume_fd, int fs_fd,
                           struct err *e)
{
    autofree char *name = xasprintf("volume%zu", index);
    autofree char *options = NULL;
    autofree char *labelled = NULL;
    autoclose int dir_fd = -1;
    autoclose int upper_fd = -1;
    autoclose int work_fd = -1;
    autoclose int mounted_fd = -1;
    struct stat st;
    int r = dir_make(fs_fd, name, 0711, &dir_fd, e);

    if (r == 0) {
        r = dir_make(dir_fd, "upper", 0755, &upper_fd, e);
    }
    if (r == 0) {
        r = dir_make(dir_fd, "work", 0700, &work_fd, e);
    }
    if (r < 0) {
        return r;
    }
    if (fstat(*volume_fd, &st) < 0 || !S_ISDIR(st.st_mode) ||
        fchmod(upper_fd, st.st_mode & 07777) < 0) {
        return err_new(e, ENOTDIR, "only a folder can be a volume with option O");
    }
    options = xasprintf(
        "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,userxattr",
        *volume_fd, upper_fd, work_fd);
    labelled = mount_options_labelled(s, "overlay", options, NULL);
    r = mount_fs("overlay", "overlay", dir_fd, 0, labelled, e);
    if ((r == -EPERM || r == -ENODEV) && *e->hint == '\0') {
        return err_hint(e,
                        "option O takes Linux 5.11; before it, a copy: cp -a %s COPY, -v COPY:%s",
                        s->mounts[index].source, s->mounts[index].destination);
    }
    if (r < 0) {
        return r;
    }
    mounted_fd = openat(fs_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    close_fd(volume_fd);
    return mounted_fd < 0 ? err_set(e, errno, "cannot open a volume's overlay")
                          : mount_clone(mounted_fd, 0, volume_fd, e);
}

static int label_copy(const struct spec *s, int fd, struct err *e)
{
    return s->linux_.mount_label == NULL ? 0 : selinux_label_tree(fd, s->linux_.mount_label, e);
}

/* In the container's folder as a file of its own. */
static int prepare_secret(const struct spec *s, size_t index, int *volume_fd, int fs_fd,
                          struct err *e)
{
    autofree char *name = xasprintf("volume%zu", index);
    autoclose int file_fd = -1;
    int r = secrets_copy(&s->mounts[index], *volume_fd, fs_fd, name, &file_fd, e);

    close_fd(volume_fd);
    r = r < 0 ? r : label_copy(s, file_fd, e);
    return r < 0 ? r : mount_clone(file_fd, 0, volume_fd, e);
}

/* A process with the container's label may begin with no program of the host's: with a copy. */
static int prepare_init(const struct spec *s, int *volume_fd, int fs_fd, struct err *e)
{
    static const char NAME[] = "init";
    struct path_proc_fd source = path_proc_fd(*volume_fd);
    autofree char *program = NULL;
    autoclose int from_fd = open(source.s, O_RDONLY | O_CLOEXEC);
    autoclose int file_fd = -1;
    size_t len = 0;
    int r = from_fd < 0 ? err_set(e, errno, "cannot read rbox-init")
                        : fd_read_all(from_fd, INIT_MAX, &program, &len, e);

    if (r < 0) {
        return r;
    }
    (void)unlinkat(fs_fd, NAME, 0); /* of an earlier start */
    file_fd = openat(fs_fd, NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    r = file_fd < 0 ? -errno : fd_write_all(file_fd, program, len);
    if (r < 0) {
        return err_set(e, -r, "cannot copy rbox-init");
    }
    close_fd(&file_fd); /* what is open for writing cannot be executed */
    file_fd = openat(fs_fd, NAME, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    close_fd(volume_fd);
    r = file_fd < 0 ? err_set(e, errno, "cannot open rbox-init") : label_copy(s, file_fd, e);
    return r < 0 ? r : mount_clone(file_fd, 0, volume_fd, e);
}

int volumes_prepare(const struct spec *s, struct mounts *m, int fs_fd, struct err *e)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *v = &s->mounts[i];
        int r = 0;

        if (s->box.bundle) {
            r = m->volume_fd[i] >= 0 ? 0 : bundle_mount_prepare(s, v, &m->volume_fd[i], e);
        } else if (is_type(v, "overlay")) {
            r = prepare_overlay(s, i, &m->volume_fd[i], fs_fd, e);
        } else if (is_type(v, "secret")) {
            r = prepare_secret(s, i, &m->volume_fd[i], fs_fd, e);
        } else if (s->linux_.mount_label != NULL && str_eq(v->destination, SPEC_INIT_PATH)) {
            r = prepare_init(s, &m->volume_fd[i], fs_fd, e);
        }
        if (r < 0) {
            return err_wrap(e, "volume at '%s'", v->destination);
        }
    }
    return 0;
}

/* ---- attaching */

/* The place for a mount: of the same kind as its source, made where it is missing. */
static int make_target(int root_fd, const char *path, int source_fd, int *ret_fd, struct err *e)
{
    struct stat st;
    int is_dir = 1;
    int r = 0;

    if (source_fd >= 0) {
        if (fstat(source_fd, &st) < 0) {
            return err_set(e, errno, "cannot stat the source of '%s'", path);
        }
        is_dir = S_ISDIR(st.st_mode);
    }
    r = is_dir ? path_make_dir_in_root(root_fd, path, ret_fd, e)
               : path_make_file_in_root(root_fd, path, ret_fd, e);
    return r < 0 ? err_wrap(e, "cannot mount over '%s'", path) : 0;
}

/* tmpfs mounts begin with the image's content at that place (podman's tmpcopyup), unless told not
 * to. */
static int attach_tmpfs(const struct spec *s, const struct spec_mount *v, int root_fd,
                        struct err *e)
{
    autofree char *options = mount_options_data(s, v);
    autoclose int target_fd = -1;
    autoclose int tmpfs_fd = -1;
    autoclose int image_fd = -1;
    int attrs =
        mount_options_attrs(v, s->box.bundle ? 0 : MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC);
    int r = make_target(root_fd, v->destination, -1, &target_fd, e);

    if (r == 0) {
        r = mount_new("tmpfs", options, attrs & ~MOUNT_RDONLY, &tmpfs_fd, e);
    }
    if (r == 0 && !strv_has(&v->options, "notmpcopyup")) {
        image_fd = openat(target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = image_fd < 0 ? err_set(e, errno, "cannot read '%s' of the image", v->destination)
                         : tree_copy(image_fd, tmpfs_fd, e);
    }
    if (r == 0) {
        r = mount_attach(tmpfs_fd, target_fd, v->destination, e);
    }
    if (r == 0 && (attrs & MOUNT_RDONLY) != 0) {
        r = mount_set_attrs(tmpfs_fd, MOUNT_RDONLY, e);
    }
    return r;
}

static int attach_kernel_fs(const struct spec *s, const struct spec_mount *v, int root_fd,
                            struct err *e)
{
    autofree char *options = mount_options_data(s, v);
    autoclose int target_fd = -1;
    autoclose int fd = -1;
    int r = make_target(root_fd, v->destination, -1, &target_fd, e);

    if (r == 0) {
        r = mount_new(v->type, options, mount_options_attrs(v, MOUNT_NOSUID | MOUNT_NOEXEC), &fd,
                      e);
    }
    return r < 0 ? r : mount_attach(fd, target_fd, v->destination, e);
}

static int is_empty(int dir_fd)
{
    autoclosedir DIR *d = dir_open(dir_fd, ".");
    const struct dirent *entry = NULL;

    return d != NULL && dir_next(d, &entry) == 0;
}

/* An empty volume begins with what the image has at its place, the folder's owner and mode
 * included, as docker has it. */
static int fill_volume(const struct spec_mount *v, int volume_fd, int target_fd, struct err *e)
{
    autoclose int to_fd = openat(volume_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int from_fd = openat(target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (!is_type(v, "volume") || v->subpath != NULL || strv_has(&v->options, "nocopy")) {
        return 0;
    }
    if (to_fd < 0 || from_fd < 0 || fstat(from_fd, &st) < 0) {
        return err_set(e, errno, "cannot copy the image's '%s'", v->destination);
    }
    if (!is_empty(to_fd)) {
        return 0;
    }
    /* Best effort for the folder itself: a single-id map has no other owners. */
    (void)!fchown(to_fd, st.st_uid, st.st_gid);
    (void)fchmod(to_fd, st.st_mode & 07777);
    return tree_copy(from_fd, to_fd, e);
}

static int attach_volume(const struct spec *s, const struct spec_mount *v, int volume_fd,
                         int root_fd, struct err *e)
{
    autoclose int target_fd = -1;
    int late = is_type(v, "tmpfs") ? MOUNT_RDONLY : 0; /* attach_listed() */
    int attrs = bind_attrs(s, v) & ~late;
    unsigned long flag = mount_options_propagation(v);
    int r = make_target(root_fd, v->destination, volume_fd, &target_fd, e);

    if (r == 0) {
        r = fill_volume(v, volume_fd, target_fd, e);
    }
    if (r == 0) {
        r = mount_attach(volume_fd, target_fd, v->destination, e);
    }
    if (r == 0) {
        r = mount_propagation(volume_fd, flag != 0 ? flag : MS_PRIVATE | MS_REC, 0, e);
    }
    if (r == 0) {
        r = mount_set_attrs(volume_fd, attrs, e);
    }
    return r < 0 ? err_wrap(e, "volume at '%s'", v->destination) : 0;
}

static size_t path_depth(const char *path)
{
    size_t depth = 0;

    for (; *path != '\0'; path++) {
        depth += *path == '/' && path[1] != '/' && path[1] != '\0';
    }
    return depth;
}

static int attach_one(const struct spec *s, const struct mounts *m, size_t i, int root_fd,
                      struct err *e)
{
    const struct spec_mount *v = &s->mounts[i];

    if (m->volume_fd[i] >= 0) {
        return attach_volume(s, v, m->volume_fd[i], root_fd, e);
    }
    return is_type(v, "tmpfs") ? attach_tmpfs(s, v, root_fd, e)
                               : attach_kernel_fs(s, v, root_fd, e);
}

static size_t deepest_place(const struct spec *s)
{
    size_t deepest = 0;

    for (size_t i = 0; i < s->mount_count; i++) {
        size_t depth = path_depth(s->mounts[i].destination);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* In the order in which they are listed. What is to be read-only may have to take others' places
 * before. */
static int attach_listed(const struct spec *s, const struct mounts *m, int root_fd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
        r = attach_one(s, m, i, root_fd, e);
    }
    for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
        if (is_type(&s->mounts[i], "tmpfs") && m->volume_fd[i] >= 0) {
            r = mount_set_attrs(m->volume_fd[i], mount_options_attrs(&s->mounts[i], 0), e);
        }
    }
    return r;
}

int volumes_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e)
{
    size_t deepest = deepest_place(s);
    int r = 0;

    if (s->box.bundle) {
        return attach_listed(s, m, root_fd, e);
    }
    for (size_t depth = 0; depth <= deepest; depth++) {
        for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
            if (path_depth(s->mounts[i].destination) == depth) {
                r = attach_one(s, m, i, root_fd, e);
            }
        }
    }
    return r;
}

int devices_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->linux_.device_count; i++) {
        autoclose int target_fd = -1;
        const char *path = s->linux_.devices[i].path;

        r = make_target(root_fd, path, m->extra_fd[i], &target_fd, e);
        if (r == 0) {
            r = mount_attach(m->extra_fd[i], target_fd, path, e);
        }
        if (r == 0) {
            r = mount_set_attrs(m->extra_fd[i], MOUNT_NOSUID | MOUNT_NOEXEC, e);
        }
    }
    return r;
}

int volumes_chown(const struct spec *s, const struct mounts *m, unsigned int uid, unsigned int gid,
                  struct err *e)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        if (strv_has(&s->mounts[i].options, "U") && m->volume_fd[i] >= 0) {
            if (tree_chown(m->volume_fd[i], uid, gid, e) < 0) {
                return err_wrap(e, "volume '%s'", s->mounts[i].source);
            }
        }
    }
    return 0;
}
