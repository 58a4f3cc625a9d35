/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of machines, as images name them: linux/amd64, linux/arm/v7. */
#ifndef RBOX_IMAGE_PLATFORM_H
#define RBOX_IMAGE_PLATFORM_H

#include "base/err.h"

/* As asked for; a NULL field: this machine's. Strings are borrowed. */
struct platform {
    const char *os;
    const char *architecture;
    const char *variant;
};

/* Read "OS/ARCH[/VARIANT]"; "arm64" alone is an architecture, as docker has it. *ret borrows from
 * @text, which is cut in place. */
int platform_parse(char *text, struct platform *ret, struct err *e);

/* "amd64", "arm64" … of this machine. */
const char *platform_host_architecture(void);

/* The usual name of an architecture that others call differently (aarch64, x86_64). Borrowed. */
const char *platform_architecture(const char *name);

/* Does @p ask for anything? NULL-safe. */
int platform_is_asked(const struct platform *p);

/* How well what is made for @made serves who asks for @p (NULL: this machine): 0 not at all, more
 * is better. A 32-bit ARM runs what was made for older ones; what does not say its variant serves
 * all. */
int platform_fit(const struct platform *p, const struct platform *made);

/* "linux/arm/v7"; with what @p leaves open filled in. The caller owns it. */
char *platform_text(const struct platform *p);

/* Can this machine's kernel run programs made for @architecture: its processor does, or an emulator
 * is registered (binfmt_misc)? */
int platform_runs_here(const char *architecture);

#endif
