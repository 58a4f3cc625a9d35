/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/storage.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/compat.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/proc.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

/* In the store. */
static const char REMEMBERED[] = "storage";
static const char TOLD_OWNERS[] = "told-owners";

int storage_is_driver(const char *name)
{
    return str_eq(name, STORAGE_OVERLAY) || str_eq(name, STORAGE_FUSE) ||
           str_eq(name, STORAGE_COPY);
}

/* ---- trials */

/* A folder replaced by a new one takes a whiteout and an opaque mark: some file systems let an
 * overlay be mounted on them and then cannot hold those. */
static int try_overlay(void *arg, struct err *e)
{
    static const char OPTIONS[] = "lowerdir=lower,upperdir=upper,workdir=work,userxattr";
    const int *temp_fd = arg;
    autoclose int merged_fd = -1;
    int r = 0;

    if (fchdir(*temp_fd) < 0 || mkdir("lower", 0755) < 0 || mkdir("lower/d", 0755) < 0 ||
        mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0) {
        return err_set(e, errno, "cannot prepare a trial of overlay");
    }
    if (unshare(CLONE_NEWNS) < 0) { /* the current folder comes along */
        return err_set(e, errno, "cannot create a mount namespace");
    }
    merged_fd = open("lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
    r = mount_fs("overlay", "overlay", merged_fd, 0, OPTIONS, e);
    if (r == 0 && (rmdir("lower/d") < 0 || mkdir("lower/d", 0755) < 0)) {
        r = err_set(e, errno, "overlay cannot keep its marks on the store's file system");
    }
    if (r < 0) {
        e->errnum = ENOTSUP; /* whatever the cause: the answer is no */
    }
    return -e->errnum;
}

/* 1: overlay works; 0: it does not, with the reason in @e; else the trial itself failed. */
static int overlay_works(const struct store *store, const struct spec *s, struct err *e)
{
    const struct spec_linux *l = &s->linux_;
    autofree char *temp = NULL;
    autoclose int lock_fd = -1;
    autoclose int temp_fd = -1;
    int r = store_lock(store, STORE_SHARED, &lock_fd, e);

    r = r < 0 ? r : store_temp(store, "overlay", &temp, &temp_fd, e);
    if (r < 0) {
        return r;
    }
    r = userns_run(&l->uid_mappings, &l->gid_mappings, try_overlay, &temp_fd, e);
    store_temp_remove(store, temp, &l->uid_mappings, &l->gid_mappings);
    if (r == 0) {
        return 1;
    }
    return r == -ENOTSUP ? 0 : r;
}

int storage_check_fuse(struct err *e)
{
    autofree char *path = NULL;
    autoclose int fd = -1;

    if (proc_find("fuse-overlayfs", &path, e) < 0) {
        return err_hint_id(e, HINT_FUSE, NULL, NULL);
    }
    fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        (void)err_set(e, errno, "cannot open '/dev/fuse'");
        return err_hint_id(e, HINT_FUSE, NULL, NULL);
    }
    return 0;
}

int storage_check_copy(const struct store *store, struct err *e)
{
    struct statvfs fs;

    if (fstatvfs(store->dir_fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0) {
        (void)err_new(e, EACCES,
                      "no program of a copy could be executed: the store '%s' is mounted noexec",
                      store->path);
        return err_hint_id(e, HINT_STORE_FS, NULL, NULL);
    }
    return 0;
}

/* ---- owners */

static const char *kind_of(int fd)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } KINDS[] = {{NFS_SUPER_MAGIC, "NFS"},   {0x0bd00bd0, "Lustre"},   {0x47504653, "GPFS"},
                 {SMB2_SUPER_MAGIC, "SMB"},  {V9FS_MAGIC, "9p"},       {FUSE_SUPER_MAGIC, "FUSE"},
                 {MSDOS_SUPER_MAGIC, "FAT"}, {CIFS_SUPER_MAGIC, "SMB"}};
    struct statfs fs;

    for (size_t i = 0; fstatfs(fd, &fs) == 0 && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if ((uint32_t)fs.f_type == KINDS[i].magic) {
            return KINDS[i].name;
        }
    }
    return "its file system";
}

struct trial {
    int folder_fd;
    uid_t uid;
    gid_t gid;
};

/* An id of @m other than 0. */
static uint32_t other_id(const struct spec_idmap *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->rows[i].container_id != 0 || m->rows[i].size > 1) {
            return m->rows[i].container_id != 0 ? m->rows[i].container_id : 1;
        }
    }
    return 0;
}

/* As its root, who may give a file to any id of the namespace: but a server may know better. */
static int try_owners(void *arg, struct err *e)
{
    const struct trial *t = arg;
    autoclose int fd = openat(t->folder_fd, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd < 0 || fchown(fd, t->uid, t->gid) < 0
               ? err_set(e, errno, "cannot give a file to user %u", t->uid)
               : 0;
}

int storage_check_owners(const struct store *store, const struct spec *s, struct err *e)
{
    const struct spec_linux *l = &s->linux_;
    autofree char *temp = NULL;
    autoclose int lock_fd = -1;
    autoclose int temp_fd = -1;
    struct trial trial = {.uid = other_id(&l->uid_mappings), .gid = other_id(&l->gid_mappings)};
    int r = 0;

    if (trial.uid == 0) { /* one id: there is nothing to give */
        return 0;
    }
    r = store_lock(store, STORE_SHARED, &lock_fd, e);
    r = r < 0 ? r : store_temp(store, "owners", &temp, &temp_fd, e);
    if (r < 0) {
        return r;
    }
    trial.folder_fd = temp_fd;
    r = userns_run(&l->uid_mappings, &l->gid_mappings, try_owners, &trial, e);
    store_temp_remove(store, temp, &l->uid_mappings, &l->gid_mappings);
    if (r == -EPERM || r == -EACCES || r == -EOPNOTSUPP) { /* root of the namespace may */
        (void)err_wrap(e, "'%s': %s gives files to no other id than yours", store->path,
                       kind_of(store->dir_fd));
        e->errnum = ENOTSUP;
        return err_hint_id(e, HINT_STORE_FS, NULL, NULL);
    }
    return r;
}

/* ---- memory: a file of the store has the kernel's release, and on a second line why overlay does
 * not work. */

/* Like overlay_works(); -ENOENT: nothing is known of this kernel. */
static int recall(const struct store *store, const char *release, struct err *e)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    size_t len = strlen(release);

    if (file_read(store->dir_fd, REMEMBERED, sizeof(struct err), &text, NULL, &ignored) < 0 ||
        strncmp(text, release, len) != 0 || text[len] != '\n') {
        return -ENOENT;
    }
    return text[len + 1] == '\0' ? 1 : (err_new(e, ENOTSUP, "%s", text + len + 1), 0);
}

static void remember(const struct store *store, const char *release, const char *reason)
{
    autofree char *text = xasprintf("%s\n%s", release, reason);
    struct err ignored = {0};

    (void)file_write(store->dir_fd, REMEMBERED, text, strlen(text), 0, &ignored);
}

/* ---- the choice */

int storage_find(const struct store *store, const struct spec *s, int try_again,
                 const char **ret_driver, char **ret_reason, struct err *e)
{
    struct utsname u = {0};
    struct err why = {0};
    int works = 0;

    (void)uname(&u);
    works = try_again ? -ENOENT : recall(store, u.release, &why);
    if (works == -ENOENT) {
        works = overlay_works(store, s, &why);
        if (works >= 0) {
            remember(store, u.release, why.msg);
        }
    }
    if (works < 0) {
        *e = why;
        return works;
    }
    *ret_driver = works ? STORAGE_OVERLAY : STORAGE_FUSE;
    *ret_reason = works ? NULL : xstrdup(why.msg);
    err_clear(&why);
    if (!works && storage_check_fuse(&why) < 0) {
        autofree char *first = *ret_reason;

        *ret_driver = STORAGE_COPY;
        *ret_reason = xasprintf("%s; %s", first, why.msg);
        return storage_check_copy(store, e);
    }
    return 0;
}

/* Once, and only where the kernel's overlay does not work: what can hold that can hold owners. */
static void tell_owners(const struct store *store, const struct spec *s)
{
    struct err e = {0};
    int r = 0;

    if (faccessat(store->dir_fd, TOLD_OWNERS, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return;
    }
    r = storage_check_owners(store, s, &e);
    if (r == -ENOTSUP) {
        notice("%s: inside, nobody but root can write, and chown is refused; for all of them: %s",
               e.msg, e.hint);
    }
    if (r == 0 || r == -ENOTSUP) {
        (void)file_write(store->dir_fd, TOLD_OWNERS, "", 0, 0, &e);
    }
}

int storage_choose(const struct store *store, struct spec *s, struct err *e)
{
    autofree char *reason = NULL;
    const char *driver = NULL;
    int r = 0;

    if (s->box.rootfs != NULL && !s->box.rootfs_overlay) {
        return 0; /* nothing to put together */
    }
    if (s->box.storage_driver != NULL) {
        return str_eq(s->box.storage_driver, STORAGE_FUSE)   ? storage_check_fuse(e)
               : str_eq(s->box.storage_driver, STORAGE_COPY) ? storage_check_copy(store, e)
                                                             : 0;
    }
    r = storage_find(store, s, /* try_again= */ 0, &driver, &reason, e);
    if (r < 0) {
        return r;
    }
    s->box.storage_driver = xstrdup(driver);
    if (!str_eq(driver, STORAGE_OVERLAY)) {
        tell_owners(store, s);
    }
    if (str_eq(driver, STORAGE_COPY)) {
        notice("the image is copied for this container, which takes time and disk space: %s",
               reason);
        notice("fix: sudo apt-get install -y fuse-overlayfs");
    }
    return 0;
}
