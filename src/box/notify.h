/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --sdnotify: tells the service manager that started rbox (sd_notify(3), NOTIFY_SOCKET) when the
 * container is ready. By default the container says so itself, to a socket of its own at
 * NOTIFY_PLACE: what it may say of itself (READY=1, STATUS=, WATCHDOG=1 …) is passed on, what
 * concerns rbox's processes (MAINPID=, FDSTORE=1 …) is not. Runs in the supervisor. Without
 * NOTIFY_SOCKET in the caller's environment nothing of this is there. */
#ifndef RBOX_BOX_NOTIFY_H
#define RBOX_BOX_NOTIFY_H

#include "base/err.h"
#include "base/mem.h"
#include "spec/spec.h"

#include <stddef.h>

#define NOTIFY_PLACE "/run/notify/notify.sock"

struct notify {
    enum spec_sdnotify mode;
    int out_fd; /* towards the service manager; -1: nobody is told */
    int in_fd;  /* where the container speaks, to be polled; or -1 */
};

#define NOTIFY_INIT ((struct notify){.out_fd = -1, .in_fd = -1})

/* Open what @s asks for, before the first process is cloned. The container's socket is made in the
 * run folder @run_fd; @s gets a mount and a variable for it. Errors: -EINVAL the caller's
 * NOTIFY_SOCKET is no address, or the place is taken; those of connect(2). */
int notify_open(struct spec *s, int run_fd, struct notify *n, struct err *e);

/* The command runs. @is_detached: the supervisor is the service's main process from now on. */
void notify_started(const struct notify *n, int is_detached);

/* Its check has found the container healthy. */
void notify_healthy(const struct notify *n);

/* Pass on what the container has said, at most what a socket holds. */
void notify_serve(const struct notify *n);

/* Those lines of @text, which has @len bytes, that a container may say. Pure. */
void notify_filter(const char *text, size_t len, struct buf *ret);

#endif
