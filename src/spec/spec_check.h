/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that are fine alone and wrong together. */
#ifndef RBOX_SPEC_SPEC_CHECK_H
#define RBOX_SPEC_SPEC_CHECK_H

#include "base/err.h"
#include "spec/spec.h"

/* Refuse contradictions within @s, as the options left it. Pure. Errors: -EINVAL naming both. */
int spec_check(const struct spec *s, struct err *e);

#endif
