/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/path.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/compat.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SYMLINKS_MAX = 40,
    OPENAT2_TRIES = 32
};

static int openat2_call(int root_fd, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(uint32_t)(flags | O_CLOEXEC), .resolve = resolve};
    long fd = -1;

    /* EAGAIN: a rename elsewhere raced with "..", the kernel could not prove that we stayed inside.
     */
    for (int i = 0; i < OPENAT2_TRIES; i++) {
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN) {
            break;
        }
    }
    return (int)fd;
}

/* ---- The fallback: the same walk in user space. The stack of open folders makes ".." safe: it
 * never asks the kernel for a parent, so a folder moved away underneath cannot lead outside. */

struct walk {
    int stack[PATH_MAX / 2]; /* stack[0] is the root, borrowed; the rest are owned */
    size_t depth;
    struct strv todo; /* components still to go, last first */
    int links;
    int no_symlinks;
};

static void walk_push_path(struct walk *w, const char *path)
{
    autostrv struct strv parts = {0};

    strv_split(&parts, path, '/');
    for (size_t i = parts.len; i > 0; i--) {
        if (parts.v[i - 1][0] != '\0' && strcmp(parts.v[i - 1], ".") != 0) {
            strv_push(&w->todo, parts.v[i - 1]);
        }
    }
}

static void walk_pop_to(struct walk *w, size_t depth)
{
    while (w->depth > depth) {
        (void)close(w->stack[--w->depth]);
    }
}

static void walk_done(struct walk *w)
{
    walk_pop_to(w, 1);
    strv_done(&w->todo);
}

static int walk_link(struct walk *w, int fd)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);

    if (n < 0) {
        return -errno;
    }
    if (w->no_symlinks || ++w->links > SYMLINKS_MAX) {
        return -ELOOP;
    }
    target[n] = '\0';
    if (target[0] == '/') {
        walk_pop_to(w, 1);
    }
    walk_push_path(w, target);
    return 0;
}

/* Take one step to @name. @last_nofollow: a symlink here is the result, not a way. */
static int walk_step(struct walk *w, const char *name, int last_nofollow)
{
    struct stat st;
    int fd = -1;

    if (strcmp(name, "..") == 0) {
        if (w->depth > 1) {
            walk_pop_to(w, w->depth - 1);
        }
        return 0;
    }
    fd = openat(w->stack[w->depth - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0) {
        int errnum = errno;

        (void)close(fd);
        return -errnum;
    }
    if (S_ISLNK(st.st_mode) && !last_nofollow) {
        int r = walk_link(w, fd);

        (void)close(fd);
        return r;
    }
    if (w->depth >= sizeof(w->stack) / sizeof(w->stack[0])) {
        (void)close(fd);
        return -ENAMETOOLONG;
    }
    w->stack[w->depth++] = fd;
    return 0;
}

/* Reopen the O_PATH descriptor of the walk's end with the flags that were asked for. */
static int walk_result(const struct walk *w, int flags)
{
    struct path_proc_fd link = path_proc_fd(w->stack[w->depth - 1]);

    if ((flags & O_PATH) != 0) {
        struct stat st;
        int fd = -1;

        if ((flags & O_DIRECTORY) != 0 && fstat(w->stack[w->depth - 1], &st) == 0 &&
            !S_ISDIR(st.st_mode)) {
            errno = ENOTDIR;
            return -1;
        }
        fd = fcntl(w->stack[w->depth - 1], F_DUPFD_CLOEXEC, 3);
        return fd;
    }
    return open(link.s, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
}

static int walk_open(int root_fd, const char *path, int flags, int no_symlinks)
{
    struct walk *w = xcalloc(1, sizeof(*w));
    int fd = -1;
    int r = 0;

    w->stack[0] = root_fd;
    w->depth = 1;
    w->no_symlinks = no_symlinks;
    walk_push_path(w, path);
    while (r == 0 && w->todo.len > 0) {
        autofree char *name = w->todo.v[--w->todo.len];

        w->todo.v[w->todo.len] = NULL;
        r = walk_step(w, name, w->todo.len == 0 && (flags & O_NOFOLLOW) != 0);
    }
    if (r == 0) {
        fd = walk_result(w, flags);
        r = fd < 0 ? -errno : 0;
    }
    walk_done(w);
    free(w);
    errno = -r;
    return r < 0 ? -1 : fd;
}

static int open_policy(int root_fd, const char *path, int flags, uint64_t resolve, int no_symlinks)
{
    int fd = openat2_call(root_fd, path[0] != '\0' ? path : ".", flags, resolve);

    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        fd = walk_open(root_fd, path, flags, no_symlinks);
    }
    return fd;
}

int path_open_in_root(int root_fd, const char *path, int flags, int *ret_fd, struct err *e)
{
    int fd = open_policy(root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, 0);

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

int path_open_no_symlinks(int root_fd, const char *path, int flags, int *ret_fd, struct err *e)
{
    int fd = open_policy(root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, 1);

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

/* ---- Making what is missing. Each component is opened through the policy; what does not exist is
 * created in the folder reached so far; a dangling link is replaced, in the walk, by its target. */

enum make_kind {
    MAKE_DIR,
    MAKE_FILE
};

struct making {
    int root_fd;
    enum make_kind kind;
    int links;
    size_t made; /* folders */
};

static int make_path(struct making *m, const char *path, int *ret_fd, struct err *e);

/* @name in @parent_fd is a link whose target does not exist: make the target, as seen from within
 * the root. */
static int make_link_target(struct making *m, int parent_fd, const char *parent, const char *name,
                            int *ret_fd, struct err *e)
{
    char target[PATH_MAX];
    autofree char *next = NULL;
    ssize_t n = readlinkat(parent_fd, name, target, sizeof(target) - 1);

    if (n < 0) {
        return err_set(e, errno, "cannot read the link '%s/%s'", parent, name);
    }
    if (++m->links > SYMLINKS_MAX) {
        return err_set(e, ELOOP, "cannot create '%s/%s'", parent, name);
    }
    target[n] = '\0';
    next = target[0] == '/' ? xstrdup(target) : xasprintf("%s/%s", parent, target);
    return make_path(m, next, ret_fd, e);
}

static int make_entry(struct making *m, int parent_fd, const char *parent, const char *name,
                      int *ret_fd, struct err *e)
{
    int fd = -1;
    int r = 0;

    if (m->kind == MAKE_DIR) {
        r = mkdirat(parent_fd, name, 0755);
        m->made += r == 0;
    } else {
        fd = openat(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        r = fd < 0 ? -1 : close(fd);
    }
    if (r < 0 && errno == EEXIST) {
        return make_link_target(m, parent_fd, parent, name, ret_fd, e);
    }
    if (r < 0) {
        return err_set(e, errno, "cannot create '%s/%s'", parent, name);
    }
    fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s/%s'", parent, name);
    }
    *ret_fd = fd;
    return 0;
}

static int make_path(struct making *m, const char *path, int *ret_fd, struct err *e)
{
    autofree char *copy = xstrdup(path);
    autoclose int parent_fd = -1;
    struct making up = *m;
    size_t len = strlen(copy);
    char *slash = NULL;
    int flags = m->kind == MAKE_DIR ? O_PATH | O_DIRECTORY : O_PATH;
    int r = path_open_in_root(m->root_fd, path, flags, ret_fd, e);

    if (r != -ENOENT) {
        return r;
    }
    while (len > 0 && copy[len - 1] == '/') {
        copy[--len] = '\0';
    }
    slash = strrchr(copy, '/');
    if (len == 0 || strcmp(slash != NULL ? slash + 1 : copy, "..") == 0) {
        return err_set(e, ENOENT, "cannot create '%s'", path);
    }
    if (slash == NULL) {
        return make_entry(m, m->root_fd, "", copy, ret_fd, e);
    }
    *slash = '\0';
    up.kind = MAKE_DIR;
    r = make_path(&up, copy, &parent_fd, e);
    m->links = up.links;
    m->made = up.made;
    if (r < 0) {
        return r;
    }
    return make_entry(m, parent_fd, copy, slash + 1, ret_fd, e);
}

int path_make_dirs_in_root(int root_fd, const char *path, size_t *made, int *ret_fd, struct err *e)
{
    struct making m = {.root_fd = root_fd, .kind = MAKE_DIR};
    int r = make_path(&m, path, ret_fd, e);

    *made += m.made;
    return r;
}

int path_make_dir_in_root(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    size_t made = 0;

    return path_make_dirs_in_root(root_fd, path, &made, ret_fd, e);
}

int path_make_file_in_root(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    struct making m = {.root_fd = root_fd, .kind = MAKE_FILE};

    return make_path(&m, path, ret_fd, e);
}

int path_open_file_in_root(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    autoclose int fd = -1;
    struct stat st;
    int r = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd, e);

    if (r < 0) {
        return r;
    }
    if (fstat(fd, &st) < 0) {
        return err_set(e, errno, "cannot stat '%s'", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_new(e, EINVAL, "'%s' is not a regular file", path);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int path_read_in_root(int root_fd, const char *path, size_t max_bytes, char **ret_data,
                      size_t *ret_len, struct err *e)
{
    autoclose int fd = -1;
    int r = path_open_file_in_root(root_fd, path, &fd, e);

    if (r < 0) {
        return r;
    }
    if (fd_read_all(fd, max_bytes, ret_data, ret_len, e) < 0) {
        return err_wrap(e, "'%s'", path);
    }
    return 0;
}

struct path_proc_fd path_proc_fd(int fd)
{
    struct path_proc_fd p;

    (void)snprintf(p.s, sizeof(p.s), "/proc/self/fd/%d", fd);
    return p;
}

struct sockaddr_un path_socket_address(int dir_fd, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
    return a;
}
