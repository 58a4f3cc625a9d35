/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's log: what its command wrote, in the form that Kubernetes gave logs and podman's
 * k8s-file driver writes, one entry a line:
 *
 *     2026-11-27T05:56:38.123456789Z stdout F text
 *
 * P in place of F: the command had not ended the line yet, and the next entry of that stream goes
 * on with it. The files are containers/ID/ctr.log, and ctr.log.1 once it was rotated. */
#ifndef RBOX_BOX_LOGS_H
#define RBOX_BOX_LOGS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define LOGS_FILE     "ctr.log"
#define LOGS_FILE_OLD "ctr.log.1"

enum logs_stream {
    LOGS_STDOUT,
    LOGS_STDERR
};

/* ---- writing: the supervisor */

struct logs;

/* Open the log in folder @dir_fd (borrowed) for appending. One of more than @max_bytes (0: any
 * size) becomes the old one. On success the caller owns *ret. */
int logs_open(int dir_fd, int64_t max_bytes, struct logs **ret, struct err *e);

/* Append @len bytes of @stream as entries of this moment. What can't be written (a full disk) is
 * lost: the container goes on. */
void logs_write(struct logs *l, enum logs_stream stream, const char *data, size_t len);

/* NULL-safe. */
void logs_close(struct logs *l);

/* ---- reading: rbox logs, host side */

struct logs_query {
    int follow;       /* go on until @ended says so */
    int64_t tail;     /* that many lines from the end; -1: all */
    int64_t since_ns; /* since the epoch; 0: from the beginning */
    int64_t until_ns; /* 0: to the end */
    int timestamps;
    const char *prefix;      /* before each line, or NULL */
    int (*ended)(void *arg); /* has the container ended? Asked while following */
    void *arg;
};

/* Print the log in folder @dir_fd: lines of stdout to stdout, of stderr to stderr. Errors: -ENOENT
 * there is none; -EPIPE nobody reads. */
int logs_print(int dir_fd, const struct logs_query *q, struct err *e);

#endif
