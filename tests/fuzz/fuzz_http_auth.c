/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/http_auth.h"
#include "fuzz.h"

static void fuzz(char *text, size_t len)
{
    struct http_auth a = {0};

    http_auth_parse(text, &a);
    http_auth_done(&a);
    (void)len;
}

FUZZ_TEXT(fuzz)
