/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help texts, from the tables of commands and options. */
#ifndef RBOX_CLI_HELP_H
#define RBOX_CLI_HELP_H

#include "cli/cmd.h"

#include <stdio.h>

/* All commands by group, or with @family ("image") those that have a name of two words with it. */
void help_commands(FILE *out, const char *family);

/* Usage, description, options and examples of @c. */
void help_command(FILE *out, const struct cmd *c);

/* The title of a group. */
const char *help_group(enum cmd_group group);

/* The name of @c within @family ("image ls"), its first name when @family is NULL; NULL: it is not
 * of that family. */
const char *help_name(const struct cmd *c, const char *family);

#endif
