/* SPDX-License-Identifier: GPL-2.0-or-later */
/* With --network host a container asks the host's name servers themselves, so its /etc/resolv.conf
 * must follow the host's: another network, a VPN. The file in the container is one of rbox's, which
 * is written anew in place when the host's has become another. Supervisor. */
#ifndef RBOX_BOX_NAMES_H
#define RBOX_BOX_NAMES_H

#include "spec/spec.h"

#include <sys/types.h>

struct names {
    const struct spec *spec; /* borrowed */
    int notify_fd;           /* to be polled; -1: nothing is followed */
    int file_fd;
};

#define NAMES_INIT ((struct names){.notify_fd = -1, .file_fd = -1})

/* Begin for the container whose first process the host knows as @pid, if @s wants it. Best effort:
 * else the file stays as it was. */
void names_begin(const struct spec *s, pid_t pid, struct names *n);
void names_end(struct names *n);

/* Something has changed. */
void names_serve(const struct names *n);

#endif
