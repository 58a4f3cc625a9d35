/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run_options.h"
#include "fuzz.h"

#include <string.h>

/* A line of options of run, a word each line. */
static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct run_options o;
    const struct opts set = {.rows = RUN_OPTIONS, .refused = RUN_REFUSED, .fields = &o};
    struct strv words = {0};
    int argc = 0;

    memset(&o, 0, sizeof(o));
    run_options_init(&o);
    (void)len;
    strv_split(&words, text, '\n');
    argc = (int)words.len;
    if (argc > 0) {
        char **argv = xcalloc((size_t)argc + 1, sizeof(*argv));

        memcpy(argv, words.v, (size_t)argc * sizeof(*argv));
        (void)opts_parse(&set, 1, OPTS_STOP_AT_OPERAND, &argc, argv, &e);
        free(argv);
    }
    opts_done(&set);
    run_options_done(&o);
    strv_done(&words);
}

FUZZ_TEXT(fuzz)
