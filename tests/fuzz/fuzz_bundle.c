/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/oci_hooks.h"
#include "fuzz.h"
#include "spec/bundle.h"

static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct bundle b = {0};
    struct spec s = {0};

    if (bundle_read(text, len, "/bundle", &b, &e) == 0) {
        (void)oci_hooks_check(b.hooks, &e);
        bundle_done(&b);
    }
    spec_init(&s);
    (void)bundle_read_process(text, len, &s, &e);
    (void)bundle_read_resources(text, len, &s, &e);
    spec_done(&s);
}

FUZZ_TEXT(fuzz)
