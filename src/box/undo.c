/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/undo.h"

#include <errno.h>
#include <stdlib.h>

void undo_push(struct undo *u, undo_fn *fn, void *arg)
{
    if (u->count >= UNDO_MAX) {
        abort();
    }
    u->step[u->count].fn = fn;
    u->step[u->count].arg = arg;
    u->count++;
}

void undo_run(struct undo *u)
{
    int saved = errno;

    while (u->count > 0) {
        u->count--;
        u->step[u->count].fn(u->step[u->count].arg);
    }
    errno = saved;
}

void undo_forget(struct undo *u)
{
    u->count = 0;
}
