/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reading side of logs.h. Entries have their stamp, stream and tag at fixed places, so times
 * are compared as text, and nothing is parsed twice. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/logs.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STAMP_LEN = 30, /* 2026-11-27T05:56:38.123456789Z */
    STREAM_AT = STAMP_LEN + 1,
    TAG_AT = STREAM_AT + 7,
    TEXT_AT = TAG_AT + 2,
    BUFFER_BYTES = 256 << 10, /* many entries: none is longer than what the supervisor reads */
    OPEN_TRIES = 1000,        /* rotations that come in between, one after the other */
    LOOK_AGAIN_MS = 200,      /* for an end that changes no file: a killed supervisor's */
    GATHER_MS = 2             /* of a command that writes much, many entries are read at once */
};

struct entry {
    const char *line; /* from its stamp to before the newline */
    size_t len;
    enum logs_stream stream;
    int is_full; /* tag F */
};

struct reader {
    const struct logs_query *q;
    int dir_fd;
    int fd;
    char since[CLOCK_TEXT_BYTES]; /* "" or a stamp */
    char until[CLOCK_TEXT_BYTES];
    int64_t skip_lines;
    int goes_on[2]; /* for each stream: the last entry was a part of a line */
    int is_over;    /* --until was reached */
    enum logs_stream out_stream;
    struct buf out;
    size_t len; /* bytes in the buffer */
    char buffer[BUFFER_BYTES];
};

typedef void entry_fn(struct reader *r, const struct entry *entry);

/* ---- entries */

static int parse_entry(const char *line, size_t len, struct entry *ret)
{
    if (len < TEXT_AT || line[STAMP_LEN] != ' ' || line[TAG_AT - 1] != ' ') {
        return 0;
    }
    *ret = (struct entry){.line = line,
                          .len = len,
                          .stream = memcmp(line + STREAM_AT, "stderr", 6) == 0 ? LOGS_STDERR
                                                                               : LOGS_STDOUT,
                          .is_full = line[TAG_AT] == 'F'};
    return 1;
}

/* Read what @fd has; @fn gets each whole entry. Returns how many bytes were read. */
static size_t read_entries(struct reader *r, int fd, entry_fn *fn)
{
    size_t total = 0;
    ssize_t n = 0;

    while (!r->is_over && (n = read(fd, r->buffer + r->len, sizeof(r->buffer) - r->len)) > 0) {
        const char *line = r->buffer;
        const char *end = NULL;
        struct entry entry;

        r->len += (size_t)n;
        total += (size_t)n;
        while ((end = memchr(line, '\n', r->len - (size_t)(line - r->buffer))) != NULL) {
            if (parse_entry(line, (size_t)(end - line), &entry)) {
                fn(r, &entry);
            }
            line = end + 1;
        }
        r->len -= (size_t)(line - r->buffer);
        memmove(r->buffer, line, r->len);
        if (r->len == sizeof(r->buffer)) {
            r->len = 0; /* not a log of ours */
        }
    }
    return total;
}

/* ---- output */

static int flush(struct reader *r)
{
    int result = r->out.len == 0
                     ? 0
                     : fd_write_all(r->out_stream == LOGS_STDOUT ? STDOUT_FILENO : STDERR_FILENO,
                                    r->out.data, r->out.len);

    r->out.len = 0;
    return result;
}

static void print_entry(struct reader *r, const struct entry *entry)
{
    int goes_on = r->goes_on[entry->stream];

    r->goes_on[entry->stream] = !entry->is_full;
    if (r->until[0] != '\0' && memcmp(entry->line, r->until, STAMP_LEN) > 0) {
        r->is_over = 1;
        return;
    }
    if (r->skip_lines > 0) {
        r->skip_lines -= entry->is_full;
        return;
    }
    if (r->since[0] != '\0' && memcmp(entry->line, r->since, STAMP_LEN) < 0) {
        return;
    }
    if (entry->stream != r->out_stream || r->out.len > BUFFER_BYTES) {
        (void)flush(r);
        r->out_stream = entry->stream;
    }
    if (!goes_on && r->q->prefix != NULL) {
        buf_puts(&r->out, r->q->prefix);
    }
    if (!goes_on && r->q->timestamps) {
        buf_add(&r->out, entry->line, STAMP_LEN + 1);
    }
    buf_add(&r->out, entry->line + TEXT_AT, entry->len - TEXT_AT);
    if (entry->is_full) {
        buf_add(&r->out, "\n", 1);
    }
}

static void count_entry(struct reader *r, const struct entry *entry)
{
    r->skip_lines += entry->is_full;
}

/* ---- the files */

static int open_log(const struct reader *r, const char *name)
{
    return openat(r->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* The log and the one before it, or -1. Not from two sides of a rotation: then the one that is
 * named is not the one that was opened. One that was killed in a rotation has left the old one
 * alone. */
static int open_files(struct reader *r, int *ret_old_fd)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        int errnum = 0;

        close_fd(&r->fd);
        close_fd(ret_old_fd);
        r->fd = open_log(r, LOGS_FILE);
        errnum = errno;
        *ret_old_fd = open_log(r, LOGS_FILE_OLD);
        if (r->fd >= 0 && file_is_named(r->fd, r->dir_fd, LOGS_FILE)) {
            return 0;
        }
        if (r->fd < 0 && (errnum != ENOENT || *ret_old_fd < 0)) {
            return -errnum;
        }
    }
    r->fd = r->fd >= 0 ? r->fd : steal_fd(ret_old_fd);
    return 0;
}

static void read_from_start(struct reader *r, int fd, entry_fn *fn)
{
    r->len = 0;
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0) {
        (void)read_entries(r, fd, fn);
    }
}

/* How many lines come before the last --tail ones. */
static void count_skipped(struct reader *r, int old_fd)
{
    read_from_start(r, old_fd, count_entry);
    read_from_start(r, r->fd, count_entry);
    r->skip_lines = r->skip_lines > r->q->tail ? r->skip_lines - r->q->tail : 0;
}

/* At the end of a file that was rotated meanwhile, the next one begins: the log, or the old one, if
 * that is not ours: then there were two rotations. */
static int next_file(struct reader *r)
{
    autoclose int fd = open_log(r, LOGS_FILE);
    autoclose int old_fd = -1;

    if (fd < 0 || file_is_named(r->fd, r->dir_fd, LOGS_FILE)) {
        return 0;
    }
    if (!file_is_named(r->fd, r->dir_fd, LOGS_FILE_OLD)) {
        old_fd = open_log(r, LOGS_FILE_OLD);
    }
    close_fd(&r->fd);
    r->fd = old_fd >= 0 ? steal_fd(&old_fd) : steal_fd(&fd);
    r->len = 0;
    return 1;
}

static int follow(struct reader *r, int inotify_fd)
{
    char events[4096];
    int result = 0;

    while (result == 0 && !r->is_over) {
        struct pollfd p[] = {{.fd = inotify_fd, .events = POLLIN},
                             {.fd = STDOUT_FILENO, .events = 0}}; /* a reader that went: POLLERR */
        /* In this order: what it wrote before its end is there once it has ended. */
        int has_ended = r->q->ended(r->q->arg);

        if (read_entries(r, r->fd, print_entry) > 0 || next_file(r)) {
            result = flush(r);
            continue;
        }
        if (has_ended) {
            break;
        }
        (void)poll(p, 2, LOOK_AGAIN_MS);
        if ((p[1].revents & POLLERR) != 0) {
            result = -EPIPE;
        }
        clock_sleep_ms(GATHER_MS);
        while (read(inotify_fd, events, sizeof(events)) > 0) {
        }
    }
    return result;
}

static int print_all(struct reader *r, int old_fd)
{
    autoclose int inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    autofree char *path = xasprintf("/proc/self/fd/%d", r->dir_fd);
    int result = 0;

    (void)inotify_add_watch(inotify_fd, path, IN_MODIFY | IN_MOVED_TO | IN_CREATE);
    read_from_start(r, old_fd, print_entry);
    read_from_start(r, r->fd, print_entry);
    result = flush(r);
    return result == 0 && r->q->follow ? follow(r, inotify_fd) : result;
}

/* The time as entries have it; "" stands for none. */
static void make_stamp(int64_t ns, char ret[CLOCK_TEXT_BYTES])
{
    ret[0] = '\0';
    if (ns > 0) {
        (void)clock_text(ns, ret);
    }
}

int logs_print(int dir_fd, const struct logs_query *q, struct err *e)
{
    struct reader *r = xcalloc(1, sizeof(*r));
    autoclose int old_fd = -1;
    int result = 0;

    r->q = q;
    r->dir_fd = dir_fd;
    r->fd = -1;
    make_stamp(q->since_ns, r->since);
    make_stamp(q->until_ns, r->until);
    result = open_files(r, &old_fd);
    if (result < 0) {
        result = err_set(e, -result, "cannot open the container's log");
    } else {
        if (q->tail >= 0) {
            count_skipped(r, old_fd);
        }
        result = print_all(r, old_fd);
        result = result < 0 ? err_set(e, -result, "cannot print the log") : 0;
    }
    close_fd(&r->fd);
    buf_done(&r->out);
    free(r);
    return result;
}
