/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/detach_keys.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
    CTRL_MASK = 0x1f
};

/* One key's code, or -1. */
static int key_code(const char *word, size_t len)
{
    static const char CONTROL[] = "ctrl-";
    const size_t prefix = sizeof(CONTROL) - 1;

    if (len == 1) {
        return (unsigned char)word[0];
    }
    if (len != prefix + 1 || strncasecmp(word, CONTROL, prefix) != 0) {
        return -1;
    }
    return isalpha((unsigned char)word[prefix]) || strchr("@[\\]^_", word[prefix]) != NULL
               ? toupper((unsigned char)word[prefix]) & CTRL_MASK
               : -1;
}

int detach_keys_parse(const char *text, void *field, struct err *e)
{
    struct detach_keys k = {.is_set = 1};
    const char *word = text;

    while (*word != '\0') {
        size_t len = strcspn(word + 1, ",") + 1; /* a comma may be a key itself */
        int code = key_code(word, len);

        if (code < 0 || k.count == DETACH_KEYS_MAX || (word[len] == ',' && word[len + 1] == '\0')) {
            return err_new(e, EINVAL, "'%s' is not a list of keys such as %s", text,
                           DETACH_KEYS_DEFAULT);
        }
        k.keys[k.count++] = (unsigned char)code;
        word += word[len] == ',' ? len + 1 : len;
    }
    *(struct detach_keys *)field = k;
    return 0;
}

struct detach_keys detach_keys_choose(const struct detach_keys *asked)
{
    struct detach_keys k = *asked;
    struct err ignored = {0};

    if (!k.is_set) {
        (void)detach_keys_parse(DETACH_KEYS_DEFAULT, &k, &ignored);
    }
    return k;
}

/* A wrong key may be the first of a new try. */
static void follow(struct detach_keys *k, unsigned char key)
{
    if (key == k->keys[k->seen]) {
        k->seen++;
    } else {
        k->seen = key == k->keys[0] ? 1 : 0;
    }
}

size_t detach_keys_feed(struct detach_keys *k, const char *data, size_t len, int *ret_detach)
{
    *ret_detach = 0;
    for (size_t i = 0; k->count > 0 && i < len; i++) {
        follow(k, (unsigned char)data[i]);
        if (k->seen == k->count) {
            *ret_detach = 1;
            return i;
        }
    }
    return len;
}
