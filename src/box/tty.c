/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/tty.h"

#include <errno.h>
#include <unistd.h>

void tty_raw(int fd, struct tty *ret)
{
    struct termios raw;

    ret->fd = -1;
    if (tcgetattr(fd, &ret->saved) < 0) {
        return;
    }
    raw = ret->saved;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) == 0) {
        ret->fd = fd;
    }
}

void tty_restore(struct tty *t)
{
    int saved = errno;

    if (t->fd >= 0) {
        (void)tcsetattr(t->fd, TCSADRAIN, &t->saved);
        t->fd = -1;
    }
    errno = saved;
}

struct winsize tty_size(void)
{
    struct winsize size = {0};

    for (int fd = 0; fd <= 2; fd++) {
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            return size;
        }
    }
    return (struct winsize){0};
}
