/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "image/registries.h"

static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct registries r = {0};
    struct image_ref ref = {0};

    if (registries_parse(&r, text, "fuzz", &e) == 0 &&
        image_ref_parse("a.example/b:1", &ref, &e) == 0) {
        struct strv names = {0};

        registries_names(&r, &ref, &names);
        (void)registries_rule(&r, &ref);
        strv_done(&names);
        image_ref_done(&ref);
    }
    registries_done(&r);
    (void)len;
}

FUZZ_TEXT(fuzz)
