/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two folders: a container's root and its image. Of files that share their
 * place on disk (an overlay's, not written to) nothing but the attributes is read; of others of
 * equal size, time, owner and mode, the content. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 400, /* each folder on the way holds two descriptors */
    NAMES_BYTES = 65536,
    CHUNK_BYTES = 65536
};

struct changes {
    int (*say)(void *arg, char kind, const char *path, struct err *e);
    void *arg;
};

/* A folder of either side; -1: that side has none. */
struct sides {
    int new_fd;
    int old_fd;
};

/* ---- comparing one file */

static int open_below(int dir_fd, const char *name, int flags)
{
    return openat(dir_fd, name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int same_bytes(int a_fd, int b_fd)
{
    static char a[CHUNK_BYTES];
    static char b[CHUNK_BYTES];

    for (;;) {
        ssize_t n = read(a_fd, a, sizeof(a));

        if (n <= 0) {
            return n == 0;
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t m = read(b_fd, b + done, (size_t)(n - done));

            if (m <= 0) {
                return 0;
            }
            done += m;
        }
        if (memcmp(a, b, (size_t)n) != 0) {
            return 0;
        }
    }
}

/* Has @b_fd every attribute of @a_fd, with its value? */
static int has_xattrs(int a_fd, int b_fd)
{
    static char names[NAMES_BYTES];
    ssize_t len = flistxattr(a_fd, names, sizeof(names));

    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
        char a[4096];
        char b[4096];
        ssize_t n = fgetxattr(a_fd, names + i, a, sizeof(a));

        if (n >= 0 && !attributes_is_label(names + i) &&
            (fgetxattr(b_fd, names + i, b, sizeof(b)) != n || memcmp(a, b, (size_t)n) != 0)) {
            return 0;
        }
    }
    return 1;
}

static int same_link(const struct sides *s, const char *name)
{
    char a[4097];
    char b[4097];
    ssize_t n = readlinkat(s->new_fd, name, a, sizeof(a));

    return n >= 0 && readlinkat(s->old_fd, name, b, sizeof(b)) == n && memcmp(a, b, (size_t)n) == 0;
}

static int same_content(const struct sides *s, const char *name, mode_t mode)
{
    autoclose int a_fd = -1;
    autoclose int b_fd = -1;

    if (S_ISLNK(mode)) {
        return same_link(s, name);
    }
    if (!S_ISREG(mode) && !S_ISDIR(mode)) {
        return 1;
    }
    a_fd = open_below(s->new_fd, name, 0);
    b_fd = open_below(s->old_fd, name, 0);
    return a_fd >= 0 && b_fd >= 0 && has_xattrs(a_fd, b_fd) && has_xattrs(b_fd, a_fd) &&
           (S_ISDIR(mode) || same_bytes(a_fd, b_fd));
}

static int same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int is_same(const struct sides *s, const char *name, const struct stat *a,
                   const struct stat *b)
{
    if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
        a->st_rdev != b->st_rdev) {
        return 0;
    }
    /* A layer's whiteouts have the time at which it was unpacked. */
    if (S_ISCHR(a->st_mode) && a->st_rdev == 0) {
        return 1;
    }
    if (!S_ISDIR(a->st_mode) &&
        (a->st_size != b->st_size || !same_time(&a->st_mtim, &b->st_mtim))) {
        return 0;
    }
    /* Nothing can set this one: the same time of change is the same file. */
    return same_time(&a->st_ctim, &b->st_ctim) || same_content(s, name, a->st_mode);
}

/* ---- folders */

static int read_names(int fd, struct strv *ret, struct err *e)
{
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int copy = fd >= 0 ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0) {
        return 0;
    }
    d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL) {
        return err_set(e, errno, "cannot read a folder");
    }
    while ((entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            strv_push(ret, entry->d_name);
        }
    }
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of both sides, each once, in order. */
static int read_both(const struct sides *s, struct strv *ret, struct err *e)
{
    autostrv struct strv all = {0};
    int r = read_names(s->new_fd, &all, e);

    r = r < 0 ? r : read_names(s->old_fd, &all, e);
    if (r == 0 && all.len > 0) {
        qsort(all.v, all.len, sizeof(*all.v), by_bytes);
    }
    for (size_t i = 0; r == 0 && i < all.len; i++) {
        if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0) {
            strv_push(ret, all.v[i]);
        }
    }
    return r;
}

/* A folder is told once it or anything in it differs; those not told yet are on this list. */
struct level {
    const struct level *above;
    char *path;
    int *told;
    int depth;
};

static int say_folders(const struct changes *c, const struct level *l, struct err *e)
{
    int r = 0;

    if (l == NULL || *l->told) {
        return 0;
    }
    r = say_folders(c, l->above, e);
    *l->told = 1;
    return r < 0 || *l->path == '\0' ? r : c->say(c->arg, 'C', l->path, e);
}

static int compare(const struct changes *c, const struct sides *s, const struct level *above,
                   struct err *e);

static int enter(const struct changes *c, const struct sides *s, const char *name,
                 const struct level *l, int both, struct err *e)
{
    struct sides below = {.new_fd = open_below(s->new_fd, name, O_DIRECTORY), .old_fd = -1};
    int r = 0;

    if (below.new_fd < 0) {
        return err_set(e, errno, "cannot open '%s'", l->path);
    }
    if (both) {
        below.old_fd = open_below(s->old_fd, name, O_DIRECTORY);
        r = below.old_fd < 0 ? err_set(e, errno, "cannot open '%s' of the image", l->path) : 0;
    }
    r = r < 0 ? r : compare(c, &below, l, e);
    (void)close(below.new_fd);
    close_fd(&below.old_fd);
    return r;
}

static int lstat_below(int dir_fd, const char *name, struct stat *st)
{
    return dir_fd >= 0 && fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int compare_name(const struct changes *c, const struct sides *s, const char *name,
                        const struct level *above, struct err *e)
{
    struct stat a;
    struct stat b;
    int is_new = lstat_below(s->new_fd, name, &a);
    int is_old = lstat_below(s->old_fd, name, &b);
    int told = 0;
    struct level l = {.above = above, .told = &told, .depth = above->depth + 1};
    int r = 0;

    if (!is_new && !is_old) {
        return 0; /* gone meanwhile */
    }
    l.path = xasprintf("%s/%s", above->path, name);
    if (!is_new || !is_old || !is_same(s, name, &a, &b)) {
        r = say_folders(c, above, e);
        told = 1;
        r = r < 0 ? r : c->say(c->arg, !is_old ? 'A' : is_new ? 'C' : 'D', l.path, e);
    }
    if (r == 0 && is_new && S_ISDIR(a.st_mode)) {
        r = enter(c, s, name, &l, is_old && S_ISDIR(b.st_mode), e);
    }
    free(l.path);
    return r;
}

static int compare(const struct changes *c, const struct sides *s, const struct level *above,
                   struct err *e)
{
    autostrv struct strv names = {0};
    int r = above->depth > DEPTH_MAX
                ? err_new(e, ELOOP, "more than %d folders in each other", DEPTH_MAX)
                : read_both(s, &names, e);

    for (size_t i = 0; r == 0 && i < names.len; i++) {
        r = compare_name(c, s, names.v[i], above, e);
    }
    return r;
}

static int compare_all(const struct changes *c, struct err *e)
{
    autoclose int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct sides s = {.new_fd = root_fd, .old_fd = STDIN_FILENO};
    char top[] = "";
    int told = 0;

    return root_fd < 0 ? err_set(e, errno, "cannot open the root")
                       : compare(c, &s, &(struct level){.path = top, .told = &told}, e);
}

/* ---- what is done with the answer */

static int print(void *arg, char kind, const char *path, struct err *e)
{
    (void)arg;
    return printf("%c%s%c", kind, path, 0) < 0 ? err_set(e, errno, "cannot write") : 0;
}

int changes_run(struct err *e)
{
    const struct changes c = {.say = print};

    return compare_all(&c, e);
}

static int pack_change(void *arg, char kind, const char *path, struct err *e)
{
    autofree char *name = NULL;
    const char *slash = strrchr(path, '/');

    if (kind != 'D') {
        return pack_path(arg, path + 1, e);
    }
    name = xasprintf("%.*s.wh.%s", (int)(slash - path), path + 1, slash + 1);
    return pack_whiteout(arg, name, e);
}

int pack_changes_run(struct err *e)
{
    struct pack *p = NULL;
    struct changes c = {.say = pack_change};
    int r = pack_begin(/* cross_mounts= */ 0, &p, e);

    c.arg = p;
    r = r < 0 ? r : compare_all(&c, e);
    return pack_end(p, r, e);
}
