/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One layer: a tar archive of the OCI image spec
 * (https://github.com/opencontainers/image-spec/blob/main/layer.md) becomes a lower folder of an
 * overlay mounted with userxattr. The current root is that folder: no name leads outside of it, and
 * names are resolved beneath it all the same. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char WHITEOUT[] = ".wh.";
static const char OPAQUE[] = ".wh..wh..opq";

/* A folder's times change with every entry made in it, so they are set at the end. */
struct folder_time {
    char *path;
    struct timespec mtime;
};

struct layer {
    const struct layer_options *o;
    struct archive *tar;
    int root_fd;
    struct folder_time *times;
    size_t time_count;
    uint64_t devices;
    struct room room;
    char
        *parent_path; /* the last parent folder and its descriptor: entries come folder by folder */
    int parent_fd;
};

/* ---- names */

/* "./usr//bin/" → "usr/bin"; "" is the root itself. Names with ".." or a NUL are refused. */
static int clean_name(const char *given, char **ret, struct err *e)
{
    autostrv struct strv parts = {0};
    struct buf b = {0};

    strv_split(&parts, given, '/');
    buf_puts(&b, "");
    for (size_t i = 0; i < parts.len; i++) {
        if (strcmp(parts.v[i], "..") == 0) {
            buf_done(&b);
            return err_new(e, EINVAL, "the layer has an entry '%s' that leads out of it", given);
        }
        if (*parts.v[i] != '\0' && strcmp(parts.v[i], ".") != 0) {
            buf_printf(&b, "%s%s", b.len > 0 ? "/" : "", parts.v[i]);
        }
    }
    *ret = b.data;
    return 0;
}

/* Where the entry or link target @given goes, below the root. */
static int place_name(const struct layer *l, const char *given, char **ret, struct err *e)
{
    autofree char *below =
        l->o->folder != NULL ? xasprintf("%s/%s", l->o->folder, given) : xstrdup(given);

    return clean_name(below, ret, e);
}

/* @count folders: each has a block of its own, and its inode and name. */
static int take_folders(struct layer *l, uint64_t count, struct err *e)
{
    int r = room_take_files(&l->room, count, e);

    return r < 0 ? r : room_take_blocks(&l->room, count * l->room.block_bytes, e);
}

/* Folders on the way to @path for which the layer has no entry are made, too. */
static int make_folders(struct layer *l, const char *path, int *ret_fd, struct err *e)
{
    size_t made = 0;
    int r = path_make_dirs_in_root(l->root_fd, path, &made, ret_fd, e);

    return r < 0 ? r : take_folders(l, made, e);
}

/* Open the folder of @name, made if the layer has no entry for it; *ret_base is the rest. Borrowed
 * until the next call. */
static int open_parent(struct layer *l, const char *name, int *ret_fd, const char **ret_base,
                       struct err *e)
{
    const char *slash = strrchr(name, '/');
    autofree char *parent = slash != NULL ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");
    int r = 0;

    *ret_base = slash != NULL ? slash + 1 : name;
    if (l->parent_path == NULL || strcmp(l->parent_path, parent) != 0) {
        autoclose int fd = -1;
        autoclose int path_fd = -1;

        r = make_folders(l, parent, &path_fd, e);
        if (r < 0) {
            return r;
        }
        fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            return err_set(e, errno, "cannot open folder '%s'", parent);
        }
        close_fd(&l->parent_fd);
        free(l->parent_path);
        l->parent_fd = steal_fd(&fd);
        l->parent_path = steal_ptr(&parent);
    }
    *ret_fd = l->parent_fd;
    return 0;
}

/* The cached parent may have been replaced by this entry. */
static void forget_parent(struct layer *l)
{
    close_fd(&l->parent_fd);
    free(l->parent_path);
    l->parent_path = NULL;
}

/* Make room for an entry: what an earlier entry put there goes, but a folder stays for a folder. In
 * a folder that is in use no folder goes, and none comes in place of something else. */
static int clear_place(const struct layer *l, int dir_fd, const char *base, mode_t type,
                       struct err *e)
{
    struct stat st;

    if (fstatat(dir_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : err_set(e, errno, "cannot stat '%s'", base);
    }
    if (S_ISDIR(st.st_mode) && type == AE_IFDIR) {
        return 0;
    }
    if (l->o->folder != NULL && !l->o->overwrite && (S_ISDIR(st.st_mode) || type == AE_IFDIR)) {
        return err_new(e, EEXIST, "'%s' is %s folder", base,
                       type == AE_IFDIR ? "there and no" : "a");
    }
    return dir_remove_tree(dir_fd, base, e);
}

/* ---- times of folders */

static void remember_time(struct layer *l, const char *name, struct archive_entry *entry)
{
    l->times = xrealloc(l->times, l->time_count + 1, sizeof(*l->times));
    l->times[l->time_count++] = (struct folder_time){
        .path = xstrdup(name),
        .mtime = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
}

static void set_folder_times(struct layer *l)
{
    for (size_t i = l->time_count; i > 0; i--) {
        struct folder_time *t = &l->times[i - 1];
        struct timespec times[2] = {t->mtime, t->mtime};
        struct err ignored = {0};
        autoclose int fd = -1;

        if (path_open_no_symlinks(l->root_fd, t->path, O_RDONLY | O_DIRECTORY, &fd, &ignored) ==
            0) {
            (void)futimens(fd, times);
        }
    }
}

/* ---- entries */

/* A folder hides those of the layers below. The second name is what fuse-overlayfs before 1.5
 * knows. */
static int mark_opaque(int dir_fd, struct err *e)
{
    static const char *const NAMES[] = {"user.overlay.opaque", "user.fuseoverlayfs.opaque"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (fsetxattr(dir_fd, NAMES[i], "y", 1, 0) < 0) {
            return errno == ENOTSUP
                       ? err_new(e, ENOTSUP,
                                 "a folder of it hides one of a layer below, and the store's file "
                                 "system has no extended attributes to keep that")
                       : err_set(e, errno, "cannot mark a folder as opaque");
        }
    }
    return 0;
}

static int make_whiteout(int dir_fd, const char *base, struct err *e)
{
    if (strcmp(base, OPAQUE) == 0) {
        return mark_opaque(dir_fd, e);
    }
    base += strlen(WHITEOUT);
    if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ||
        strncmp(base, WHITEOUT, 4) == 0) {
        return 0; /* .wh..wh.plnk and friends: aufs' own, without meaning here */
    }
    /* An entry of the same layer wins over a whiteout of that name. */
    if (mknodat(dir_fd, base, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST) {
        return errno == EPERM
                   ? err_new(e, ENOTSUP, "the store's file system takes no whiteout for '%s'", base)
                   : err_set(e, errno, "cannot create a whiteout for '%s'", base);
    }
    return 0;
}

/* @len bytes at @offset, after some that ended at @last: a sparse file takes what is not a hole. */
static int take_data(struct layer *l, uint64_t offset, uint64_t len, uint64_t last, struct err *e)
{
    uint64_t block = l->room.block_bytes;
    uint64_t rest = offset % block;

    /* What the block has that the last piece ended in is taken already. */
    return offset == last && rest > 0
               ? room_take_blocks(&l->room, len > block - rest ? len - (block - rest) : 0, e)
               : room_take_blocks(&l->room, rest + len, e);
}

static int write_data(struct layer *l, int fd, const char *name, int64_t size, struct err *e)
{
    const void *block = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    la_int64_t end = 0;
    int ar = ARCHIVE_OK;

    while ((ar = archive_read_data_block(l->tar, &block, &len, &offset)) == ARCHIVE_OK) {
        size_t done = 0;

        if (take_data(l, (uint64_t)offset, len, (uint64_t)end, e) < 0) {
            return -e->errnum;
        }
        while (done < len) {
            ssize_t n =
                pwrite(fd, (const char *)block + done, len - done, offset + (la_int64_t)done);

            if (n < 0 && errno != EINTR) {
                return err_set(e, errno, "cannot write '%s'", name);
            }
            done += n > 0 ? (size_t)n : 0;
        }
        end = offset + (la_int64_t)len;
    }
    if (ar != ARCHIVE_EOF) {
        return source_error(l->tar, e, name);
    }
    /* A hole at the end; where there is none, that is a journal's entry less. */
    return end < size && ftruncate(fd, size) < 0 ? err_set(e, errno, "cannot size '%s'", name) : 0;
}

static int make_regular(struct layer *l, struct place *p, struct archive_entry *entry,
                        struct err *e)
{
    p->fd = openat(p->dir_fd, p->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        return err_set(e, errno, "cannot create '%s'", archive_entry_pathname(entry));
    }
    return write_data(l, p->fd, archive_entry_pathname(entry), archive_entry_size(entry), e);
}

/* The target is an earlier entry of the layer, found beneath the root and without following it. */
static int make_hardlink(struct layer *l, const struct place *p, const char *target, struct err *e)
{
    autofree char *name = NULL;
    autofree char *folder = NULL;
    autoclose int target_dir_fd = -1;
    char *slash = NULL;
    int r = place_name(l, target, &name, e);

    if (r < 0) {
        return r;
    }
    folder = xstrdup(name);
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    r = path_open_in_root(l->root_fd, slash != NULL ? folder : ".", O_PATH | O_DIRECTORY,
                          &target_dir_fd, e);
    if (r < 0) {
        return err_wrap(e, "hard link to '%s'", target);
    }
    if (linkat(target_dir_fd, slash != NULL ? slash + 1 : name, p->dir_fd, p->base, 0) < 0) {
        return err_set(e, errno, "cannot make a hard link to '%s'", target);
    }
    return 0;
}

static int made(int r, const char *name, struct err *e)
{
    return r < 0 ? err_set(e, errno, "cannot create '%s'", name) : 0;
}

/* -EEXIST: something is there. */
static int make_node(struct layer *l, struct place *p, struct archive_entry *entry, struct err *e)
{
    const char *name = archive_entry_pathname(entry);

    if (archive_entry_hardlink(entry) != NULL) {
        return make_hardlink(l, p, archive_entry_hardlink(entry), e);
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return make_regular(l, p, entry, e);
    case AE_IFDIR:
        return made(mkdirat(p->dir_fd, p->base, 0700), name, e);
    case AE_IFLNK:
        return made(symlinkat(archive_entry_symlink(entry), p->dir_fd, p->base), name, e);
    case AE_IFIFO:
        return made(mkfifoat(p->dir_fd, p->base, 0600), name, e);
    default:
        return err_new(e, EINVAL, "'%s' is of an unknown kind", name);
    }
}

/* Most places are free: what is there is looked at only where one is not. */
static int make_in_place(struct layer *l, struct place *p, struct archive_entry *entry,
                         struct err *e)
{
    mode_t type = archive_entry_hardlink(entry) != NULL ? AE_IFREG : archive_entry_filetype(entry);
    int r = make_node(l, p, entry, e);

    if (r != -EEXIST) {
        return r;
    }
    err_clear(e);
    r = clear_place(l, p->dir_fd, p->base, type, e);
    r = r < 0 ? r : make_node(l, p, entry, e);
    if (r == -EEXIST && type == AE_IFDIR) { /* a folder, which stays */
        err_clear(e);
        r = 0;
    }
    return r;
}

/* All that the entry takes, but for a file's data. */
static int take_entry(struct layer *l, struct archive_entry *entry, struct err *e)
{
    enum {
        INLINE_BYTES = 60 /* a link that is shorter stands in its inode */
    };
    const char *target = archive_entry_symlink(entry);
    uint64_t bytes = target != NULL && strlen(target) >= INLINE_BYTES ? 1 : 0;
    int r = archive_entry_filetype(entry) == AE_IFDIR ? take_folders(l, 1, e)
                                                      : room_take_files(&l->room, 1, e);

    r = r < 0 ? r : room_take_blocks(&l->room, bytes, e);
    return r < 0 || archive_entry_xattr_count(entry) == 0 ? r : room_take_blocks(&l->room, 1, e);
}

static int is_device(mode_t type)
{
    return type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK;
}

static int unpack_named(struct layer *l, const char *name, struct archive_entry *entry,
                        struct err *e)
{
    int is_hardlink = archive_entry_hardlink(entry) != NULL;
    mode_t type = archive_entry_filetype(entry);
    struct place p = {.fd = -1};
    int r = open_parent(l, name, &p.dir_fd, &p.base, e);

    if (r < 0) {
        return r;
    }
    r = is_hardlink ? 0 : take_entry(l, entry, e);
    if (r == 0 && l->o->folder == NULL && strncmp(p.base, WHITEOUT, strlen(WHITEOUT)) == 0) {
        return make_whiteout(p.dir_fd, p.base, e);
    }
    r = r < 0 ? r : make_in_place(l, &p, entry, e);
    if (r == 0 && !is_hardlink) {
        r = attributes_set(l->o, &p, entry, e);
    }
    close_fd(&p.fd);
    if (r == 0 && type == AE_IFDIR && !is_hardlink) {
        remember_time(l, name, entry);
    }
    if (type == AE_IFLNK || type == AE_IFDIR) {
        forget_parent(l);
    }
    return r;
}

static int unpack_entry(struct layer *l, struct archive_entry *entry, struct err *e)
{
    const char *given = archive_entry_pathname(entry);
    autofree char *name = NULL;
    int r = 0;

    if (given == NULL) {
        return err_new(e, EINVAL, "the layer has an entry without a name");
    }
    if (is_device(archive_entry_filetype(entry)) && archive_entry_hardlink(entry) == NULL) {
        l->devices++;
        return 0;
    }
    r = place_name(l, given, &name, e);
    if (r < 0) {
        return r;
    }
    if (*name == '\0') { /* the root itself */
        return archive_entry_filetype(entry) == AE_IFDIR && l->o->folder == NULL
                   ? attributes_set(l->o, &(struct place){l->root_fd, ".", -1}, entry, e)
                   : 0;
    }
    return unpack_named(l, name, entry, e);
}

static int unpack_all(struct layer *l, struct err *e)
{
    struct archive_entry *entry = NULL;
    int r = 0;

    while (r == 0) {
        int ar = archive_read_next_header(l->tar, &entry);

        if (ar == ARCHIVE_EOF) {
            return 0;
        }
        r = ar < ARCHIVE_WARN ? source_error(l->tar, e, "damaged layer")
                              : unpack_entry(l, entry, e);
    }
    return r;
}

int layer_fill(const struct layer_options *o, feed *from, void *arg, struct layer_result *ret,
               struct err *e)
{
    struct layer l = {.o = o, .parent_fd = -1};
    int r = 0;

    l.root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = l.root_fd < 0 ? err_set(e, errno, "cannot open the layer's folder")
                      : tar_open(from, arg, &l.tar, e);
    if (r == 0) {
        room_open(&l.room, &o->max, l.root_fd);
        r = unpack_all(&l, e);
        (void)archive_read_free(l.tar);
    }
    if (r == 0) {
        set_folder_times(&l);
        *ret = (struct layer_result){.devices = l.devices, .taken = l.room.taken};
    }
    forget_parent(&l);
    for (size_t i = 0; i < l.time_count; i++) {
        free(l.times[i].path);
    }
    free(l.times);
    close_fd(&l.root_fd);
    return r;
}

int put_run(const struct layer_options *o, struct err *e)
{
    struct source *s = xcalloc(1, sizeof(*s));
    struct layer_result made = {0};
    int r = 0;

    s->is_undigested = 1;
    r = source_open(s, e);
    r = r < 0 ? r : layer_fill(o, source_read, s, &made, e);
    if (r == 0) {
        (void)printf("{\"devices\":%" PRIu64 "}\n", made.devices);
    }
    source_done(s);
    free(s);
    return r;
}
