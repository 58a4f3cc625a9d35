/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_label.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PART_COUNT = 4,
    CATEGORIES = 1024, /* those of every policy */
    ID_DIGITS = 12
};

static const char DISABLE[] = "disable";
static const char NESTED[] = "nested";

/* Which part of a label each key sets: user 0, role 1, type 2, level 3; -1 none. */
static const struct {
    const char *key;
    int of_process;
    int of_files;
} KEYS[] = {
    {"user:", 0, 0}, {"role:", 1, -1}, {"type:", 2, -1}, {"level:", 3, 3}, {"filetype:", -1, 2}};
enum {
    KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0])
};

int spec_label_option(const char *value, struct strv *options, struct err *e)
{
    if (str_eq(value, DISABLE) || str_eq(value, NESTED)) {
        if (!strv_has(options, value)) {
            strv_push(options, value);
        }
        return 0;
    }
    for (size_t i = 0; value != NULL && i < KEY_COUNT; i++) {
        const char *part = str_after(value, KEYS[i].key);

        /* A level has colons of its own. */
        if (part != NULL && *part != '\0' &&
            part[strcspn(part, KEYS[i].of_process == 3 ? " \"" : " \":,")] == '\0') {
            strv_push(options, value);
            return 0;
        }
    }
    return err_new(e, EINVAL,
                   "'%s' is not disable, nested, user:U, role:R, type:T, level:L or filetype:T",
                   value != NULL ? value : "");
}

int spec_label_is_asked(const struct strv *options)
{
    return options->len > (size_t)strv_has(options, DISABLE);
}

/* The first three end with a colon, the level is the rest. */
static void split(const char *label, char *ret[PART_COUNT])
{
    for (int i = 0; i < PART_COUNT; i++) {
        size_t len = i < PART_COUNT - 1 ? strcspn(label, ":") : strlen(label);

        ret[i] = xstrndup(label, len);
        label += len + (label[len] == ':');
    }
}

static char *join(char *parts[PART_COUNT])
{
    char *label = xasprintf("%s:%s:%s%s%s", parts[0], parts[1], parts[2],
                            parts[3][0] != '\0' ? ":" : "", parts[3]);

    for (int i = 0; i < PART_COUNT; i++) {
        free(parts[i]);
    }
    return label;
}

char *spec_label_with_level(const char *label, const char *level)
{
    char *parts[PART_COUNT];

    if (level == NULL) {
        return xstrdup(label);
    }
    split(label, parts);
    if (parts[3][0] != '\0') {
        xreplace(&parts[3], level);
    }
    return join(parts);
}

char *spec_label_level(const char *id)
{
    autofree char *digits = xstrndup(id, ID_DIGITS);
    unsigned long long number = strtoull(digits, NULL, 16);

    /* The lower from the lower half: they never are the same. */
    return xasprintf("s0:c%llu,c%llu", number % (CATEGORIES / 2),
                     CATEGORIES / 2 + number / (CATEGORIES / 2) % (CATEGORIES / 2));
}

void spec_label_apply(const struct strv *options, int is_file, char **label)
{
    char *parts[PART_COUNT];

    split(*label, parts);
    for (size_t i = 0; i < options->len; i++) {
        for (size_t k = 0; k < KEY_COUNT; k++) {
            int part = is_file ? KEYS[k].of_files : KEYS[k].of_process;

            if (part >= 0) {
                xreplace(&parts[part], str_after(options->v[i], KEYS[k].key));
            }
        }
    }
    free(*label);
    *label = join(parts);
}
