/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System call filters. Building them is rbox-seccomp's work (libseccomp), at build time for the
 * default profile and once for each custom one; the launcher only loads the finished program. */
#ifndef RBOX_BOX_SECCOMP_H
#define RBOX_BOX_SECCOMP_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>

/* Finished classic BPF programs. len 0: no filter. */
struct seccomp_filter {
    const void *program; /* struct sock_filter[]: static, or owned by @owned */
    size_t len;          /* in instructions */
    void *owned;
    int single_id; /* also load the filter that answers for ids a single-id container lacks */
};

/* Choose or compile the filter of @s. Host side. The caller owns *ret (seccomp_done()).
 * Errors: a profile that can't be read or compiled. */
int seccomp_prepare(const struct spec *s, struct seccomp_filter *ret, struct err *e);
void seccomp_done(struct seccomp_filter *f);

/* Load it. Child side: needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. */
int seccomp_load(const struct seccomp_filter *f, struct err *e);

#endif
