/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "spec/spec_json.h"

#include <stdlib.h>
#include <string.h>

/* What was read is written, read and written the same. */
static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct spec s = {0};

    if (spec_json_read(text, len, &s, &e) == 0) {
        struct spec again = {0};
        autofree char *out = spec_json_write(&s);
        autofree char *twice = NULL;

        if (spec_json_read(out, strlen(out), &again, &e) < 0) {
            abort();
        }
        twice = spec_json_write(&again);
        if (strcmp(out, twice) != 0) {
            abort();
        }
        spec_done(&again);
        spec_done(&s);
    }
}

FUZZ_TEXT(fuzz)
