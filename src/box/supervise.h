/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor: parent of the container's PID 1, owner of its lock, terminal, network helper, and
 * of its end.
 *
 * It is a fork of the launcher, PID 1 of a PID namespace of its own (the outer one) in the
 * container's user namespace: when it dies, however it dies, the kernel kills everything below it.
 * It keeps the caller's kernel uid and has all capabilities in the user namespace, so it can remove
 * files of any mapped owner. Its mount and network namespaces are the host's. /proc is the host's
 * too: /proc/self works, pid numbers of its own do not; it knows processes by pidfd. */
#ifndef RBOX_BOX_SUPERVISE_H
#define RBOX_BOX_SUPERVISE_H

#include "box/child.h"
#include "box/net.h"
#include "box/state.h"

struct supervise {
    struct spec *spec;
    struct state *state;
    struct child child; /* prepared by the launcher; sync_fd is the supervisor's to fill in */
    struct net net;     /* checked, and listening on published ports */
    int control_fd;     /* towards the launcher; its end of file means that the launcher died */
};

/* Run the container to its end. Called in the fork; never returns. What fails is sent to the
 * launcher. */
_Noreturn void supervise_main(struct supervise *s);

#endif
