/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's terminal: raw while a container's terminal is attached to it, and as it was on every
 * way out. */
#ifndef RBOX_BOX_TTY_H
#define RBOX_BOX_TTY_H

#include <sys/ioctl.h>
#include <termios.h>

struct tty {
    int fd; /* -1: nothing to restore */
    struct termios saved;
};

/* Make @fd raw, remembering how it was. A @fd that is no terminal gives fd -1 and nothing to
 * restore. */
void tty_raw(int fd, struct tty *ret);

/* Put it back. NULL-safe in the sense of fd -1; a second call does nothing. */
void tty_restore(struct tty *t);
#define autotty __attribute__((cleanup(tty_restore)))

/* The size of the terminal behind any of descriptors 0, 1, 2; all zero when none is one. */
struct winsize tty_size(void);

#endif
