/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --systemd: what a systemd that is PID 1 wants of its container (systemd.io/CONTAINER_INTERFACE),
 * as podman gives it: file systems in memory at /run, /run/lock, /tmp and /var/log/journal, a
 * cgroup tree that it may write to, container_uuid, and SIGRTMIN+3 to stop it. Pure. */
#ifndef RBOX_SPEC_SPEC_SYSTEMD_H
#define RBOX_SPEC_SPEC_SYSTEMD_H

#include "base/err.h"
#include "spec/spec.h"

enum spec_systemd {
    SPEC_SYSTEMD_AUTO = 0, /* when the command is systemd, or an init in its place */
    SPEC_SYSTEMD_NEVER,
    SPEC_SYSTEMD_ALWAYS
};

/* The option's true, false and always. @mode: an enum spec_systemd. */
int spec_parse_systemd(const char *value, void *mode, struct err *e);

/* Give @s, whose command, id and volumes are known, what its systemd wants, if it is one. The stop
 * signal changes unless @has_stop_signal: somebody asked for one. */
void spec_systemd_merge(struct spec *s, enum spec_systemd mode, int has_stop_signal);

#endif
