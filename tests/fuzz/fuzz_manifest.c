/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "image/manifest.h"

static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    struct manifest m = {0};
    struct image_config config = {0};
    struct strv diff_ids = {0};
    char *digest = NULL;
    int is_index = 0;

    if (manifest_parse(text, len, &m, &e) == 0) {
        manifest_done(&m);
    }
    (void)manifest_parse_config(text, len, &config, &diff_ids, &e);
    image_config_done(&config);
    strv_done(&diff_ids);
    if (manifest_pick(text, len, NULL, &digest, &is_index, &e) == 0) {
        free(digest);
    }
}

FUZZ_TEXT(fuzz)
