/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/needed.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "spec/spec_json.h"
#include "sys/dir.h"

#include <fcntl.h>
#include <unistd.h>

static void push_once(struct strv *list, const char *id)
{
    if (id != NULL && !strv_has(list, id)) {
        strv_push(list, id);
    }
}

void needed_list(const struct spec *s, struct strv *ret)
{
    for (size_t i = 0; i < s->box.requires.len; i++) {
        push_once(ret, s->box.requires.v[i]);
    }
    for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
        if (s->linux_.namespaces[ns].mode == SPEC_NS_CONTAINER) {
            push_once(ret, s->linux_.namespaces[ns].target);
        }
    }
    if (s->linux_.userns.mode == SPEC_USERNS_CONTAINER) {
        push_once(ret, s->linux_.userns.target);
    }
}

static char *mark_path(const char *id)
{
    return xasprintf("%s/needed", id);
}

/* Of one that has just gone there is nothing to be marked: its lack is noticed elsewhere. */
void needed_mark(const struct store *store, const struct spec *s)
{
    autostrv struct strv ids = {0};

    needed_list(s, &ids);
    for (size_t i = 0; i < ids.len; i++) {
        autofree char *path = mark_path(ids.v[i]);
        int fd =
            openat(store->containers_fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        close_fd(&fd);
    }
}

static int needs(const struct store *store, const char *id, const char *other)
{
    autofree char *path = xasprintf("%s/config.json", id);
    autostrv struct strv ids = {0};
    struct err ignored = {0};
    struct spec s;

    (void)spec_json_load(store->containers_fd, path, /* listed_only= */ 1, &s, &ignored);
    needed_list(&s, &ids);
    spec_done(&s);
    return strv_has(&ids, other);
}

int needed_by_any(const struct store *store, const char *id)
{
    autofree char *path = mark_path(id);
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;

    if (faccessat(store->containers_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0;
    }
    d = dir_open(store->containers_fd, ".");
    while (d != NULL && dir_next(d, &entry) > 0) {
        if (entry->d_name[0] != '.' && needs(store, entry->d_name, id)) {
            return 1;
        }
    }
    return 0;
}
