/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clang-format off */
/* What the three processes of a container say to each other: launcher, supervisor and child, and
 * later clients that attach.
 *
 * One SOCK_SEQPACKET pair each; a message is a step, and its payload. The start, in order:
 *
 *     launcher                     supervisor                       child (PID 1)
 *        |                            |  <---- CHILD_READY (netns) ---- |  opened its sources
 *        |  --- HOST_READY (cgroup) ->  ----- HOST_READY (cgroup) --->  |  ids are mapped
 *        |                            |                                 |  the root is built
 *        |                            |  <---- ROOT_READY (pty) ------- |
 *        |                            |  ----- EXEC ------------------> |  the network is ready
 *        |  <------- STARTED -------- |  <---- end of file ------------ |  exec worked (the socket is
 *                                                                          close-on-exec)
 *
 * With --explain ROUTES and LISTENER come from the child between EXEC and its end of file
 * (explain.h). EXEC is sent ahead of ROOT_READY where no network has to be waited for. ERROR in place of any
 * step carries the sender's struct err: it comes out in the launcher as that same error. The wrong
 * step, or end of file where a step was due, is an error too. After EXEC the child has nothing more
 * to say but an ERROR (and the ROOT_READY that is still due). */
/* clang-format on */
#ifndef RBOX_BOX_SYNC_H
#define RBOX_BOX_SYNC_H

#include "base/err.h"
#include "box/report.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

enum sync_step {
    SYNC_END = 0, /* end of file, as sync_recv() reports it */
    SYNC_CHILD_READY,
    SYNC_HOST_READY,
    SYNC_SERVE_ROOT, /* fd: /dev/fuse, mounted; only with fuse-overlayfs */
    SYNC_ROOT_READY,
    SYNC_EXEC,
    SYNC_ROUTES,   /* fd: a routing socket of the container's network; only with --explain */
    SYNC_LISTENER, /* fd: of the filter's questions; only with --explain */
    SYNC_ERROR,
    /* supervisor to launcher and clients */
    SYNC_STARTED,
    SYNC_NOTICE,     /* data: a line of text */
    SYNC_OUTPUT,     /* data: bytes of the terminal or of stdout */
    SYNC_OUTPUT_ERR, /* data: bytes of stderr */
    SYNC_EXIT,
    /* launcher and clients to supervisor */
    SYNC_INPUT, /* data */
    SYNC_INPUT_END,
    SYNC_RESIZE,
    SYNC_SIGNAL,
    SYNC_DETACH, /* the client goes; the container stays, even without its owner */
};

enum {
    SYNC_DATA_MAX = 4096
};

struct sync_host {
    int64_t nproc_limit; /* > 0: --pids-limit is to be held by RLIMIT_NPROC, see cgroup.h */
};

struct sync_started {
    int64_t pid; /* of PID 1, as the host counts */
};

struct sync_exit {
    int32_t status; /* 0 … 255, 128 + n for a signal */
    int32_t oom_killed;
    struct report report;
};

struct sync_msg {
    uint32_t step;
    uint32_t len; /* of data, for the steps that carry bytes */
    union {
        struct err err;
        struct sync_host host;
        struct sync_started started;
        struct sync_exit exit;
        struct winsize size;
        int32_t signal;
        char data[SYNC_DATA_MAX];
    } u;
};

/* A connected pair, both ends O_CLOEXEC; the caller owns both. */
int sync_pair(int ret_fds[2], struct err *e);

/* ns_clone() with such a pair in between: *ret_fd is in each of the two its own end. */
pid_t sync_fork(uint64_t flags, int *ret_fd, int *ret_pidfd, struct err *e);

/* Send @step without payload, with @fd (or -1). Blocks. Errors: what the peer said before it went,
 * else -EPIPE when it is gone. */
int sync_send(int socket_fd, enum sync_step step, int fd, struct err *e);

/* The same with HOST_READY, to the supervisor. @join_fd: cgroup.procs of the container's cgroup, or
 * -1. */
int sync_send_host(int socket_fd, const struct sync_host *host, int join_fd, struct err *e);

/* Send an error, best effort: the peer may be gone, and there is nobody else to tell. */
void sync_send_err(int socket_fd, const struct err *err);

/* Send @msg; step and payload are set by the caller. @flags: MSG_DONTWAIT or 0. Returns 0 or
 * -errno. */
int sync_send_msg(int socket_fd, const struct sync_msg *msg, int flags);

/* Receive one message, whatever it is; end of file gives step SYNC_END. @ret_fds gets up to @fd_max
 * descriptors that came along, else -1; the caller owns them. Returns 0, or -EPROTO for a malformed
 * message. */
int sync_recv(int socket_fd, struct sync_msg *msg, int *ret_fds, size_t fd_max);

/* Wait for @step. ERROR makes its error ours; another step or end of file is an error naming @peer
 * ("the container's first process") and the step. *ret_fd (may be NULL) gets the descriptor that
 * came along, or -1. */
int sync_wait(int socket_fd, enum sync_step step, const char *peer, int *ret_fd, struct err *e);

/* When one side cannot go on (@e), it is often because the other could not and has begun to put
 * things away: if it says so within a fifth of a second, its error is ours. Returns -e->errnum. */
int sync_prefer_its_error(int socket_fd, struct err *e);

/* Wait for the launcher's HOST_READY; the caller owns *ret_join_fd, which is -1 without a cgroup.
 */
int sync_wait_host(int socket_fd, struct sync_host *ret, int *ret_join_fd, struct err *e);

/* Wait for what comes of EXEC: the child's end is close-on-exec, so end of file says that it
 * worked. Closes *@socket_fd. Errors: the child's own. */
int sync_await_exec(int *socket_fd, const char *peer, struct err *e);

const char *sync_step_name(uint32_t step);

#endif
