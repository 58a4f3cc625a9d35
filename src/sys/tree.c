/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/tree.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 1024,
    XATTR_NAMES_BYTES = 65536
};

/* A file with several names: where its first copy stands, so that the others become links to it. */
struct link_row {
    dev_t dev;
    ino_t ino;
    int dir_fd; /* of the copy; a duplicate we own */
    char *name;
};

struct copying {
    dev_t dev;
    int is_layer; /* of an image, with the marks of overlays */
    struct link_row *links;
    size_t link_count;
};

static void copying_done(struct copying *c)
{
    for (size_t i = 0; i < c->link_count; i++) {
        (void)close(c->links[i].dir_fd);
        free(c->links[i].name);
    }
    free(c->links);
}

/* Overlays keep their marks in these, which mean nothing elsewhere; nor is a label of SELinux right
 * in another place. */
static int is_mark(const char *xattr)
{
    return str_eq(xattr, "security.selinux") || str_after(xattr, "user.overlay.") != NULL ||
           str_after(xattr, "user.fuseoverlayfs.") != NULL;
}

static void copy_xattrs(int from_fd, int to_fd)
{
    struct path_proc_fd from = path_proc_fd(from_fd);
    struct path_proc_fd to = path_proc_fd(to_fd);
    autofree char *names = xmalloc(XATTR_NAMES_BYTES);
    ssize_t len = listxattr(from.s, names, XATTR_NAMES_BYTES);

    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
        char value[4096];
        ssize_t n = is_mark(names + i) ? -1 : getxattr(from.s, names + i, value, sizeof(value));

        if (n >= 0) {
            (void)setxattr(to.s, names + i, value, (size_t)n, 0); /* best effort, as documented */
        }
    }
}

static void copy_attributes(int from_fd, int to_fd, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};

    (void)!fchown(to_fd, st->st_uid, st->st_gid);
    (void)fchmod(to_fd, st->st_mode & 07777);
    copy_xattrs(from_fd, to_fd);
    (void)futimens(to_fd, times);
}

int tree_copy_data(int from_fd, int to_fd)
{
    if (ioctl(to_fd, FICLONE, from_fd) == 0) {
        return 0;
    }
    for (;;) {
        ssize_t n = sendfile(to_fd, from_fd, NULL, 1 << 30);

        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct err *e)
{
    autoclose int from_fd = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    autoclose int to_fd = -1;
    int r = 0;

    if (from_fd < 0) {
        return err_set(e, errno, "cannot read '%s'", name);
    }
    to_fd = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to_fd < 0) {
        return err_set(e, errno, "cannot create '%s'", name);
    }
    r = tree_copy_data(from_fd, to_fd);
    if (r < 0) {
        return err_set(e, -r, "cannot copy '%s'", name);
    }
    copy_attributes(from_fd, to_fd, st);
    return 0;
}

static int copy_symlink(int from_dir, int to_dir, const char *name, struct err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

    if (n < 0) {
        return err_set(e, errno, "cannot read the link '%s'", name);
    }
    target[n] = '\0';
    if (symlinkat(target, to_dir, name) < 0) {
        return err_set(e, errno, "cannot create the link '%s'", name);
    }
    return 0;
}

/* Owner and times of what can't be opened to set them: links and FIFOs. */
static void copy_owner_and_times(int to_dir, const char *name, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};

    (void)!fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
    (void)utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* 1: @name was made a link to an earlier copy. */
static int copy_link(const struct copying *c, int to_dir, const char *name, const struct stat *st,
                     struct err *e)
{
    for (size_t i = 0; st->st_nlink > 1 && i < c->link_count; i++) {
        const struct link_row *l = &c->links[i];

        if (l->dev == st->st_dev && l->ino == st->st_ino) {
            return linkat(l->dir_fd, l->name, to_dir, name, 0) < 0
                       ? err_set(e, errno, "cannot link '%s'", name)
                       : 1;
        }
    }
    return 0;
}

static void remember_link(struct copying *c, int to_dir, const char *name, const struct stat *st)
{
    int dir_fd = st->st_nlink > 1 ? fcntl(to_dir, F_DUPFD_CLOEXEC, 3) : -1;

    if (dir_fd < 0) {
        return;
    }
    c->links = xrealloc(c->links, c->link_count + 1, sizeof(*c->links));
    c->links[c->link_count++] = (struct link_row){
        .dev = st->st_dev, .ino = st->st_ino, .dir_fd = dir_fd, .name = xstrdup(name)};
}

static int copy_folder(struct copying *c, int from_fd, int to_fd, int depth, struct err *e);

static int copy_subfolder(struct copying *c, int from_dir, int to_dir, const char *name, int depth,
                          struct err *e)
{
    autoclose int from_fd = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int to_fd = -1;

    if (from_fd < 0) {
        return err_set(e, errno, "cannot read folder '%s'", name);
    }
    if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot create folder '%s'", name);
    }
    to_fd = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to_fd < 0) {
        return err_set(e, errno, "cannot open folder '%s'", name);
    }
    return copy_folder(c, from_fd, to_fd, depth + 1, e);
}

/* Make way for entry @name of a layer. Returns 1 when that is all it is there for. */
static int replace(int from_dir, int to_dir, const char *name, const struct stat *st, struct err *e)
{
    autoclose int fd = -1;
    char mark = 0;
    struct stat old;
    int is_whiteout = S_ISCHR(st->st_mode) && st->st_rdev == 0;
    int r = 0;

    if (fstatat(to_dir, name, &old, AT_SYMLINK_NOFOLLOW) < 0) {
        return is_whiteout;
    }
    if (S_ISDIR(st->st_mode) && S_ISDIR(old.st_mode)) {
        fd = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fgetxattr(fd, "user.overlay.opaque", &mark, 1) != 1 || mark != 'y') {
            return 0;
        }
    }
    r = dir_remove_tree(to_dir, name, e);
    return r < 0 ? r : is_whiteout;
}

static int copy_entry(struct copying *c, int from_dir, int to_dir, const char *name, int depth,
                      struct err *e)
{
    struct stat st;
    int r = 0;

    if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_set(e, errno, "cannot stat '%s'", name);
    }
    if (st.st_dev != c->dev) {
        return 0;
    }
    r = c->is_layer ? replace(from_dir, to_dir, name, &st, e) : 0;
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (S_ISDIR(st.st_mode)) {
        return copy_subfolder(c, from_dir, to_dir, name, depth, e);
    }
    r = copy_link(c, to_dir, name, &st, e);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (S_ISREG(st.st_mode)) {
        r = copy_file(from_dir, to_dir, name, &st, e);
    } else if (S_ISLNK(st.st_mode)) {
        r = copy_symlink(from_dir, to_dir, name, e);
    } else if (S_ISFIFO(st.st_mode) && mkfifoat(to_dir, name, st.st_mode & 07777) < 0) {
        r = err_set(e, errno, "cannot create FIFO '%s'", name);
    }
    if (r == 0 && !S_ISREG(st.st_mode)) {
        copy_owner_and_times(to_dir, name, &st);
    }
    if (r == 0) {
        remember_link(c, to_dir, name, &st);
    }
    return r;
}

static int copy_folder(struct copying *c, int from_fd, int to_fd, int depth, struct err *e)
{
    autoclosedir DIR *d = dir_open(from_fd, ".");
    const struct dirent *entry = NULL;
    struct stat st;
    int r = 0;

    if (d == NULL || fstat(from_fd, &st) < 0) {
        return err_set(e, errno, "cannot read a folder");
    }
    if (depth > DEPTH_MAX) {
        return err_set(e, ELOOP, "folders nested too deep");
    }
    while (r == 0 && dir_next(d, &entry) > 0) {
        r = copy_entry(c, from_fd, to_fd, entry->d_name, depth, e);
    }
    copy_attributes(from_fd, to_fd, &st);
    return r;
}

static int copy_tree(int from_fd, int to_fd, int is_layer, struct err *e)
{
    struct copying c = {.is_layer = is_layer};
    struct stat st;
    int r = 0;

    if (fstat(from_fd, &st) < 0) {
        return err_set(e, errno, "cannot stat the folder to copy");
    }
    c.dev = st.st_dev;
    r = copy_folder(&c, from_fd, to_fd, 0, e);
    copying_done(&c);
    return r;
}

int tree_copy(int from_fd, int to_fd, struct err *e)
{
    return copy_tree(from_fd, to_fd, 0, e);
}

int tree_copy_layer(int from_fd, int to_fd, struct err *e)
{
    return copy_tree(from_fd, to_fd, 1, e);
}

/* ---- walking */

static int walk_folder(int fd, const struct tree_walk *w, int depth, struct err *e);

static int walk_entry(int dir_fd, const char *name, const struct stat *top, int depth,
                      const struct tree_walk *w, struct err *e)
{
    struct stat st;
    int r = 0;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != top->st_dev) {
        return 0;
    }
    r = w->visit(dir_fd, name, &st, w->arg, e);
    if (r == 0 && S_ISDIR(st.st_mode)) {
        autoclose int sub_fd =
            openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (sub_fd < 0) {
            return w->skip_unreadable ? 0 : err_set(e, errno, "cannot open '%s'", name);
        }
        r = walk_folder(sub_fd, w, depth + 1, e);
    }
    return r;
}

static int walk_folder(int fd, const struct tree_walk *w, int depth, struct err *e)
{
    autoclosedir DIR *d = dir_open(fd, ".");
    const struct dirent *entry = NULL;
    struct stat top;
    int r = 0;

    if (d == NULL || fstat(dirfd(d), &top) < 0) {
        return w->skip_unreadable ? 0 : err_set(e, errno, "cannot read a folder");
    }
    if (depth > DEPTH_MAX) {
        return err_set(e, ELOOP, "folders nested too deep");
    }
    while (r == 0 && dir_next(d, &entry) > 0) {
        r = walk_entry(dirfd(d), entry->d_name, &top, depth, w, e);
    }
    return r;
}

int tree_walk(int fd, const struct tree_walk *w, struct err *e)
{
    struct stat st;
    int r = fstat(fd, &st) < 0 ? err_set(e, errno, "cannot stat a folder")
                               : w->visit(fd, "", &st, w->arg, e);

    return r != 0 || !S_ISDIR(st.st_mode) ? r : walk_folder(fd, w, 0, e);
}

/* ---- owners */

struct owner {
    uid_t uid;
    gid_t gid;
};

static int chown_entry(int dir_fd, const char *name, const struct stat *st, void *arg,
                       struct err *e)
{
    const struct owner *o = arg;

    (void)st;
    if (fchownat(dir_fd, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0) {
        return 0;
    }
    return *name != '\0' ? err_set(e, errno, "cannot change the owner of '%s'", name)
                         : err_set(e, errno, "cannot change the owner");
}

int tree_chown(int fd, uid_t uid, gid_t gid, struct err *e)
{
    struct owner o = {.uid = uid, .gid = gid};

    return tree_walk(fd, &(struct tree_walk){.visit = chown_entry, .arg = &o}, e);
}
