/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default profile as a table: podman's behaviour, and docker's stricter answer where that is
 * cheap. Two programs come of it, both loaded; the kernel takes the stricter answer of the two:
 *
 *   allow   system calls by name; what is not listed gives ENOSYS, so that libraries fall back;
 *           what is listed as refused gives EPERM
 *
 *   deny    arguments that are refused to calls that are otherwise allowed; everything else passes
 */
#ifndef RBOX_SECCOMP_PROFILE_H
#define RBOX_SECCOMP_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* Allowed when any capability of @caps is held (0: always), else EPERM. */
struct profile_group {
    uint64_t caps;
    int nested;               /* also allowed by --nested, whatever the capabilities */
    const char *const *names; /* NULL-terminated */
};

/* An argument of @name that gives @errnum, unless a capability of @caps is held or, with @nested,
 * --nested was given: (argument & mask) == value, on the low 32 bits that the kernel looks at. */
struct profile_argument {
    const char *name;
    unsigned int index;
    uint32_t mask;
    uint32_t value;
    int differs; /* refused when the masked argument is NOT @value */
    int errnum;
    uint64_t caps;
    int nested;
};

extern const struct profile_group PROFILE_GROUPS[];
extern const size_t PROFILE_GROUP_COUNT;
extern const char *const PROFILE_REFUSED[]; /* EPERM, NULL-terminated */
extern const struct profile_argument PROFILE_ARGUMENTS[];
extern const size_t PROFILE_ARGUMENT_COUNT;

/* Personalities that are allowed (personality(2)). */
extern const uint32_t PROFILE_PERSONALITIES[];
extern const size_t PROFILE_PERSONALITY_COUNT;

/* Calls that a container with one id answers for with success: changing to ids it has not got. */
extern const char *const PROFILE_SINGLE_ID[];

#endif
