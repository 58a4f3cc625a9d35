/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System call filters. Building them is rbox-seccomp's work (libseccomp): at build time for the
 * default profile, and once for each other one, whose result is cached. The launcher only loads
 * finished programs. Several may be loaded; the kernel takes the strictest answer. */
#ifndef RBOX_BOX_SECCOMP_H
#define RBOX_BOX_SECCOMP_H

#include "base/err.h"
#include "spec/spec.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

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
    size_t count;
    size_t profile_count;           /* the first ones, which are the profile; 0: unconfined */
    struct seccomp_program explain; /* takes the profile's place with --explain (explain.h) */
};

/* Choose or compile the programs for @s: profile, capabilities, and whether its map has one id.
 * Host side. The caller owns *ret (seccomp_done()).
 * Errors: a profile that cannot be read or compiled. */
int seccomp_prepare(const struct spec *s, struct seccomp_filter *ret, struct err *e);
void seccomp_done(struct seccomp_filter *f);

/* Load them. Child side: needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. With
 * --explain the listener goes through @sync_fd to the supervisor: nobody inside may have it. */
int seccomp_load(const struct seccomp_filter *f, int sync_fd, struct err *e);

/* What the profile answers to call @data (SECCOMP_RET_…). Pure. */
uint32_t seccomp_answer(const struct seccomp_filter *f, const struct seccomp_data *data);

#endif
