/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/streams.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "box/logs.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "sys/selinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char SOCKET[] = "attach.sock"; /* in the run folder */

enum {
    CHUNK_BYTES = 32 << 10,
    CLIENT_PATIENCE_MS = 2000,
    BACKLOG = 16,
};

/* Rows of streams_poll(). */
enum {
    ROW_IN,
    ROW_OUT,
    ROW_ERR,
    ROW_LISTEN,
    ROW_CLIENTS
};

struct client {
    int fd;
    int is_owner;
    size_t taken;          /* bytes of the chunk */
    int64_t full_since_ms; /* 0: it takes what it gets */
};

struct streams {
    int terminal;
    int in_fd;      /* towards the command; of a terminal the same as out */
    int peer_fd;    /* the command's end of the terminal, or -1: see streams_terminal() */
    int out_fds[2]; /* by enum logs_stream */
    int listen_fd;
    struct logs *log;
    struct client clients[STREAMS_CLIENTS];
    size_t client_count;
    int owner_left;
    struct sync_msg input; /* what the command did not take yet */
    size_t input_done;
    struct sync_msg piece; /* of the chunk, for a client */
    enum logs_stream chunk_stream;
    size_t chunk_len; /* 0: all clients have it */
    char chunk[CHUNK_BYTES];
};

/* ---- clients */

static void add_client(struct streams *s, int fd, int is_owner)
{
    s->clients[s->client_count++] =
        (struct client){.fd = fd, .is_owner = is_owner, .taken = s->chunk_len};
}

static void drop_client(struct streams *s, size_t i)
{
    (void)close(s->clients[i].fd);
    s->clients[i] = s->clients[--s->client_count];
}

static void accept_client(struct streams *s)
{
    const struct sync_msg hello = {.step = SYNC_STARTED};
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0 && s->client_count < STREAMS_CLIENTS &&
        sync_send_msg(fd, &hello, MSG_DONTWAIT) == 0) {
        add_client(s, fd, 0);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

/* Give @c what is left of the chunk. Returns 0, -EAGAIN when it is full, or what went wrong. */
static int give_chunk(struct streams *s, struct client *c)
{
    int r = 0;

    s->piece.step = s->chunk_stream == LOGS_STDOUT ? SYNC_OUTPUT : SYNC_OUTPUT_ERR;
    while (r == 0 && c->taken < s->chunk_len) {
        size_t len = s->chunk_len - c->taken;

        len = len < SYNC_DATA_MAX ? len : SYNC_DATA_MAX;
        memcpy(s->piece.u.data, s->chunk + c->taken, len);
        s->piece.len = (uint32_t)len;
        r = sync_send_msg(c->fd, &s->piece, MSG_DONTWAIT);
        c->taken += r == 0 ? len : 0;
    }
    return r;
}

static int has_patience(const struct client *c)
{
    return c->is_owner || c->full_since_ms == 0 ||
           clock_monotonic_ms() - c->full_since_ms < CLIENT_PATIENCE_MS;
}

/* The owner's going is seen when it is read from; what it can't be told is lost till then. */
static void give_all(struct streams *s)
{
    int is_left = 0;

    for (size_t i = s->client_count; i > 0; i--) {
        struct client *c = &s->clients[i - 1];
        int r = give_chunk(s, c);

        if (r == -EAGAIN && has_patience(c)) {
            c->full_since_ms = c->full_since_ms > 0 ? c->full_since_ms : clock_monotonic_ms();
            is_left = 1;
        } else if (r == 0 || c->is_owner) {
            c->full_since_ms = 0;
            c->taken = s->chunk_len;
        } else {
            drop_client(s, i - 1);
        }
    }
    if (!is_left) {
        s->chunk_len = 0;
        for (size_t i = 0; i < s->client_count; i++) {
            s->clients[i].taken = 0;
        }
    }
}

static void lose_owner(struct streams *s, const struct streams_handler *h)
{
    s->owner_left = 1;
    h->owner_gone(h->arg);
}

int streams_owner_left(const struct streams *s)
{
    return s->owner_left;
}

/* ---- input */

static void flush_input(struct streams *s)
{
    while (s->input_done < s->input.len) {
        ssize_t n = write(s->in_fd, s->input.u.data + s->input_done, s->input.len - s->input_done);

        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) {
                return;
            }
            break; /* nobody reads any more: drop it */
        }
        s->input_done += (size_t)n;
    }
    s->input.len = 0;
    s->input_done = 0;
}

/* For a terminal it is its end-of-file character. */
static void end_input(struct streams *s)
{
    static const char EOT = 4;

    if (s->terminal && s->in_fd >= 0) {
        (void)!write(s->in_fd, &EOT, 1);
    } else if (!s->terminal) {
        close_fd(&s->in_fd);
    }
}

/* One message of client @i. */
static void take_message(struct streams *s, size_t i, const struct streams_handler *h)
{
    struct client *c = &s->clients[i];
    struct sync_msg *msg = &s->input;
    int r = sync_recv(c->fd, msg, NULL, 0);
    uint32_t step = r < 0 ? SYNC_END : msg->step;
    int is_owner = c->is_owner;

    switch (step) {
    case SYNC_INPUT:
        flush_input(s);
        return;
    case SYNC_INPUT_END:
        end_input(s);
        break;
    case SYNC_RESIZE:
        (void)ioctl(s->in_fd, TIOCSWINSZ, &msg->u.size);
        break;
    case SYNC_SIGNAL:
        h->signal(h->arg, msg->u.signal);
        break;
    default: /* SYNC_DETACH, or it is gone */
        drop_client(s, i);
        if (is_owner && step != SYNC_DETACH) {
            lose_owner(s, h);
        }
        break;
    }
    msg->len = 0;
}

/* ---- output */

/* Read what the command wrote. Returns 0 when there is nothing (now, or any more). */
static int read_output(struct streams *s, enum logs_stream stream)
{
    int *fd = &s->out_fds[stream];
    ssize_t n = *fd >= 0 ? read(*fd, s->chunk, sizeof(s->chunk)) : 0;

    if (n <= 0) {
        /* EIO: no process has the terminal open. */
        if (*fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
            s->in_fd = s->terminal ? -1 : s->in_fd;
            close_fd(fd);
        }
        return 0;
    }
    s->chunk_stream = stream;
    s->chunk_len = (size_t)n;
    if (s->log != NULL) {
        logs_write(s->log, stream, s->chunk, s->chunk_len);
    }
    give_all(s);
    return 1;
}

/* ---- the loop's */

void streams_poll(const struct streams *s, struct pollfd *p)
{
    /* Each source is held back by what is pending: no buffer grows. */
    const short out = s->chunk_len == 0 ? POLLIN : 0;

    p[ROW_IN] = (struct pollfd){.fd = s->input.len > 0 ? s->in_fd : -1, .events = POLLOUT};
    p[ROW_OUT] = (struct pollfd){.fd = out != 0 ? s->out_fds[LOGS_STDOUT] : -1, .events = out};
    p[ROW_ERR] = (struct pollfd){.fd = out != 0 ? s->out_fds[LOGS_STDERR] : -1, .events = out};
    p[ROW_LISTEN] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < STREAMS_CLIENTS; i++) {
        const struct client *c = &s->clients[i];
        int events = (s->input.len == 0 ? POLLIN : 0) | (c->full_since_ms > 0 ? POLLOUT : 0);
        int is_asked = i < s->client_count && (events != 0 || c->is_owner);

        p[ROW_CLIENTS + i] = (struct pollfd){.fd = is_asked ? c->fd : -1, .events = (short)events};
    }
}

void streams_serve(struct streams *s, const struct pollfd *p, const struct streams_handler *h)
{
    if (p[ROW_IN].revents != 0) {
        flush_input(s);
    }
    /* From the last: one that is dropped gives its place to one that was looked at already. */
    for (size_t i = s->client_count; i > 0; i--) {
        int revents = p[ROW_CLIENTS + i - 1].revents;

        if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && s->input.len == 0) {
            take_message(s, i - 1, h);
        } else if ((revents & POLLHUP) != 0 && s->clients[i - 1].is_owner) {
            drop_client(s, i - 1);
            lose_owner(s, h);
        }
    }
    if (s->chunk_len > 0) {
        give_all(s);
    }
    if (s->chunk_len == 0 && p[ROW_OUT].revents != 0) {
        (void)read_output(s, LOGS_STDOUT);
    }
    if (s->chunk_len == 0 && p[ROW_ERR].revents != 0) {
        (void)read_output(s, LOGS_STDERR);
    }
    if (p[ROW_LISTEN].revents != 0) {
        accept_client(s);
    }
}

int streams_timeout_ms(const struct streams *s)
{
    return s->chunk_len > 0 ? CLIENT_PATIENCE_MS : -1;
}

static void await_clients(struct streams *s)
{
    while (s->chunk_len > 0) {
        struct pollfd p[STREAMS_CLIENTS];
        nfds_t count = 0;

        for (size_t i = 0; i < s->client_count; i++) {
            if (s->clients[i].full_since_ms > 0) {
                p[count++] = (struct pollfd){.fd = s->clients[i].fd, .events = POLLOUT};
            }
        }
        (void)poll(p, count, CLIENT_PATIENCE_MS);
        give_all(s);
    }
}

void streams_drain(struct streams *s)
{
    close_fd(&s->peer_fd); /* now it may end */
    await_clients(s);
    for (int stream = LOGS_STDOUT; stream <= LOGS_STDERR; stream++) {
        while (read_output(s, (enum logs_stream)stream)) {
            await_clients(s);
        }
        close_fd(&s->out_fds[stream]);
    }
    if (s->terminal) {
        s->in_fd = -1;
    }
    close_fd(&s->in_fd);
    s->input.len = 0;
}

void streams_tell(struct streams *s, const struct sync_msg *msg)
{
    for (size_t i = 0; i < s->client_count; i++) {
        (void)sync_send_msg(s->clients[i].fd, msg, s->clients[i].is_owner ? 0 : MSG_DONTWAIT);
    }
}

void streams_notice(struct streams *s, const char *text)
{
    autofree char *line = xasprintf("rbox: %s\n", text);

    if (s->log != NULL) {
        logs_write(s->log, LOGS_STDERR, line, strlen(line));
    }
    s->piece.step = SYNC_NOTICE;
    s->piece.len = (uint32_t)snprintf(s->piece.u.data, sizeof(s->piece.u.data), "%s", text);
    streams_tell(s, &s->piece);
}

/* ---- making */

struct streams *streams_new(int launcher_fd, int is_owner)
{
    struct streams *s = xcalloc(1, sizeof(*s));

    s->in_fd = -1;
    s->out_fds[LOGS_STDOUT] = -1;
    s->out_fds[LOGS_STDERR] = -1;
    s->peer_fd = -1;
    s->listen_fd = -1;
    add_client(s, launcher_fd, is_owner);
    return s;
}

void streams_detach_launcher(struct streams *s)
{
    if (s->client_count > 0) {
        drop_client(s, 0);
    }
}

int streams_listen(struct streams *s, const struct spec *spec, const struct state *st,
                   struct err *e)
{
    const struct sockaddr_un address = path_socket_address(st->lock_fd, SOCKET);

    s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listen_fd < 0 ||
        bind(s->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(s->listen_fd, BACKLOG) < 0) {
        return err_set(e, errno, "cannot listen for clients that attach");
    }
    return str_eq(spec->box.log_driver, "none")
               ? 0
               : logs_open(st->dir_fd, spec->box.log_max_size_bytes, &s->log, e);
}

/* Mode 0666: a command that is not root may open /dev/stdout again. Nobody else can reach it. */
int streams_pipe(const struct spec *spec, int dir_fd, int ret[2], struct err *e)
{
    const char *label = spec->process.selinux_label != NULL ? spec->linux_.mount_label : NULL;
    int r = selinux_pipe(dir_fd, label, ret, e);

    return r == 0 && fchmod(ret[0], 0666) < 0 ? err_set(e, errno, "cannot open a pipe to all") : r;
}

static void keep_end(int fd, int *ret)
{
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    *ret = fd;
}

int streams_pipes(struct streams *s, const struct spec *spec, int dir_fd, int ret_child[3],
                  struct err *e)
{
    int ends[2];

    for (int fd = 0; fd <= 2; fd++) {
        ret_child[fd] = -1;
        if (fd == 0 && !spec->box.interactive) {
            continue;
        }
        if (streams_pipe(spec, dir_fd, ends, e) < 0) {
            return -e->errnum;
        }
        ret_child[fd] = fd == 0 ? ends[0] : ends[1];
        keep_end(fd == 0 ? ends[1] : ends[0], fd == 0 ? &s->in_fd : &s->out_fds[fd - 1]);
    }
    return 0;
}

int streams_become(const int child[3], struct err *e)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (child[fd] >= 0 && dup2(child[fd], fd) < 0) {
            return err_set(e, errno, "cannot set descriptor %d", fd);
        }
    }
    return 0;
}

void streams_terminal(struct streams *s, int master_fd)
{
    s->terminal = 1;
    s->in_fd = master_fd;
    /* A terminal that nobody has open for a moment ends for us (EIO), and we would close it. A
     * systemd closes it first thing, and opens it again for every line. */
    s->peer_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    keep_end(master_fd, &s->out_fds[LOGS_STDOUT]);
}

void streams_close(struct streams *s)
{
    while (s->client_count > 0) {
        drop_client(s, 0);
    }
    close_fd(&s->listen_fd);
    close_fd(&s->peer_fd);
    close_fd(&s->in_fd);
    close_fd(&s->out_fds[LOGS_STDOUT]);
    close_fd(&s->out_fds[LOGS_STDERR]);
    logs_close(s->log);
    free(s);
}

int streams_connect(int run_fd, int *ret_fd, struct err *e)
{
    const struct sockaddr_un address = path_socket_address(run_fd, SOCKET);
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return err_set(e, errno, "cannot open a socket");
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return errno == ENOENT
                   ? err_new(e, ENOTCONN,
                             "its input and output are those of the command that runs it")
                   : err_set(e, errno, "cannot attach to it");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}
