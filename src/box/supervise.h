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
#include "box/join.h"
#include "box/net.h"
#include "box/state.h"

/* Whose the container is. */
enum supervise_mode {
    SUPERVISE_FOREGROUND, /* the launcher's: it ends with it, and without a terminal it has its
                             descriptors */
    SUPERVISE_ATTACHED,   /* nobody's; the launcher is one who is attached */
    SUPERVISE_DETACHED    /* nobody's; the launcher goes when the command runs */
};

struct supervise {
    struct spec *spec;
    uid_t caller_uid; /* as the host counts */
    struct state *state;
    struct child child;       /* prepared by the launcher; sync_fd is the supervisor's to fill in */
    struct join join;         /* open */
    struct network_seat seat; /* in user networks, for all of its lives */
    struct net net;           /* checked, and listening on published ports */
    int control_fd;           /* towards the launcher */
    enum supervise_mode mode;
    int is_new; /* a start that fails leaves nothing of a new container */
};

/* Are its streams pipes or a terminal of the supervisor's? */
int supervise_has_streams(const struct supervise *s);

/* Run the container to its end. Called in the fork; never returns. What fails is sent to the
 * launcher. */
_Noreturn void supervise_main(struct supervise *s);

#endif
