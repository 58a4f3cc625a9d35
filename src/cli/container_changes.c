/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-unpack at work on what a container has changed; declared in container.h. */
#include "box/look.h"
#include "cli/container.h"
#include "image/unpack.h"

int container_changes(const struct store *store, const struct found *f, const struct spec *s,
                      const char *mode, int out_fd, struct err *e)
{
    autolook struct look now = {.root_fd = -1, .lock_fd = -1};
    autolook struct look first = {.root_fd = -1, .lock_fd = -1};
    struct unpack u = {
        .uid_map = &s->linux_.uid_mappings, .gid_map = &s->linux_.gid_mappings, .out_fd = out_fd};
    int r = look_open(store, f, s, LOOK_IMAGE, &first, e);

    r = r < 0 ? r : look_open(store, f, s, LOOK_ROOT, &now, e);
    u.folder_fd = now.root_fd;
    u.pidfd = now.pidfd;
    u.in_fd = first.root_fd;
    return r < 0 ? r : unpack_run(&u, (const char *const[]){mode, NULL}, NULL, e);
}
