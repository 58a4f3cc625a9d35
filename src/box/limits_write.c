/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of limits, and writing them; declared in limits.h. */
#include "base/cleanup.h"
#include "box/limits.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX_BYTES = 64 * 1024,
};

/* ---- lists of numbers: "0-2,5" */

/* Parse one part "A" or "A-B" at *@p and step over it and a comma. 1: a part, 0: the end, -EINVAL.
 */
static int list_next(const char **p, unsigned long *ret_first, unsigned long *ret_last)
{
    char *end = NULL;

    if (**p == '\0' || **p == '\n') {
        return 0;
    }
    if (**p < '0' || **p > '9') {
        return -EINVAL;
    }
    *ret_first = *ret_last = strtoul(*p, &end, 10);
    if (*end == '-') {
        if (end[1] < '0' || end[1] > '9') {
            return -EINVAL;
        }
        *ret_last = strtoul(end + 1, &end, 10);
    }
    if (*ret_first > *ret_last || (*end != ',' && *end != '\0' && *end != '\n')) {
        return -EINVAL;
    }
    *p = *end == ',' ? end + 1 : end;
    return 1;
}

static int list_has(const char *list, unsigned long n)
{
    unsigned long first = 0;
    unsigned long last = 0;

    while (list_next(&list, &first, &last) > 0) {
        if (n >= first && n <= last) {
            return 1;
        }
    }
    return 0;
}

int limits_list_within(const char *want, const char *have)
{
    unsigned long first = 0;
    unsigned long last = 0;
    int r = 0;

    if (*want == '\0') {
        return -EINVAL;
    }
    while ((r = list_next(&want, &first, &last)) > 0) {
        for (unsigned long n = first; n <= last; n++) {
            if (!list_has(have, n)) {
                return 0;
            }
        }
    }
    return r < 0 ? r : 1;
}

/* ---- a change */

/* Do both rows stand in the same place? io.max has one for each device and rate. */
static int is_same_place(const struct limit *a, const struct limit *b)
{
    return str_eq(a->file, b->file) && (a->property != NULL) == (b->property != NULL) &&
           (!str_eq(a->file, "io.max") || str_eq(a->option, b->option));
}

static const struct limit *find_place(const struct limits *l, const struct limit *row)
{
    for (size_t i = 0; i < l->count; i++) {
        if (is_same_place(&l->rows[i], row)) {
            return &l->rows[i];
        }
    }
    return NULL;
}

/* What a new cgroup has where @row stands; the caller owns it. NULL: not known. */
static char *default_of(const struct limit *row)
{
    static const char *const DEFAULTS[][2] = {{"memory.low", "0"},      {"memory.min", "0"},
                                              {"cpu.weight", "100"},    {"io.weight", "100"},
                                              {"io.bfq.weight", "100"}, {"cpuset.cpus", "\n"},
                                              {"cpuset.mems", "\n"},    {"memory.oom.group", "0"}};

    for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++) {
        if (str_eq(row->file, DEFAULTS[i][0])) {
            return xstrdup(DEFAULTS[i][1]);
        }
    }
    if (str_eq(row->file, "io.max")) {
        return xasprintf("%.*smax", (int)(strchr(row->value, '=') - row->value) + 1, row->value);
    }
    return str_ends(row->file, ".max") || str_ends(row->file, ".high") ||
                   str_after(row->file, "cgroup.max.") != NULL
               ? xstrdup("max")
               : NULL;
}

static void add_lifted(struct limits *l, const struct limit *old)
{
    char *value = default_of(old);
    struct limit *row = NULL;

    if (value != NULL) {
        row = limits_add(l, old->option, old->file, value, old->asked);
        row->property = old->property;
        row->property_value = strtoull(value, NULL, 10);
        row->lifted = 1;
    }
}

static void add_changed(struct limits *l, const struct limit *now)
{
    struct limit *row = limits_add(l, now->option, now->file, xstrdup(now->value), now->asked);

    row->property = now->property;
    row->property_value = now->property_value;
    row->exact = now->exact;
}

int limits_plan_change(const struct spec *before, const struct spec *after, struct limits *ret,
                       struct err *e)
{
    autolimits struct limits old = {0};
    autolimits struct limits now = {0};
    struct err ignored = {0}; /* it started once; a device may have gone */
    int r = limits_plan(after, &now, e);

    if (r < 0) {
        return r;
    }
    (void)limits_plan(before, &old, &ignored);
    for (size_t i = 0; i < now.count; i++) {
        const struct limit *was = find_place(&old, &now.rows[i]);

        if (was == NULL || !str_eq(was->value, now.rows[i].value)) {
            add_changed(ret, &now.rows[i]);
        }
    }
    for (size_t i = 0; i < old.count; i++) {
        if (find_place(&now, &old.rows[i]) == NULL) {
            add_lifted(ret, &old.rows[i]);
        }
    }
    return 0;
}

/* ---- writing */

/* A cpuset outside of what the parent has is accepted by the kernel, which then uses the parent's.
 */
static int check_cpuset(int dir_fd, const struct limit *row, struct err *e)
{
    autofree char *file = xasprintf("../%s.effective", row->file);
    autofree char *have = NULL;
    int r = 0;

    if (file_read(dir_fd, file, FILE_MAX_BYTES, &have, NULL, e) < 0) {
        return -e->errnum;
    }
    r = limits_list_within(row->value, have);
    if (r < 0) {
        return err_new(e, EINVAL, "%s '%s' is not a list such as 0-2,5", row->option, row->value);
    }
    if (r == 0) {
        return err_new(e, EINVAL, "%s '%s' is not within '%.*s', which is what there is",
                       row->option, row->value, (int)strcspn(have, "\n"), have);
    }
    return 0;
}

int limits_check(int dir_fd, const struct limit *row, struct err *e)
{
    return str_after(row->file, "cpuset.") != NULL && !str_ends(row->file, ".partition") &&
                   !row->lifted
               ? check_cpuset(dir_fd, row, e)
               : 0;
}

int limits_write(int dir_fd, const struct limit *row, struct err *e)
{
    int r = limits_check(dir_fd, row, e);

    if (r < 0) {
        return r;
    }
    r = file_put(dir_fd, row->file, row->value);
    return r < 0 ? err_set(e, -r, "cannot set %s: '%s' to %s", row->option, row->value, row->file)
                 : 0;
}
