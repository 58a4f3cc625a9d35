/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command's standard streams, where the supervisor holds them: a terminal, or pipes. What comes
 * out goes to the log and to every client that is attached; what these send goes in. Runs in the
 * supervisor.
 *
 * A client is the launcher, or whoever connects to attach.sock in the container's run folder; both
 * speak sync.h. The owner is the launcher of a foreground run: its going ends the container. Bytes
 * are read on only when all clients have taken the last ones, so no buffer grows; a client (but the
 * owner) that takes nothing for a while is dropped: it must not stop a service. */
#ifndef RBOX_BOX_STREAMS_H
#define RBOX_BOX_STREAMS_H

#include "base/err.h"
#include "box/state.h"
#include "box/sync.h"
#include "spec/spec.h"

#include <poll.h>
#include <stdint.h>

enum {
    STREAMS_CLIENTS = 16,
    STREAMS_POLLS = 4 + STREAMS_CLIENTS,
};

struct streams;

/* What a client's words mean to the container. */
struct streams_handler {
    void (*signal)(void *arg, int signo);
    void (*owner_gone)(void *arg);
    void *arg;
};

/* No streams yet; @launcher_fd (the caller's to give away) is the first client. */
struct streams *streams_new(int launcher_fd, int is_owner);

/* Open log and attach.sock for a container whose streams the supervisor will hold. */
int streams_listen(struct streams *s, const struct spec *spec, const struct state *st,
                   struct err *e);

/* Pipes for the command of @spec, without a terminal: *ret_child gets its ends of 0, 1 and 2 (0 is
 * -1 unless interactive), which the caller closes after the fork. @dir_fd: as streams_pipe(). */
int streams_pipes(struct streams *s, const struct spec *spec, int dir_fd, int ret_child[3],
                  struct err *e);

/* One of them, which the command of @spec may use whatever its SELinux label. @dir_fd: the
 * container's folder. */
int streams_pipe(const struct spec *spec, int dir_fd, int ret[2], struct err *e);

/* In the fork: the ends of streams_pipes() become 0, 1 and 2. */
int streams_become(const int child[3], struct err *e);

/* The terminal whose other end the command has; @master_fd is given away. */
void streams_terminal(struct streams *s, int master_fd);

/* Let the launcher go: the container lives on. */
void streams_detach_launcher(struct streams *s);

/* Did the owner go without saying that it detaches? */
int streams_owner_left(const struct streams *s);

/* Fill in STREAMS_POLLS rows, and answer them. */
void streams_poll(const struct streams *s, struct pollfd *p);
void streams_serve(struct streams *s, const struct pollfd *p, const struct streams_handler *h);

/* How long poll() may wait until a client must be dropped; -1: for ever. */
int streams_timeout_ms(const struct streams *s);

/* All processes of the container are dead: deliver the rest of what they wrote, and close. */
void streams_drain(struct streams *s);

/* Send @msg to every client. */
void streams_tell(struct streams *s, const struct sync_msg *msg);

/* Tell every client @text, and the log. */
void streams_notice(struct streams *s, const char *text);

/* In the child: close what is the supervisor's. */
void streams_close(struct streams *s);

/* Client side: connect to a running container, whose run folder is @run_fd. On success the caller
 * owns *ret_fd. Errors: -ENOTCONN its streams are its caller's own. */
int streams_connect(int run_fd, int *ret_fd, struct err *e);

#endif
