/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/user.h"
#include "fuzz.h"

#include <string.h>

/* "USER" NUL passwd NUL group */
static void fuzz(char *text, size_t len)
{
    struct err e = {0};
    size_t first = strlen(text);
    const char *passwd = first < len ? text + first + 1 : "";
    size_t second = first + 1 + strlen(passwd);
    const char *group = second < len ? text + second + 1 : "";
    struct spec_process p = {.user = text};
    struct user user = {0};

    if (user_resolve_in(passwd, group, &p, &user, &e) == 0) {
        user_done(&user);
    }
}

FUZZ_TEXT(fuzz)
