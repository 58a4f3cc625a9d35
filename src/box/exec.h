/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last step: becoming the container's command. */
#ifndef RBOX_BOX_EXEC_H
#define RBOX_BOX_EXEC_H

#include "base/err.h"

/* execve(2) @argv with @envp, found by the PATH of @envp, not ours. A file that may not be executed
 * is remembered, and only reported when no later folder has one that may. Returns only on failure:
 * with exit code 127 when there is no such command, 126 for the rest. Child side. */
int exec_command(char *const *argv, char *const *envp, struct err *e);

/* Could @argv[0] be executed? Errors as exec_command(), as far as they can be known before. */
int exec_check(char *const *argv, char *const *envp, struct err *e);

#endif
