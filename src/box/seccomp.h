/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System call filters. Building them is rbox-seccomp's work (libseccomp): at build time for the
 * default profile, and once for each other one, whose result is cached. The launcher only loads
 * finished programs. Several may be loaded; the kernel takes the strictest answer. */
#ifndef RBOX_BOX_SECCOMP_H
#define RBOX_BOX_SECCOMP_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>

enum {
    SECCOMP_PROGRAMS_MAX = 3
};

struct seccomp_program {
    const void *code; /* struct sock_filter[]; static, or owned */
    size_t bytes;
    int is_owned;
};

struct seccomp_filter {
    struct seccomp_program programs[SECCOMP_PROGRAMS_MAX];
    size_t count; /* 0: unconfined */
};

/* Choose or compile the programs for @s: profile, capabilities, and whether its map has one id.
 * Host side. The caller owns *ret (seccomp_done()).
 * Errors: a profile that cannot be read or compiled. */
int seccomp_prepare(const struct spec *s, struct seccomp_filter *ret, struct err *e);
void seccomp_done(struct seccomp_filter *f);

/* Load them. Child side: needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. */
int seccomp_load(const struct seccomp_filter *f, struct err *e);

#endif
