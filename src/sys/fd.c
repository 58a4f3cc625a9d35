/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/fd.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int fd_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

void fd_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int fd_pipe(int *ret_read_fd, int *ret_write_fd, struct err *e)
{
    int fds[2] = {-1, -1};

    if (pipe2(fds, O_CLOEXEC) < 0) {
        return err_set(e, errno, "cannot create a pipe");
    }
    *ret_read_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

/* @expected: so many bytes are taken for all there is, without asking once more; 0: not known. */
static int read_whole(int fd, size_t expected, size_t max_bytes, char **ret_data, size_t *ret_len,
                      struct err *e)
{
    autobuf struct buf b = {0};
    char chunk[8192];

    while (expected == 0 || b.len != expected) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set(e, errno, "cannot read");
        }
        if (n == 0) {
            break;
        }
        if (b.len + (size_t)n > max_bytes) {
            return err_new(e, EFBIG, "larger than %zu bytes", max_bytes);
        }
        buf_add(&b, chunk, (size_t)n);
    }
    buf_puts(&b, "");
    if (ret_len != NULL) {
        *ret_len = b.len;
    }
    *ret_data = steal_ptr(&b.data);
    return 0;
}

int fd_read_all(int fd, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *e)
{
    return read_whole(fd, 0, max_bytes, ret_data, ret_len, e);
}

int file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_len,
              struct err *e)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", name);
    }
    if (fstat(fd, &st) < 0) {
        return err_set(e, errno, "cannot stat '%s'", name);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_new(e, EINVAL, "'%s' is not a regular file", name);
    }
    r = read_whole(fd, (size_t)st.st_size, max_bytes, ret_data, ret_len, e);
    return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

int file_read_followed(int dir_fd, const char *name, size_t max_bytes, char **ret_data,
                       size_t *ret_len, struct err *e)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return err_set(e, errno, "cannot read '%s'", name);
    }
    if (fd_read_all(fd, max_bytes, ret_data, ret_len, e) < 0) {
        return err_wrap(e, "'%s'", name);
    }
    return 0;
}

int file_write(int dir_fd, const char *name, const void *data, size_t len, int flags, struct err *e)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash != NULL ? slash + 1 : name;
    autofree char *temp =
        xasprintf("%.*s.%s.%d.tmp", (int)(last - name), name, last, (int)getpid());
    mode_t mode = (flags & FILE_PRIVATE) != 0 ? 0600 : 0644;
    autoclose int fd =
        openat(dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot create '%s'", name);
    }
    r = fd_write_all(fd, data, len);
    if (r == 0 && (flags & FILE_SYNC) != 0 && fsync(fd) < 0) {
        r = -errno;
    }
    if (r == 0 && renameat(dir_fd, temp, dir_fd, name) < 0) {
        r = -errno;
    }
    if (r < 0) {
        (void)unlinkat(dir_fd, temp, 0);
        return err_set(e, -r, "cannot write '%s'", name);
    }
    if ((flags & FILE_SYNC) != 0 && dir_fd >= 0 && fsync(dir_fd) < 0) {
        return err_set(e, errno, "cannot sync the folder of '%s'", name);
    }
    return 0;
}

int file_put(int dir_fd, const char *name, const char *text)
{
    autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    size_t len = strlen(text);
    ssize_t n = 0;

    if (fd < 0) {
        return -errno;
    }
    n = write(fd, text, len);
    if (n < 0) {
        return -errno;
    }
    return (size_t)n == len ? 0 : -EIO;
}

int file_is_named(int fd, int dir_fd, const char *name)
{
    struct stat a;
    struct stat b;

    return fstat(fd, &a) == 0 && fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int dir_make(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct err *e)
{
    autoclose int fd = -1;

    if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot create folder '%s'", name);
    }
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return err_set(e, errno, "cannot open folder '%s'", name);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int dir_make_all(const char *path, struct err *e)
{
    autofree char *copy = xstrdup(path);

    for (char *p = copy + 1; *copy != '\0'; p++) {
        char c = *p;

        if (c != '/' && c != '\0') {
            continue;
        }
        *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST) {
            return err_set(e, errno, "cannot create folder '%s'", copy);
        }
        if (c == '\0') {
            break;
        }
        *p = c;
    }
    return 0;
}

enum {
    FD_PASS_MAX = 64
};

int fd_send(int socket_fd, const void *data, size_t len, const int *fds, size_t fd_count)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = 0;

    if (fd_count > FD_PASS_MAX) {
        return -E2BIG;
    }
    if (fd_count > 0) {
        struct cmsghdr *c = NULL;

        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    do {
        n = sendmsg(socket_fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Take the descriptors out of @msg: the first @fd_max into @fds, the rest closed. */
static size_t take_fds(struct msghdr *msg, int *fds, size_t fd_max)
{
    size_t taken = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        size_t count = 0;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (taken < fd_max) {
                fds[taken++] = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return taken;
}

ssize_t fd_recv(int socket_fd, void *data, size_t len, int *fds, size_t fd_max,
                size_t *ret_fd_count)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
    } control = {0};
    struct iovec iov = {.iov_base = data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof(control.space)};
    ssize_t n = 0;
    size_t taken = 0;

    do {
        n = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    for (size_t i = 0; i < fd_max; i++) {
        fds[i] = -1;
    }
    if (n < 0) {
        return -errno;
    }
    taken = take_fds(&msg, fds, fd_max);
    if (ret_fd_count != NULL) {
        *ret_fd_count = taken;
    }
    return n;
}

int fd_memfd(const char *name, const void *data, size_t len, int *ret_fd, struct err *e)
{
    autoclose int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot create a memory file for '%s'", name);
    }
    r = fd_write_all(fd, data, len);
    if (r < 0) {
        return err_set(e, -r, "cannot fill the memory file for '%s'", name);
    }
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
        return err_set(e, errno, "cannot seal the memory file for '%s'", name);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int fd_cloexec(int fd, int on)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags < 0) {
        return -errno;
    }
    flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
    return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;

    return (x > y) - (x < y);
}

/* close_range(2) has a glibc wrapper since 2.34 only, and the kernel call since 5.9. */
static void close_span(unsigned int first, unsigned int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) {
        return;
    }
    for (unsigned int fd = first; fd <= last && fd < 65536; fd++) {
        (void)close((int)fd);
    }
}

void fd_close_except(const int *keep, size_t count)
{
    int *sorted = xcalloc(count + 1, sizeof(*keep));
    unsigned int next = 3;

    if (count > 0) {
        memcpy(sorted, keep, count * sizeof(*keep));
    }
    qsort(sorted, count, sizeof(*sorted), compare_int);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < (int)next) {
            continue;
        }
        close_span(next, (unsigned int)sorted[i] - 1);
        next = (unsigned int)sorted[i] + 1;
    }
    close_span(next, ~0U);
    free(sorted);
}

void fd_close_inherited(void)
{
    autoclosedir DIR *d = opendir("/proc/self/fd");
    struct dirent *entry = NULL;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        int flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;

        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            (void)close(fd);
        }
    }
}
