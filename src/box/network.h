/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks as they run; what the store knows of them is network_config.h's.
 *
 * All containers of one user and store that are in user networks share one process, the keeper: it
 * owns a user namespace (the upper one), below which those of these containers are, and a network
 * namespace with a bridge for each network, one slirp4netns for all, and a resolver. It is started
 * by whoever needs it first, and ends when the last connection to it does. A container's
 * connection is held by its supervisor: whoever dies leaves. docs/NETWORK.md says why.
 *
 *     network_check()    launcher: are the networks of a spec there?
 *     network_enter()    launcher: find or start the keeper, get addresses
 *     network_anchor_start()  launcher: for the keeper's death
 *     NET_USER           the backend (net.h): the supervisor has the container plugged in
 *     network_connect()  any client, while a container runs
 */
#ifndef RBOX_BOX_NETWORK_H
#define RBOX_BOX_NETWORK_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#include <sys/types.h>

/* A container's connection to the keeper. */
struct network_seat {
    int fd;           /* as long as any copy is open its addresses are taken; -1: no user network */
    int keeper_pidfd; /* to see it die */
    int userns_fd;    /* the upper user namespace */
    int anchor_fd;    /* of network_anchor_start(), or -1 */
};

#define NETWORK_SEAT_INIT \
    ((struct network_seat){.fd = -1, .keeper_pidfd = -1, .userns_fd = -1, .anchor_fd = -1})

void network_seat_done(struct network_seat *seat);

/* Are all networks of @s there? Ids become names. Errors: -ENOENT. Host side. */
int network_check(const struct store *store, struct spec *s, struct err *e);

/* Take a seat for the container of @s, if it is in user networks; its joins say then what it got.
 * @upper_fd: the upper user namespace that it is below already, or -1. On success the caller owns
 * *ret. Host side. */
int network_enter(const struct store *store, struct spec *s, int upper_fd, struct network_seat *ret,
                  struct err *e);

/* Leave a process outside that can take another seat for container @id, as long as the supervisor
 * lives, which holds seat->anchor_fd alone. Host side. */
int network_anchor_start(const struct store *store, const char *id, struct network_seat *seat,
                         pid_t *ret_pid, struct err *e);

/* The keeper died: another seat, with the same addresses, at a new one. Of a failure the old seat
 * is left. Supervisor. */
int network_seat_renew(struct network_seat *seat, struct err *e);

/* Can a container whose user namespace is that of another one, @user_fd (-1: it has its own), be
 * plugged in? Only below the upper one. Errors: -EINVAL. */
int network_check_user(const struct network_seat *seat, int user_fd, struct err *e);

/* Put running container @id into the network of @j, which is filled in; or take it out of @network.
 * Host side. Errors: -ESRCH it has no seat. */
int network_connect(const struct store *store, const char *id, struct spec_join *j, struct err *e);
int network_disconnect(const struct store *store, const char *id, const char *network,
                       struct err *e);

/* Is the container of @s in networks with no way out only? */
int network_is_internal(const struct spec *s);

/* The servers for resolv.conf: gateways that answer for names. Pushes none where there are none. */
void network_nameservers(const struct spec *s, struct strv *ret);

#endif
