/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/dir.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- listing */

DIR *dir_open(int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d != NULL) {
        (void)steal_fd(&fd);
    }
    return d;
}

int dir_next(DIR *d, const struct dirent **ret)
{
    do {
        errno = 0;
        *ret = readdir(d);
    } while (*ret != NULL &&
             (strcmp((*ret)->d_name, ".") == 0 || strcmp((*ret)->d_name, "..") == 0));
    return *ret != NULL ? 1 : -errno;
}

/* ---- removing */

enum {
    DEPTH_OPEN = 64,  /* so many folders are open at a time */
    DEPTH_MAX = 4096, /* where they can't be moved: the depth at which recursion ends */
};

struct removal {
    dev_t dev;
    int top_fd;
    unsigned int moved; /* so many folders have been moved to the top */
    int first_errnum;
};

static void removal_failed(struct removal *t, int errnum)
{
    if (t->first_errnum == 0) {
        t->first_errnum = errnum;
    }
}

/* Open a folder for emptying; one that is ours but unreadable (overlay's work folder is 000) is
 * opened up first. */
static int open_folder(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, 0) == 0) {
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

/* The name at the top of the folder that was moved as number @i. */
struct place {
    char name[32];
};

static struct place place_of(unsigned int i)
{
    struct place p;

    (void)snprintf(p.name, sizeof(p.name), ".removed-%u", i);
    return p;
}

/* A folder deep down goes to the top, where it is removed once everything above it is closed: that
 * takes neither descriptors nor ".." on which another process would have a hand. Folders change
 * their parent only with a write bit of their own. Returns 0 or -errno. */
static int move_up(struct removal *t, int dir_fd, const char *name, int fd)
{
    int is_opened_up = 0;

    for (;;) {
        const struct place p = place_of(t->moved);

        if (renameat(dir_fd, name, t->top_fd, p.name) == 0) {
            t->moved++;
            return 0;
        }
        if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
            t->moved++; /* of the tree itself, and will go, too */
        } else if (errno != EACCES || is_opened_up || fchmod(fd, 0700) < 0 ||
                   fchmod(dir_fd, 0700) < 0 || fchmod(t->top_fd, 0700) < 0) {
            return -errno;
        } else {
            is_opened_up = 1;
        }
    }
}

static void remove_entry(struct removal *t, int dir_fd, const char *name, int depth);

static void empty_folder(struct removal *t, int fd, int depth)
{
    autoclosedir DIR *d = fdopendir(fd);
    const struct dirent *entry = NULL;

    if (d == NULL) {
        removal_failed(t, errno);
        (void)close(fd);
        return;
    }
    t->top_fd = depth == 0 ? fd : t->top_fd;
    while (dir_next(d, &entry) > 0) {
        if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN &&
            unlinkat(fd, entry->d_name, 0) == 0) {
            continue;
        }
        remove_entry(t, fd, entry->d_name, depth + 1);
    }
    for (unsigned int i = 0; depth == 0 && i < t->moved; i++) { /* which may move others */
        const struct place p = place_of(i);

        remove_entry(t, fd, p.name, 1);
    }
}

/* Remove an empty folder, or what is no folder. Returns 0 or -errno. */
static int remove_leaf(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0) {
        return 0;
    }
    if (errno == ENOTDIR && unlinkat(dir_fd, name, 0) == 0) {
        return 0;
    }
    return -errno;
}

static void remove_folder(struct removal *t, int dir_fd, const char *name, int fd, int depth)
{
    if (depth > DEPTH_OPEN && move_up(t, dir_fd, name, fd) == 0) {
        (void)close(fd);
        return;
    }
    if (depth > DEPTH_MAX) {
        removal_failed(t, ELOOP);
        (void)close(fd);
        return;
    }
    empty_folder(t, fd, depth);
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
        removal_failed(t, errno);
    }
}

static void remove_entry(struct removal *t, int dir_fd, const char *name, int depth)
{
    int r = remove_leaf(dir_fd, name);
    struct stat st;
    int fd = -1;

    /* The folder around it may be ours without a write bit. */
    if (r == -EACCES && fchmod(dir_fd, 0700) == 0) {
        r = remove_leaf(dir_fd, name);
    }
    if (r == 0 || r == -ENOENT) {
        return;
    }
    if (r != -ENOTEMPTY && r != -EEXIST && r != -EACCES && r != -EPERM) {
        removal_failed(t, -r);
        return;
    }
    fd = open_folder(dir_fd, name);
    if (fd < 0 || fstat(fd, &st) < 0) {
        removal_failed(t, errno == ENOTDIR ? -r : errno);
        close_fd(&fd);
        return;
    }
    if (t->dev != 0 && st.st_dev != t->dev) {
        removal_failed(t, EXDEV);
        close_fd(&fd);
        return;
    }
    t->dev = st.st_dev;
    remove_folder(t, dir_fd, name, fd, depth);
}

int dir_remove_tree(int dir_fd, const char *name, struct err *e)
{
    struct removal t = {.top_fd = -1};

    remove_entry(&t, dir_fd, name, 0);
    if (t.first_errnum != 0) {
        return err_set(e, t.first_errnum, "cannot remove '%s'", name);
    }
    return 0;
}
