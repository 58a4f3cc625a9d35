/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/members.h"

#include "base/cleanup.h"
#include "spec/spec_json.h"

#include <errno.h>

/* Of one that went meanwhile none. */
static int read_names(const struct found *f, members_names *names, struct strv *ret, struct err *e)
{
    struct spec s;
    int r = spec_json_load(f->dir_fd, "config.json", /* listed_only= */ 1, &s, e);

    if (r == 0) {
        names(&s, ret);
    }
    spec_done(&s);
    return r == -ENOENT ? (err_clear(e), 0) : r < 0 ? err_wrap(e, "container '%s'", f->name) : 0;
}

static int have_common(const struct strv *a, const struct strv *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (strv_has(b, a->v[i])) {
            return 1;
        }
    }
    return 0;
}

int members_find(const struct store *store, members_names *names, const struct strv *wanted,
                 struct found_list *ret, struct err *e)
{
    size_t count = 0;
    int r = find_all(store, ret, e);

    for (size_t i = 0; i < ret->count; i++) {
        autostrv struct strv has = {0};

        r = r < 0 ? r : read_names(&ret->rows[i], names, &has, e);
        if (have_common(&has, wanted)) {
            ret->rows[count++] = ret->rows[i];
        } else {
            found_done(&ret->rows[i]);
        }
    }
    ret->count = count;
    return r;
}

int members_used(const struct store *store, members_names *names, const struct strv *leaving,
                 struct strv *ret, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (leaving == NULL || !strv_has(leaving, all.rows[i].id)) {
            r = read_names(&all.rows[i], names, ret, e);
        }
    }
    return r;
}
