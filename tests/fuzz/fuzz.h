/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzz target is a file fuzz_NAME.c; tests/fuzz/seeds/NAME
 * has what it begins with. `make fuzz FUZZ_S=60` runs each for so many seconds. */
#ifndef RBOX_TESTS_FUZZ_H
#define RBOX_TESTS_FUZZ_H

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline char *fuzz_copy(const char *data, size_t len)
{
    char *copy = xmalloc(len + 1);

    for (size_t i = 0; i < len; i++) {
        copy[i] = data[i];
    }
    copy[len] = '\0';
    return copy;
}

/* Define the target as @function(char *text, size_t len): @text has a NUL behind its @len bytes,
 * and any within. */
#define FUZZ_TEXT(function)                                       \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)   \
    {                                                             \
        autofree char *text = fuzz_copy((const char *)data, len); \
                                                                  \
        function(text, len);                                      \
        return 0;                                                 \
    }

#endif
