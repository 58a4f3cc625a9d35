/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels of SELinux, "user:role:type:level", and what --security-opt label= makes of them. Pure:
 * whether a policy has them is box/label.h's. */
#ifndef RBOX_SPEC_SPEC_LABEL_H
#define RBOX_SPEC_SPEC_LABEL_H

#include "base/err.h"
#include "base/mem.h"

/* --security-opt label=@value: disable, nested, or one of user, role, type, level and filetype with
 * ':' and a value. It is added to @options, in which the last of a kind counts. */
int spec_label_option(const char *value, struct strv *options, struct err *e);

/* Do @options want a label other than the policy's own? */
int spec_label_is_asked(const struct strv *options);

/* The label @label with @level in place of its own; one without a level stays as it is (the policy
 * has none), and with NULL all do. The caller owns it. */
char *spec_label_with_level(const char *label, const char *level);

/* "s0:c3,c600": two categories that are made of the container's @id. The caller owns it. */
char *spec_label_level(const char *id);

/* Change *label, of a process or with @is_file of its files, as @options say: files take user,
 * level, and filetype as their type. */
void spec_label_apply(const struct strv *options, int is_file, char **label);

#endif
