/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers of `rbox oci`: a folder each, below one that --root names.
 *
 *     ROOT/ID/    config.json (the spec)  state.json  cgroup.json  start.sock (until it is started)
 *                 fs (where its root is mounted, in its own mount namespace)
 *
 * There is no supervisor, and nobody to hold a lock: whether it lives is asked of the process that
 * state.json names, whose start time tells it from another of the same number. The folder of one
 * that is being made is locked. Host side. */
#ifndef RBOX_BOX_OCI_STATE_H
#define RBOX_BOX_OCI_STATE_H

#include "base/err.h"
#include "box/oci_hooks.h"
#include "spec/spec.h"

#include <jansson.h>
#include <stdint.h>

enum oci_status {
    OCI_CREATING,
    OCI_CREATED,
    OCI_RUNNING,
    OCI_PAUSED,
    OCI_STOPPED
};

struct oci_state {
    char *id;
    int root_fd; /* ROOT */
    int dir_fd;  /* ROOT/ID */
    json_t *o;   /* state.json: id, bundle, pid, startTicks, created, annotations, hooks, uid */
};

#define OCI_STATE_INIT ((struct oci_state){.root_fd = -1, .dir_fd = -1})

/* Open the folder of all of them, @given or the usual one, making it. The caller owns *ret_fd. */
int oci_state_open_root(const char *given, int *ret_fd, struct err *e);

/* Make the folder of @id, locked by *ret->dir_fd. What a create that died left is replaced. Errors:
 * -EEXIST; -EINVAL the id. */
int oci_state_new(int root_fd, const char *id, struct oci_state *ret, struct err *e);

/* Write state.json, for the process @pid (0: not yet). */
int oci_state_write(const struct oci_state *st, pid_t pid, struct err *e);

/* Read that of @id. Errors: -ENOENT. */
int oci_state_open(int root_fd, const char *id, struct oci_state *ret, struct err *e);

/* The same, and its process must live: a pidfd. Errors: -ESRCH. */
int oci_state_process(const struct oci_state *st, int *ret_pidfd, struct err *e);

enum oci_status oci_state_status(const struct oci_state *st);
const char *oci_status_name(enum oci_status status);
pid_t oci_state_pid(const struct oci_state *st);

/* What `state` prints and hooks are told. New reference. */
json_t *oci_state_json(const struct oci_state *st);

/* The spec it was made from. On success the caller owns *ret. */
int oci_state_spec(const struct oci_state *st, struct spec *ret, struct err *e);

/* The path of its filter's source, linux.seccomp. The caller owns it. */
char *oci_state_seccomp(const struct oci_state *st);

/* Its hooks; done by oci_hooks_done(). */
struct oci_hooks oci_state_hooks(const struct oci_state *st);
void oci_hooks_done(struct oci_hooks *h);

/* start.sock: make it and listen, or connect to it. The caller owns *ret_fd. */
int oci_state_listen(const struct oci_state *st, int *ret_fd, struct err *e);
int oci_state_connect(const struct oci_state *st, int *ret_fd, struct err *e);

/* It was started: the socket goes. */
void oci_state_started(const struct oci_state *st);

/* Is a create at work at it? */
int oci_state_is_being_made(const struct oci_state *st);

/* Take the folder away. */
int oci_state_remove(const struct oci_state *st, struct err *e);

void oci_state_done(struct oci_state *st);
#define auto_oci_state __attribute__((cleanup(oci_state_done)))

#endif
