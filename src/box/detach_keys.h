/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that leave a container running and go: ctrl-p, ctrl-q unless told otherwise. Pure. */
#ifndef RBOX_BOX_DETACH_KEYS_H
#define RBOX_BOX_DETACH_KEYS_H

#include "base/err.h"

#include <stddef.h>

enum {
    DETACH_KEYS_MAX = 8
};

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct detach_keys {
    unsigned char keys[DETACH_KEYS_MAX];
    size_t count; /* 0: there are none */
    size_t seen;  /* how many of them were just typed */
};

/* Parse "KEY,KEY…": a letter or sign as it is, or ctrl- and one of a-z @ [ \ ] ^ _. "" means none.
 * Errors: -EINVAL. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct err *e);

/* The same as an option's parser; @field: a struct detach_keys. */
int detach_keys_option(const char *text, void *field, struct err *e);

/* Follow what is typed: how many bytes of @data are to be passed on. Fewer than @len: the keys are
 * complete, and the rest is nobody's. The keys before the last one are passed on as they come, so
 * that a ctrl-p of the shell's is not held back. */
size_t detach_keys_feed(struct detach_keys *k, const char *data, size_t len, int *ret_detach);

#endif
