/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_name.h"

#include "base/hex.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    ID_BYTES = 32
};

/* A power of two each, so that each is as likely as the others. */
static const char *const ADJECTIVES[32] = {
    "able",   "amber",   "bold",   "brave", "bright", "brisk", "calm",   "clever",
    "cosy",   "curious", "eager",  "early", "fair",   "fond",  "gentle", "glad",
    "golden", "happy",   "honest", "jolly", "keen",   "kind",  "lively", "lucky",
    "merry",  "mild",    "noble",  "proud", "quick",  "quiet", "swift",  "witty",
};
static const char *const NOUNS[32] = {
    "badger", "beaver", "bison",  "crane",   "cricket",  "dolphin", "falcon",   "ferret",
    "finch",  "fox",    "gecko",  "hare",    "hedgehog", "heron",   "ibex",     "jackdaw",
    "lark",   "lynx",   "magpie", "marten",  "newt",     "otter",   "owl",      "panda",
    "puffin", "raven",  "robin",  "sparrow", "stork",    "swan",    "tortoise", "wren",
};

int spec_make_id(char **ret, struct err *e)
{
    unsigned char raw[ID_BYTES];

    if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw)) {
        return err_set(e, errno, "cannot get random numbers for an id");
    }
    *ret = xmalloc(2 * sizeof(raw) + 1);
    hex_text(raw, sizeof(raw), *ret);
    return 0;
}

char *spec_make_name(const char *id)
{
    char digits[5] = "0000";
    unsigned long bits = 0;

    /* the last digits: the first twelve are the short id, and say nothing new beside it */
    for (size_t i = 0, len = strlen(id); len >= 8 && i < 4; i++) {
        digits[i] = id[len - 8 + i];
    }
    bits = strtoul(digits, NULL, 16);
    return xasprintf("%s_%s_%.4s", ADJECTIVES[bits % 32], NOUNS[bits / 32 % 32],
                     strlen(id) >= 4 ? id + strlen(id) - 4 : "0000");
}

char *spec_volume_name(const char *id, size_t number)
{
    return xasprintf("%.56s%08zx", id, number);
}
