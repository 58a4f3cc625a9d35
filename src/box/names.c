/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/names.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/mounts.h"
#include "box/net.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char FILE_PATH[] = "/etc/resolv.conf";

static int is_wanted(const struct spec *s)
{
    return s->box.network.backend == SPEC_NET_HOST && s->box.network.dns.len == 0 &&
           mounts_find(s, FILE_PATH) == NULL;
}

/* The container may have put something else there by now: that is left alone. */
static int open_file(pid_t pid, int *ret_fd)
{
    autofree char *root = xasprintf("/proc/%d/root", (int)pid);
    autoclose int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int fd = -1;
    struct err ignored = {0};
    struct statfs fs;
    struct stat st;

    if (root_fd < 0 ||
        path_open_no_symlinks(root_fd, FILE_PATH, O_RDWR | O_NONBLOCK, &fd, &ignored) < 0 ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || fstatfs(fd, &fs) < 0 ||
        fs.f_type != TMPFS_MAGIC) {
        return -ENOENT;
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* The folder of the name, in which it is replaced, and the one of the file that it leads to. A
 * watch that is there already is that watch. */
static void watch(const struct names *n)
{
    const uint32_t what = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR;
    autofree char *real = realpath(FILE_PATH, NULL);
    char *slash = real != NULL ? strrchr(real, '/') : NULL;

    (void)inotify_add_watch(n->notify_fd, "/etc", what);
    if (slash != NULL && slash > real) {
        *slash = '\0';
        (void)inotify_add_watch(n->notify_fd, real, what);
    }
}

void names_begin(const struct spec *s, pid_t pid, struct names *n)
{
    if (!is_wanted(s) || open_file(pid, &n->file_fd) < 0) {
        return;
    }
    n->spec = s;
    n->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch(n);
    names_serve(n); /* it may have changed since it was read */
}

void names_end(struct names *n)
{
    close_fd(&n->notify_fd);
    close_fd(&n->file_fd);
}

void names_serve(const struct names *n)
{
    autofree char *text = NULL;
    char events[4096];
    size_t len = 0;

    while (n->notify_fd >= 0 && read(n->notify_fd, events, sizeof(events)) > 0) {
    }
    watch(n);
    text = net_resolv_conf_of(n->spec);
    len = text != NULL ? strlen(text) : 0;
    /* A file that is just being written anew is empty for a moment. */
    if (len > 0 && pwrite(n->file_fd, text, len, 0) == (ssize_t)len) {
        (void)!ftruncate(n->file_fd, (off_t)len);
    }
}
