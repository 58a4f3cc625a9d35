/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container tells the service manager: nothing that concerns rbox's processes gets through.
 */
#include "box/notify.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void fuzz(char *text, size_t len)
{
    static const char *const OURS[] = {"MAINPID=", "FDSTORE=", "FDNAME="};
    struct buf passed = {0};

    notify_filter(text, len, &passed);
    for (size_t i = 0; passed.data != NULL && i < sizeof(OURS) / sizeof(OURS[0]); i++) {
        const char *at = memmem(passed.data, passed.len, OURS[i], strlen(OURS[i]));

        if (at != NULL && (at == passed.data || at[-1] == '\n')) {
            abort();
        }
    }
    buf_done(&passed);
}

FUZZ_TEXT(fuzz)
