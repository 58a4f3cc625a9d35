/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a path of the host cannot be used, and what would change that. */
#ifndef RBOX_SYS_REACH_H
#define RBOX_SYS_REACH_H

#include "base/err.h"

/* Where the way to the absolute @path ends for the caller: the first folder that is missing or lets
 * nobody through, else @path itself. With the command of a shell that mends it: makes what is
 * missing, opens what is closed. The caller owns both. */
char *reach_end(const char *path, char **ret_fix);

/* Set @e's hint to that command (RBX-122). Returns -e->errnum. */
int reach_hint(const char *path, struct err *e);

#endif
