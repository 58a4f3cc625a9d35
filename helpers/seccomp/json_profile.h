/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles in docker's JSON format (https://docs.docker.com/engine/security/seccomp/): foreign
 * bytes, checked field by field. */
#ifndef RBOX_SECCOMP_JSON_PROFILE_H
#define RBOX_SECCOMP_JSON_PROFILE_H

#include "base/err.h"

#include <seccomp.h>
#include <stdint.h>

/* Read the profile from @fd and make a filter for a container with the capabilities @caps. On
 * success the caller owns *ret (seccomp_release()). */
int json_profile_compile(int fd, uint64_t caps, scmp_filter_ctx *ret, struct err *e);

#endif
