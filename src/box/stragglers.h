/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container leaves behind in a PID namespace that is not its own (--pid host, container: and
 * ns:): there its first process' end is nobody else's. They are known by the mount namespace. */
#ifndef RBOX_BOX_STRAGGLERS_H
#define RBOX_BOX_STRAGGLERS_H

#include <sys/types.h>

enum {
    STRAGGLERS_NAME_MAX = 64
};

/* The name of the mount namespace of process @pid, "" if it can't be had. */
void stragglers_mark(pid_t pid, char ret[STRAGGLERS_NAME_MAX]);

/* Kill all processes in the mount namespace @mark until there are none. Supervisor, which must be
 * in the PID namespace of /proc; not in @mark itself. */
void stragglers_kill(const char *mark);

#endif
