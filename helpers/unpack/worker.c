/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Data comes in frames: a length, and so many bytes; these lengths mean something else. */
enum {
    FRAME_END = 0,
    FRAME_BYTES_MAX = 256 << 10,
    FRAME_BEGIN = FRAME_BYTES_MAX + 1,
    FRAME_CANCEL,
    PIPE_BYTES = 1 << 20
};

struct worker_result {
    struct err why; /* errnum 0: the layer is whole */
    struct layer_result layer;
};

/* ---- in the process of one layer */

struct frames {
    int fd;
    int is_ended;
    char data[FRAME_BYTES_MAX];
};

static int read_whole(int fd, void *data, size_t len)
{
    char *at = data;

    while (len > 0) {
        ssize_t n = read(fd, at, len);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return n < 0 ? -errno : -EPIPE;
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static ssize_t frames_read(void *arg, const void **ret, struct err *e)
{
    struct frames *f = arg;
    uint32_t len = 0;

    if (f->is_ended) {
        return 0;
    }
    if (read_whole(f->fd, &len, sizeof(len)) < 0 || len > FRAME_BYTES_MAX) {
        f->is_ended = 1;
        return err_new(e, ECANCELED, "the archive could not be read to its end");
    }
    if (len == FRAME_END) {
        f->is_ended = 1;
        return 0;
    }
    *ret = f->data;
    return read_whole(f->fd, f->data, len) < 0
               ? err_new(e, ECANCELED, "the archive could not be read to its end")
               : (ssize_t)len;
}

/* Folder d of @folder (NULL: of the current one) becomes the root. Both are made here, by root of
 * the namespace, whose they must be. */
static int enter_layer(const char *folder, struct err *e)
{
    if (folder != NULL && (mkdir(folder, 0777) < 0 || chdir(folder) < 0)) {
        return err_set(e, errno, "cannot create the layer's folder");
    }
    if (mkdir("d", 0755) < 0 || chroot("d") < 0 || chdir("/") < 0) {
        return err_set(e, errno, "cannot create the layer's folder");
    }
    return harden_calls(HARDEN_NO_SOCKETS | HARDEN_NO_FORK, e);
}

static _Noreturn void fill_one(const struct layer_options *o, const char *folder, int data_fd,
                               int result_fd)
{
    struct layer_options mine = *o;
    struct worker_result result = {0};
    struct err ignored = {0};
    struct frames *f = xcalloc(1, sizeof(*f));
    const void *rest = NULL;
    int r = 0;

    f->fd = data_fd;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    r = read_whole(data_fd, &mine.max, sizeof(mine.max));
    r = r < 0 ? err_set(&result.why, -r, "cannot begin a layer") : enter_layer(folder, &result.why);
    r = r < 0 ? r : layer_fill(&mine, frames_read, f, &result.layer, &result.why);
    if (r == 0) {
        err_clear(&result.why); /* of what was tried in vain on the way */
    }
    /* Behind the archive's own end, or after an error: the other side counts on being read. */
    while (frames_read(f, &rest, &ignored) > 0) {
    }
    _exit(fd_write_all(result_fd, &result, sizeof(result)) < 0);
}

/* ---- in the process that makes these, one after the other */

/* The archive, and the file whose every word the launcher believes, are not for who parses. */
static int leave_streams(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int r = null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0;

    close_fd(&null_fd);
    return r ? -errno : 0;
}

static _Noreturn void serve(const struct layer_options *o, const char *base, int data_fd,
                            int result_fd)
{
    struct err e = {0};
    uint32_t frame = 0;
    int status = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (leave_streams() < 0 || chroot(".") < 0 ||
        harden_calls(HARDEN_NO_SOCKETS | HARDEN_MAY_CHROOT, &e) < 0 ||
        (base != NULL && (mkdir(base, 0777) < 0 || chdir(base) < 0))) {
        _exit(1);
    }
    for (int i = 1; status == 0 && read_whole(data_fd, &frame, sizeof(frame)) == 0; i++) {
        autofree char *folder = base != NULL ? xasprintf("%d", i) : NULL;
        pid_t pid = frame == FRAME_BEGIN ? fork() : -1;

        if (pid == 0) {
            fill_one(o, folder, data_fd, result_fd);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0) {
            break;
        }
    }
    _exit(0); /* and nobody reads what comes, which the other side will notice */
}

/* ---- in the process that reads the archive */

int worker_start(struct worker *w, const struct layer_options *o, const char *base, struct err *e)
{
    autoclose int data_fd = -1;
    autoclose int result_fd = -1;
    int r = 0;

    *w = (struct worker){.data_fd = -1, .result_fd = -1};
    r = fd_pipe(&data_fd, &w->data_fd, e);
    r = r < 0 ? r : fd_pipe(&w->result_fd, &result_fd, e);
    if (r < 0) {
        return r;
    }
    (void)fcntl(data_fd, F_SETPIPE_SZ, PIPE_BYTES);
    (void)signal(SIGPIPE, SIG_IGN);
    w->pid = fork();
    if (w->pid < 0) {
        return err_set(e, errno, "cannot create a process");
    }
    if (w->pid == 0) {
        close_fd(&w->data_fd);
        close_fd(&w->result_fd);
        serve(o, base, data_fd, result_fd);
    }
    return 0;
}

static void send_frame(struct worker *w, uint32_t len, const void *data)
{
    union {
        const void *borrowed;
        void *given;
    } body = {.borrowed = data}; /* writev(2) only reads it */
    struct iovec v[2] = {{&len, sizeof(len)}, {body.given, data != NULL ? len : 0}};
    ssize_t n = 0;

    if (w->data_fd < 0) {
        return;
    }
    do {
        n = writev(w->data_fd, v, 2);
    } while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof(len) ||
        fd_write_all(w->data_fd, (const char *)data + (n - (ssize_t)sizeof(len)),
                     v[1].iov_len - (size_t)(n - (ssize_t)sizeof(len))) < 0) {
        close_fd(&w->data_fd); /* it is gone: worker_end() will tell */
    }
}

int worker_begin(struct worker *w, const struct amount *max)
{
    send_frame(w, FRAME_BEGIN, NULL);
    if (w->data_fd >= 0 && fd_write_all(w->data_fd, max, sizeof(*max)) < 0) {
        close_fd(&w->data_fd);
    }
    return w->data_fd >= 0 ? ++w->count : -1;
}

void worker_feed(struct worker *w, const void *data, size_t len)
{
    while (len > 0) {
        size_t n = len < FRAME_BYTES_MAX ? len : FRAME_BYTES_MAX;

        send_frame(w, (uint32_t)n, data);
        data = (const char *)data + n;
        len -= n;
    }
}

int worker_end(struct worker *w, int is_whole, struct layer_result *ret, struct err *e)
{
    struct worker_result result = {0};

    send_frame(w, is_whole ? FRAME_END : FRAME_CANCEL, NULL);
    if (w->data_fd < 0 || read_whole(w->result_fd, &result, sizeof(result)) < 0) {
        close_fd(&w->data_fd);
        return err_new(e, EIO, "the process that unpacks a layer has ended");
    }
    if (err_received(&result.why) < 0) {
        close_fd(&w->data_fd);
        return err_new(e, EPROTO, "the process that unpacks a layer has gone wrong");
    }
    *ret = result.layer;
    if (result.why.errnum != 0) {
        *e = result.why;
    }
    return -result.why.errnum;
}

void worker_stop(struct worker *w)
{
    close_fd(&w->data_fd);
    if (w->pid > 0) {
        (void)waitpid(w->pid, NULL, 0);
    }
    close_fd(&w->result_fd);
    w->pid = 0;
}

int layer_run(struct worker *w, const struct amount *max, struct err *e)
{
    struct source *s = xcalloc(1, sizeof(*s));
    struct err late = {0};
    struct layer_result made = {0};
    char hex[65] = "";
    const void *data = NULL;
    ssize_t n = 0;
    int r = 0;

    s->max = max;
    r = source_open(s, e);
    if (r == 0) {
        (void)worker_begin(w, max);
        while ((n = source_read(s, &data, e)) > 0) {
            worker_feed(w, data, (size_t)n);
        }
        r = n < 0 ? (int)n : 0;
        /* What it could not do counts more than where the stream broke off. */
        if (worker_end(w, r == 0, &made, &late) < 0 && late.errnum != ECANCELED) {
            *e = late;
            r = late.errnum == EMEDIUMTYPE ? source_no_archive(s, e) : -late.errnum;
        }
    }
    if (r == 0) {
        digest_hex(s->digest, hex);
        (void)printf("{\"diffID\":\"sha256:%s\",\"size\":%" PRIu64 ",\"files\":%" PRIu64
                     ",\"devices\":%" PRIu64 "}\n",
                     hex, made.taken.bytes > s->bytes ? made.taken.bytes : s->bytes,
                     made.taken.files, made.devices);
    }
    worker_stop(w);
    source_done(s);
    free(s);
    return r;
}
