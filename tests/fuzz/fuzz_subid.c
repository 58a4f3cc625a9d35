/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "userns/subid.h"

static void fuzz(char *text, size_t len)
{
    struct subid_range *ranges = NULL;
    size_t count = 0;

    subid_parse(text, len, "alice", 1000, &ranges, &count);
    subid_clip(text, &ranges, &count);
    free(ranges);
}

FUZZ_TEXT(fuzz)
