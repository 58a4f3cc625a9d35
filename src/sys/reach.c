/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/reach.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

char *reach_end(const char *path, char **ret_fix)
{
    autofree char *part = xstrdup(path);
    autofree char *word = NULL;
    char *slash = part;
    int error = 0;

    do {
        slash = *slash != '\0' ? strchr(slash + 1, '/') : NULL;
        if (slash != NULL) {
            *slash = '\0';
        }
        error = access(part, slash != NULL ? X_OK : F_OK) < 0 ? errno : 0;
        if (slash != NULL && error == 0) {
            *slash = '/';
        }
    } while (slash != NULL && error == 0);
    word = str_shell(error == EACCES ? part : path);
    *ret_fix = error == EACCES ? xasprintf("chmod a+x %s || sudo chmod a+x %s", word, word)
                               : xasprintf("mkdir -p %s", word);
    return steal_ptr(&part);
}

int reach_hint(const char *path, struct err *e)
{
    autofree char *fix = NULL;
    autofree char *end = reach_end(path, &fix);

    (void)end;
    return err_hint_id(e, HINT_SOURCE_PATH, fix, NULL);
}
