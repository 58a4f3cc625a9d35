/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/sync.h"

#include "base/cleanup.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEAD_BYTES = offsetof(struct sync_msg, u),
    ITS_ERROR_MS = 200
};

struct step_row {
    const char *name;
    size_t payload_bytes; /* fixed size of the payload */
    int has_data;         /* or len bytes of data */
};

static const struct step_row STEPS[] = {
    [SYNC_END] = {"END", 0, 0},
    [SYNC_CHILD_READY] = {"CHILD_READY", 0, 0},
    [SYNC_HOST_READY] = {"HOST_READY", sizeof(struct sync_host), 0},
    [SYNC_ROOT_READY] = {"ROOT_READY", 0, 0},
    [SYNC_EXEC] = {"EXEC", 0, 0},
    [SYNC_ROUTES] = {"ROUTES", 0, 0},
    [SYNC_LISTENER] = {"LISTENER", 0, 0},
    [SYNC_ERROR] = {"ERROR", sizeof(struct err), 0},
    [SYNC_STARTED] = {"STARTED", sizeof(struct sync_started), 0},
    [SYNC_NOTICE] = {"NOTICE", 0, 1},
    [SYNC_OUTPUT] = {"OUTPUT", 0, 1},
    [SYNC_OUTPUT_ERR] = {"OUTPUT_ERR", 0, 1},
    [SYNC_EXIT] = {"EXIT", sizeof(struct sync_exit), 0},
    [SYNC_INPUT] = {"INPUT", 0, 1},
    [SYNC_INPUT_END] = {"INPUT_END", 0, 0},
    [SYNC_RESIZE] = {"RESIZE", sizeof(struct winsize), 0},
    [SYNC_SIGNAL] = {"SIGNAL", sizeof(int32_t), 0},
    [SYNC_DETACH] = {"DETACH", 0, 0},
};
enum {
    STEP_COUNT = sizeof(STEPS) / sizeof(STEPS[0])
};

const char *sync_step_name(uint32_t step)
{
    return step < STEP_COUNT ? STEPS[step].name : "an unknown step";
}

int sync_pair(int ret_fds[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0) {
        return err_set(e, errno, "cannot create a socket pair");
    }
    return 0;
}

static size_t message_bytes(const struct sync_msg *msg)
{
    const struct step_row *row = &STEPS[msg->step];

    return HEAD_BYTES + (row->has_data ? msg->len : row->payload_bytes);
}

int sync_send_msg(int socket_fd, const struct sync_msg *msg, int flags)
{
    ssize_t n = 0;

    do {
        n = send(socket_fd, msg, message_bytes(msg), MSG_NOSIGNAL | flags);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* @r of a send. A peer that is gone has often said why before it went. */
static int check_sent(int socket_fd, enum sync_step step, int r, struct err *e)
{
    if (r >= 0) {
        return 0;
    }
    (void)err_set(e, -r, "cannot send %s", sync_step_name(step));
    return sync_prefer_its_error(socket_fd, e);
}

/* The payload of these steps is all zero, or does not matter. */
int sync_send(int socket_fd, enum sync_step step, int fd, struct err *e)
{
    char bytes[HEAD_BYTES + sizeof(struct sync_host)] = {0};
    uint32_t number = step;
    int r = 0;

    memcpy(bytes, &number, sizeof(number));
    r = fd_send(socket_fd, bytes, HEAD_BYTES + STEPS[step].payload_bytes, &fd, fd >= 0 ? 1 : 0);
    return check_sent(socket_fd, step, r, e);
}

int sync_send_host(int socket_fd, const struct sync_host *host, int join_fd, struct err *e)
{
    char bytes[HEAD_BYTES + sizeof(*host)] = {0};
    uint32_t number = SYNC_HOST_READY;
    int r = 0;

    memcpy(bytes, &number, sizeof(number));
    memcpy(bytes + HEAD_BYTES, host, sizeof(*host));
    r = fd_send(socket_fd, bytes, sizeof(bytes), &join_fd, join_fd >= 0 ? 1 : 0);
    return check_sent(socket_fd, SYNC_HOST_READY, r, e);
}

void sync_send_err(int socket_fd, const struct err *err)
{
    struct {
        uint32_t step;
        uint32_t len;
        struct err err;
    } msg = {.step = SYNC_ERROR, .err = *err};

    (void)fd_send(socket_fd, &msg, sizeof(msg), NULL, 0);
}

/* The peer may be a container's first process that went wrong: sizes and strings are checked before
 * they are used. */
static int check_message(struct sync_msg *msg, size_t bytes)
{
    if (bytes < HEAD_BYTES || msg->step == SYNC_END || msg->step >= STEP_COUNT ||
        (STEPS[msg->step].has_data && msg->len > SYNC_DATA_MAX) || bytes != message_bytes(msg)) {
        return -EPROTO;
    }
    if (msg->step != SYNC_ERROR) {
        return 0;
    }
    return msg->u.err.errnum != 0 ? err_received(&msg->u.err) : -EPROTO;
}

static void close_fds(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close_fd(&fds[i]);
    }
}

int sync_recv(int socket_fd, struct sync_msg *msg, int *ret_fds, size_t fd_max)
{
    ssize_t n = fd_recv(socket_fd, msg, sizeof(*msg), ret_fds, fd_max, NULL);
    int r = 0;

    /* Said once when the peer left a message of ours unread, and before what it sent itself. */
    if (n == -ECONNRESET) {
        n = fd_recv(socket_fd, msg, sizeof(*msg), ret_fds, fd_max, NULL);
    }
    if (n == 0) {
        msg->step = SYNC_END;
    } else {
        r = n < 0 ? (int)n : check_message(msg, (size_t)n);
    }
    if (r < 0) {
        close_fds(ret_fds, fd_max);
    }
    return r;
}

/* Is @msg the step that was due? Else say what came instead. */
static int check_step(int r, const struct sync_msg *msg, enum sync_step step, const char *peer,
                      struct err *e)
{
    if (r < 0) {
        return err_set(e, -r, "cannot hear from %s during %s", peer, sync_step_name(step));
    }
    if (msg->step == (uint32_t)step) {
        return 0;
    }
    if (msg->step == SYNC_ERROR) {
        *e = msg->u.err;
        return -e->errnum;
    }
    if (msg->step == SYNC_END) {
        return err_new(e, EPIPE, "%s died during %s", peer, sync_step_name(step));
    }
    return err_new(e, EPROTO, "%s sent %s during %s", peer, sync_step_name(msg->step),
                   sync_step_name(step));
}

int sync_wait(int socket_fd, enum sync_step step, const char *peer, int *ret_fd, struct err *e)
{
    struct sync_msg msg;
    int fd = -1;
    int r = check_step(sync_recv(socket_fd, &msg, &fd, 1), &msg, step, peer, e);

    if (r == 0 && ret_fd != NULL) {
        *ret_fd = steal_fd(&fd);
    }
    close_fd(&fd);
    return r;
}

int sync_wait_host(int socket_fd, struct sync_host *ret, int *ret_join_fd, struct err *e)
{
    struct sync_msg msg;
    int r = sync_recv(socket_fd, &msg, ret_join_fd, 1);

    r = check_step(r, &msg, SYNC_HOST_READY, "the launcher", e);
    if (r < 0) {
        close_fd(ret_join_fd);
        return r;
    }
    *ret = msg.u.host;
    return 0;
}

int sync_await_exec(int *socket_fd, const char *peer, struct err *e)
{
    struct sync_msg msg;
    int r = check_step(sync_recv(*socket_fd, &msg, NULL, 0), &msg, SYNC_END, peer, e);

    close_fd(socket_fd);
    return r;
}

int sync_prefer_its_error(int socket_fd, struct err *e)
{
    struct pollfd its = {.fd = socket_fd, .events = POLLIN};
    struct sync_msg msg;
    int r = 0;

    do { /* steps that nobody waited for may lie before it */
        r = poll(&its, 1, ITS_ERROR_MS) > 0 ? sync_recv(socket_fd, &msg, NULL, 0) : -ETIMEDOUT;
    } while (r == 0 && msg.step != SYNC_ERROR && msg.step != SYNC_END);
    if (r == 0 && msg.step == SYNC_ERROR) {
        *e = msg.u.err;
    }
    return -e->errnum;
}
