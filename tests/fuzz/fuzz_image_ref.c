/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "image/image_ref.h"

#include <stdlib.h>
#include <string.h>

/* What is written out is read back as the same. */
static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct image_ref ref = {0};

    if (image_ref_parse(text, &ref, &e) == 0) {
        struct image_ref again = {0};
        autofree char *out = image_ref_text(&ref);
        autofree char *twice = NULL;

        if (image_ref_parse(out, &again, &e) < 0) {
            abort();
        }
        twice = image_ref_text(&again);
        if (strcmp(out, twice) != 0) {
            abort();
        }
        image_ref_done(&again);
        image_ref_done(&ref);
    }
    (void)len;
}

FUZZ_TEXT(fuzz)
