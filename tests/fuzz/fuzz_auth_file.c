/* SPDX-License-Identifier: GPL-2.0-or-later */
/* auth.json and docker's config.json. What they name as a credential helper is not found: PATH has
 * none. */
#include "fuzz.h"
#include "image/auth_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void fuzz(char *text, size_t len)
{
    static const char *const NAMES[][2] = {{"docker.io", "library/busybox"},
                                           {"a.example:5000", "b/c"}};
    int fd = memfd_create("auth.json", MFD_CLOEXEC);
    char path[64];

    (void)setenv("PATH", "/nonexistent", 1);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, text, len) == (ssize_t)len) {
        for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
            struct credentials c = {0};
            struct err e = {0};

            (void)auth_find(path, NAMES[i][0], NAMES[i][1], &c, &e);
            credentials_done(&c);
        }
    }
    (void)close(fd);
}

FUZZ_TEXT(fuzz)
