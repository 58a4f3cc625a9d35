/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_handler=slirp4netns, for net_slirp.c: published ports by slirp4netns itself. */
#ifndef RBOX_BOX_NET_SLIRP_PORTS_H
#define RBOX_BOX_NET_SLIRP_PORTS_H

#include "base/err.h"
#include "box/net.h"
#include "spec/spec.h"

#include <netinet/in.h>

int slirp_ports_wanted(const struct spec *s);

/* Can it serve what @s publishes? Launcher. */
int slirp_ports_check(const struct spec *s, struct err *e);

/* The folder of its socket, which it must inherit, and the argument that names it. The caller owns
 * both. */
int slirp_ports_folder(int run_fd, int *ret_fd, struct err *e);
char *slirp_ports_argument(int folder_fd);

/* Once it is ready. Errors: -EADDRINUSE and the like, in its words. */
int slirp_ports_publish(const struct spec *s, struct in_addr guest, int run_fd, struct err *e);

#endif
