/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/logs.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STAMP_BYTES = 64,
    BUFFER_BYTES = 64 << 10,
};

struct logs {
    int dir_fd; /* borrowed */
    int fd;
    int64_t size_bytes;
    int64_t max_bytes;
    size_t len; /* of what waits in the buffer */
    char buffer[BUFFER_BYTES];
};

static int open_file(struct logs *l)
{
    struct stat st;

    l->fd =
        openat(l->dir_fd, LOGS_FILE, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (l->fd < 0 || fstat(l->fd, &st) < 0) {
        return -errno;
    }
    l->size_bytes = st.st_size;
    return 0;
}

int logs_open(int dir_fd, int64_t max_bytes, struct logs **ret, struct err *e)
{
    struct logs *l = xcalloc(1, sizeof(*l));
    int r = 0;

    l->dir_fd = dir_fd;
    l->max_bytes = max_bytes;
    r = open_file(l);
    if (r < 0) {
        logs_close(l);
        return err_set(e, -r, "cannot open the container's log");
    }
    *ret = l;
    return 0;
}

void logs_close(struct logs *l)
{
    if (l != NULL) {
        close_fd(&l->fd);
        free(l);
    }
}

static void flush(struct logs *l)
{
    (void)fd_write_all(l->fd, l->buffer, l->len);
    l->size_bytes += (int64_t)l->len;
    l->len = 0;
}

/* Between entries only, so that each file is whole. */
static void rotate(struct logs *l)
{
    flush(l);
    if (l->max_bytes == 0 || l->size_bytes < l->max_bytes ||
        renameat(l->dir_fd, LOGS_FILE, l->dir_fd, LOGS_FILE_OLD) < 0) {
        return;
    }
    close_fd(&l->fd);
    (void)open_file(l);
}

static void append(struct logs *l, const char *data, size_t len)
{
    if (l->len + len > sizeof(l->buffer)) {
        flush(l);
    }
    if (len > sizeof(l->buffer)) {
        (void)fd_write_all(l->fd, data, len);
        l->size_bytes += (int64_t)len;
        return;
    }
    memcpy(l->buffer + l->len, data, len);
    l->len += len;
}

/* "2026-11-27T05:56:38.123456789Z stdout " */
static size_t write_stamp(enum logs_stream stream, char stamp[STAMP_BYTES])
{
    char now[CLOCK_TEXT_BYTES];

    return (size_t)snprintf(stamp, STAMP_BYTES, "%s %s ", clock_text(clock_realtime_ns(), now),
                            stream == LOGS_STDOUT ? "stdout" : "stderr");
}

void logs_write(struct logs *l, enum logs_stream stream, const char *data, size_t len)
{
    char stamp[STAMP_BYTES];
    size_t stamp_len = write_stamp(stream, stamp);

    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t text_len = end != NULL ? (size_t)(end - data) : len;

        append(l, stamp, stamp_len);
        append(l, end != NULL ? "F " : "P ", 2);
        append(l, data, text_len);
        append(l, "\n", 1);
        data += text_len + (end != NULL);
        len -= text_len + (end != NULL);
        if (l->max_bytes > 0 && l->size_bytes + (int64_t)l->len >= l->max_bytes) {
            rotate(l);
        }
    }
    flush(l);
}
