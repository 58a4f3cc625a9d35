/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/processes.h"
#include "fuzz.h"

static void fuzz(char *text, size_t len)
{
    struct process p = {0};
    int64_t ppid = 0;

    if (processes_parse_stat(text, &p, &ppid)) {
        free(p.comm);
    }
    (void)len;
}

FUZZ_TEXT(fuzz)
