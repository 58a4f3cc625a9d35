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
    int is_set;   /* by detach_keys_parse(); else they are the default ones */
};

/* Parse "KEY,KEY…" into @field, a struct detach_keys: a letter or sign as it is, or ctrl- and one
 * of a-z @ [ \ ] ^ _. "" means none. An option's parser. Errors: -EINVAL. */
int detach_keys_parse(const char *text, void *field, struct err *e);

/* @asked if it was set, else the default ones. */
struct detach_keys detach_keys_choose(const struct detach_keys *asked);

/* Follow what is typed: how many bytes of @data are to be passed on. Fewer than @len: the keys are
 * complete, and the rest is nobody's. The keys before the last one are passed on as they come, so
 * that a ctrl-p of the shell's is not held back. */
size_t detach_keys_feed(struct detach_keys *k, const char *data, size_t len, int *ret_detach);

#endif
