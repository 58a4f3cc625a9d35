/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/template.h"
#include "fuzz.h"

static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct template *t = NULL;

    if (template_parse(text, &t, &e) == 0) {
        json_auto_t *data = json_pack("{s:s, s:i, s:[s, s], s:{s:s}}", "ID", "abc", "Size", 7,
                                      "Names", "x", "y", "Labels", "k", "v");
        struct buf out = {0};

        (void)template_run(t, data, &out, &e);
        buf_done(&out);
        template_free(t);
    }
    (void)len;
}

FUZZ_TEXT(fuzz)
