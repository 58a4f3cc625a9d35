/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `rbox run --explain`: what was denied to the container, and which option allows it.
 *
 * The profile is loaded in another form: where it refuses, it asks (seccomp_unotify(2)). Asked is
 * the supervisor, which alone has the listener; it looks up in the profile itself what the answer
 * is, gives the program that very error, and counts. Unknown calls stay plain errors: libraries
 * probe for them and fall back. The supervisor never lets a refused call through, and when it dies
 * the kernel answers ENOSYS for it. Beside those, it looks at calls that the profile allows and
 * something else may deny: opening paths, connecting, needing a capability that the container
 * lacks. These go on, whatever it finds.
 *
 *     explain_filter()      launcher: the other form of the profile
 *     explain_offer()       child: the routing socket, which answers where connections may go
 *     explain_meet()        supervisor: takes both over, and answers until the command is executed
 *     explain_poll_fd(), explain_serve()      supervisor: while the command runs
 *     explain_tell()        supervisor: at the end, a line for each thing denied */
#ifndef RBOX_BOX_EXPLAIN_H
#define RBOX_BOX_EXPLAIN_H

#include "base/err.h"
#include "box/seccomp.h"
#include "spec/spec.h"

#include <linux/seccomp.h>
#include <stdint.h>

struct explain;

/* Add the explaining program to @f, whose programs are the profile's so far. Errors: -ENOTSUP the
 * profile forbids what a start needs then. */
int explain_filter(struct seccomp_filter *f, struct err *e);

int explain_offer(int sync_fd, struct err *e);

/* Both are borrowed. NULL without --explain, which the others take as nothing to do. */
struct explain *explain_new(const struct spec *s, const struct seccomp_filter *f);
void explain_free(struct explain *x);
int explain_meet(struct explain *x, int sync_fd, const char *peer, struct err *e);
int explain_poll_fd(const struct explain *x); /* -1: none */
void explain_serve(void *arg);                /* the struct explain */
void explain_tell(const struct explain *x, void (*say)(void *arg, const char *text), void *arg);

/* ---- between the files of the explainer */

enum {
    EXPLAIN_WATCHED_MAX = 32
};

/* The calls that explain_look() wants to see; returns how many. Pure. */
size_t explain_watched(int ret[EXPLAIN_WATCHED_MAX]);

/* Look at call @n, which goes on: add a row if something denies it. */
void explain_look(struct explain *x, const struct spec *s, const struct seccomp_notif *n);

/* The socket of explain_offer(), or -1. */
int explain_routes_fd(const struct explain *x);

/* Count one "blocked N× @what; allow it with @how". */
void explain_count(struct explain *x, const char *what, const char *how);

/* The option that gives @cap. The caller owns it. */
char *explain_cap_option(int cap);

/* Count a call that the profile of @s refuses. */
void explain_count_call(struct explain *x, const struct spec *s, const struct seccomp_data *data);

#endif
