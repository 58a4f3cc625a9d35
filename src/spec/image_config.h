/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an image asks of its containers: data only, so that the spec can be merged without the
 * store. */
#ifndef RBOX_SPEC_IMAGE_CONFIG_H
#define RBOX_SPEC_IMAGE_CONFIG_H

#include "base/mem.h"
#include "spec/spec_health.h"

#include <stdint.h>

/* The fields of an image's config that a container takes over
 * (https://github.com/opencontainers/image-spec/blob/main/config.md). */
struct image_config {
    struct strv entrypoint;
    struct strv cmd;
    struct strv env;
    char *working_dir;
    char *user;
    char *stop_signal;
    struct spec_health health;
    struct strv volumes;       /* paths */
    struct strv exposed_ports; /* "80/tcp" */
    struct strv labels;        /* "K=V" */
    char *os;
    char *architecture;
    char *variant;     /* of the architecture */
    int64_t created_s; /* since 1970; 0: it does not say */
};

#endif
