/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/store.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "image/manifest.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/selinux.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    SPACE_LEAST_BYTES = 64 << 10
};

/* Where the store is when neither --root nor RBOX_STORE says so. */
static int default_path(char **ret, struct err *e)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (geteuid() == 0) {
        *ret = xstrdup("/var/lib/rbox");
        return 0;
    }
    if (data != NULL && data[0] == '/') {
        *ret = xasprintf("%s/rbox", data);
        return 0;
    }
    if (home == NULL || home[0] != '/') {
        const struct passwd *user = getpwuid(geteuid());

        home = user != NULL ? user->pw_dir : NULL;
    }
    if (home == NULL || home[0] != '/') {
        (void)err_new(e, ENOENT, "no place for the store: user %d has no home folder",
                      (int)geteuid());
        return err_hint(e, "export RBOX_STORE=/var/tmp/rbox-%d", (int)geteuid());
    }
    *ret = xasprintf("%s/.local/share/rbox", home);
    return 0;
}

static int choose_path(const char *root, char **ret, struct err *e)
{
    const char *chosen = root != NULL ? root : getenv("RBOX_STORE");
    autofree char *cwd = NULL;

    if (chosen == NULL || chosen[0] == '\0') {
        return default_path(ret, e);
    }
    if (chosen[0] == '/') {
        *ret = xstrdup(chosen);
        return 0;
    }
    cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        return err_set(e, errno, "cannot tell where '%s' is", chosen);
    }
    *ret = xasprintf("%s/%s", cwd, chosen);
    return 0;
}

static int open_top(const char *path, int *ret_fd, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st = {0};

    if (fd < 0 && errno == ENOENT) {
        if (dir_make_all(path, e) < 0) {
            (void)err_wrap(e, "cannot make the store");
            return err_hint_id(e, HINT_STORE_FS, NULL, NULL);
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)err_set(e, errno, "cannot open the store '%s'", path);
        return err_hint_id(e, HINT_STORE_FS, NULL, NULL);
    }
    if (st.st_uid != geteuid()) {
        (void)err_new(e, EPERM, "the store '%s' belongs to user %u, not to you", path, st.st_uid);
        return err_hint_id(e, HINT_STORE_FS, NULL, NULL);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* ---- run/BOOT-ID: what is in it died with the boot it names. Its lock is a folder's, which a
 * server (NFS) does not hand on to other hosts: whose boot it is, the link run/.BOOT-ID tells. */

/* "" where a host has none. */
static char *machine_id(void)
{
    enum {
        ID_BYTES_MAX = 64
    };
    char *id = NULL;
    struct err ignored = {0};

    if (file_read_followed(AT_FDCWD, "/etc/machine-id", ID_BYTES_MAX, &id, NULL, &ignored) < 0) {
        return xstrdup("");
    }
    id[strcspn(id, "\n")] = '\0';
    return id;
}

static char *mark_path(const char *boot_id)
{
    return xasprintf("run/.%s", boot_id);
}

/* Best effort. */
static void mark_boot(int dir_fd, const char *boot_id)
{
    autofree char *path = mark_path(boot_id);
    autofree char *machine = NULL;

    if (faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return;
    }
    machine = machine_id();
    if (*machine != '\0') {
        (void)!symlinkat(machine, dir_fd, path);
    }
}

int store_is_boot_elsewhere(const struct store *s, const char *boot_id)
{
    autofree char *path = mark_path(boot_id);
    autofree char *mine = NULL;
    char machine[128];
    ssize_t n = readlinkat(s->dir_fd, path, machine, sizeof(machine) - 1);

    if (n <= 0) {
        return 0;
    }
    machine[n] = '\0';
    mine = machine_id();
    return *mine != '\0' && strcmp(machine, mine) != 0;
}

void store_drop_boot(const struct store *s, const char *boot_id)
{
    autofree char *folder = xasprintf("run/%s", boot_id);
    autofree char *mark = mark_path(boot_id);

    if (unlinkat(s->dir_fd, folder, AT_REMOVEDIR) == 0) {
        (void)unlinkat(s->dir_fd, mark, 0);
    }
}

static int open_run(int dir_fd, int *ret_fd, struct err *e)
{
    autofree char *boot_id = NULL;
    autoclose int fd = -1;
    int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot_id, NULL, e);

    if (r < 0) {
        (void)err_wrap(e, "cannot tell this boot from others");
        return err_hint_id(e, HINT_BOOT_ID, NULL, NULL);
    }
    boot_id[strcspn(boot_id, "\n")] = '\0';
    r = dir_make(dir_fd, "run", 0700, &fd, e);
    if (r == 0) {
        mark_boot(dir_fd, boot_id); /* before the folder: none is without */
        r = dir_make(fd, boot_id, 0700, ret_fd, e);
    }
    return r;
}

/* ---- opening, and what is in the way */

const char *store_lack(const struct store *s)
{
    struct statvfs fs;

    if (fstatvfs(s->dir_fd, &fs) < 0) {
        return "cannot be examined";
    }
    if ((fs.f_flag & ST_RDONLY) != 0) {
        return "is mounted read-only";
    }
    if (fs.f_blocks > 0 && (uint64_t)fs.f_bavail * fs.f_frsize < SPACE_LEAST_BYTES) {
        return "is on a full disk";
    }
    return fs.f_files > 0 && fs.f_favail == 0 ? "is on a disk that can hold no more files" : NULL;
}

struct store_room store_room(const struct store *s)
{
    struct store_room room = {INT64_MAX, INT64_MAX};
    struct statvfs fs;

    if (s->unpacking.max_size_bytes > 0) {
        room.bytes = s->unpacking.max_size_bytes;
        return room;
    }
    /* A disk whose room cannot be told says itself when it is full. */
    if (fstatvfs(s->dir_fd, &fs) < 0) {
        return room;
    }
    if (fs.f_blocks > 0 && fs.f_bavail <= INT64_MAX / (fs.f_frsize + 1)) {
        room.bytes = (int64_t)(fs.f_bavail * fs.f_frsize / 10 * 9);
    }
    if (fs.f_files > 0 && fs.f_favail <= INT64_MAX) {
        room.files = (int64_t)(fs.f_favail / 10 * 9);
    }
    return room;
}

/* The first of the store's folders that cannot be written, as *ret_path, and 1; 0: all can. errno
 * says why. */
static int find_closed(const struct store *s, char **ret_path)
{
    static const char *const FOLDERS[] = {"",        "/layers",  "/containers",   "/names",
                                          "/images", "/blobs",   "/blobs/sha256", "/tmp",
                                          "/run",    "/partial", "/volumes",      "/trash"};

    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        const char *name = *FOLDERS[i] != '\0' ? FOLDERS[i] + 1 : ".";

        if (faccessat(s->dir_fd, name, W_OK | X_OK, AT_EACCESS) < 0 && errno != ENOENT) {
            *ret_path = xasprintf("%s%s", s->path, FOLDERS[i]);
            return 1;
        }
    }
    return 0;
}

int store_check_folders(const struct store *s, struct err *e)
{
    autofree char *path = NULL;

    if (!find_closed(s, &path)) {
        return 0;
    }
    if (errno == EROFS) {
        (void)err_new(e, EROFS, "'%s' is mounted read-only", path);
        return err_hint(e, "mount -o remount,rw %s, or --root DIR", path);
    }
    (void)err_new(e, EACCES, "you may not write to '%s'", path);
    return err_hint(e, "chmod u+rwx %s", path);
}

/* A folder of the store that is closed, or another file system that is mounted there. */
static void explain_folder(const struct store *s, struct err *e)
{
    struct err why = {0};

    if (store_check_folders(s, &why) < 0) {
        (void)err_wrap(e, "%s", why.msg);
        (void)err_hint(e, "%s", why.hint);
    } else if (e->errnum == EXDEV) {
        (void)err_hint(e, "umount what is mounted below %s: a store is one file system", s->path);
    }
}

void store_explain(const struct store *s, struct err *e)
{
    int is_space = e->errnum == ENOSPC || e->errnum == EDQUOT || e->errnum == EROFS;
    const char *lack = is_space && *e->hint == '\0' ? store_lack(s) : NULL;

    if (lack != NULL) {
        (void)err_wrap(e, "the store '%s' %s", s->path, lack);
        (void)err_hint_id(e, HINT_STORE_FS, NULL, NULL);
    } else if (*e->hint == '\0' &&
               (e->errnum == EACCES || e->errnum == EROFS || e->errnum == EXDEV)) {
        explain_folder(s, e);
    }
}

int store_open(const char *root, struct store *ret, struct err *e)
{
    struct store s = {.dir_fd = -1, .layers_fd = -1, .containers_fd = -1, .run_fd = -1};
    int r = choose_path(root, &s.path, e);

    r = r < 0 ? r : open_top(s.path, &s.dir_fd, e);
    /* 0711 below the 0700 top: container root may be an id that is "other" here, and is led in by
     * an inherited descriptor. */
    r = r < 0 ? r : dir_make(s.dir_fd, "layers", 0711, &s.layers_fd, e);
    r = r < 0 ? r : dir_make(s.dir_fd, "containers", 0711, &s.containers_fd, e);
    r = r < 0 ? r : open_run(s.dir_fd, &s.run_fd, e);
    if (r < 0) {
        if (s.dir_fd >= 0) {
            store_explain(&s, e);
        }
        store_done(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void store_done(struct store *s)
{
    close_fd(&s->dir_fd);
    close_fd(&s->layers_fd);
    close_fd(&s->containers_fd);
    close_fd(&s->run_fd);
    free(steal_ptr(&s->path));
}

int store_lock(const struct store *s, enum store_lock how, int *ret_fd, struct err *e)
{
    static const int OPERATIONS[] = {
        [STORE_SHARED] = LOCK_SH, [STORE_EXCLUSIVE] = LOCK_EX, [STORE_TRY] = LOCK_EX | LOCK_NB};
    autoclose int fd =
        openat(s->dir_fd, "garbage.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, OPERATIONS[how]) < 0) {
        return err_set(e, errno, "cannot lock the store");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int64_t store_blob_bytes(const struct store *s, const char *digest)
{
    autofree char *path = manifest_blob_path(digest);
    struct stat st;

    return fstatat(s->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : 0;
}

/* ---- temporary folders */

int store_temp(const struct store *store, const char *what, char **ret_name, int *ret_fd,
               struct err *e)
{
    autofree char *name =
        xasprintf("%s-%d-%llx", what, (int)getpid(), (unsigned long long)time(NULL));
    autofree char *label = selinux_shared_label("ro_file");
    autoclose int tmp_fd = -1;
    autoclose int fd = -1;
    int r = dir_make(store->dir_fd, "tmp", 0711, &tmp_fd, e);

    if (r == 0 && mkdirat(tmp_fd, name, 0700) < 0) {
        r = err_set(e, errno, "cannot create folder 'tmp/%s' in the store", name);
    }
    if (r < 0) {
        return r;
    }
    fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* Others can't come here: the store's top is 0700. Root of a map that is not the caller must be
     * able to write. */
    if (fd < 0 || fchmod(fd, 0777) < 0) {
        return err_set(e, errno, "cannot use folder 'tmp/%s' in the store", name);
    }
    /* Layers are filled here, see label.h. */
    r = label != NULL ? selinux_label(fd, label, e) : 0;
    if (r < 0) {
        return err_wrap(e, "folder 'tmp/%s' in the store", name);
    }
    *ret_name = steal_ptr(&name);
    *ret_fd = steal_fd(&fd);
    return 0;
}

void store_temp_remove(const struct store *store, const char *name,
                       const struct spec_idmap *uid_map, const struct spec_idmap *gid_map)
{
    autoclose int tmp_fd = openat(store->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err ignored = {0};

    if (tmp_fd >= 0) {
        (void)userns_remove_tree(uid_map, gid_map, tmp_fd, name, &ignored);
    }
}

int store_remove_tree(const struct store *store, const struct spec_idmap *uid_map,
                      const struct spec_idmap *gid_map, int dir_fd, const char *name, struct err *e)
{
    autoclose int tmp_fd = -1;
    struct err ignored = {0};
    int r = userns_remove_tree(uid_map, gid_map, dir_fd, name, e);

    if ((r == -EBUSY || r == -ENOTEMPTY) && mount_is_fs(dir_fd, NFS_SUPER_MAGIC) == 1 &&
        dir_make(store->dir_fd, "tmp", 0711, &tmp_fd, &ignored) == 0 &&
        renameat(dir_fd, name, tmp_fd, name) == 0) {
        err_clear(e);
        r = 0;
    }
    return r;
}
