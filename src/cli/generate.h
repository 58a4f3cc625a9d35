/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Man pages and completions, from the tables of commands and options. Used at build time, by the
 * hidden command `rbox __generate`. */
#ifndef RBOX_CLI_GENERATE_H
#define RBOX_CLI_GENERATE_H

#include "base/err.h"
#include "cli/cmd.h"

#include <stdio.h>

/* rbox.1, or the page of @c when it is not NULL; in man(7)'s macros. */
void generate_man(FILE *out, const struct cmd *c);

/* File name of a page: "rbox-image-rm.1"; the caller owns it. */
char *generate_man_name(const struct cmd *c);

/* The script for @shell: bash, zsh or fish. -EINVAL for another. */
int generate_completion(FILE *out, const char *shell, struct err *e);

#endif
