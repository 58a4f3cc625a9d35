/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes in user namespaces below another one; declared in userns.h. */
#include "base/cleanup.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    MAP_BYTES_MAX = 64 << 10
};

int userns_read_map(const char *file, struct spec_idmap *ret, struct err *e)
{
    autofree char *text = NULL;
    char *rest = NULL;
    int r = file_read(AT_FDCWD, file, MAP_BYTES_MAX, &text, NULL, e);

    for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct spec_idmap_row row = {0};

        if (sscanf(line, "%u %u %u", &row.container_id, &row.host_id, &row.size) == 3) {
            spec_idmap_add(ret, row.container_id, row.host_id, row.size);
        }
    }
    return r;
}

int userns_read_identities(const char *file, struct spec_idmap *ret, struct err *e)
{
    int r = userns_read_map(file, ret, e);

    for (size_t i = 0; i < ret->count; i++) {
        ret->rows[i].host_id = ret->rows[i].container_id;
    }
    return r;
}

/* Write @map, to the host's ids, for process @pid, whose namespace is below the one with map
 * @above. */
static int write_maps_below(pid_t pid, const struct spec_idmap *uid_map,
                            const struct spec_idmap *gid_map, struct err *e)
{
    struct spec_idmap above[2] = {{0}, {0}};
    struct spec_idmap below[2] = {{0}, {0}};
    int r = userns_read_map("/proc/self/uid_map", &above[0], e);

    r = r < 0 ? r : userns_read_map("/proc/self/gid_map", &above[1], e);
    r = r < 0 ? r : idmap_below(uid_map, &above[0], &below[0], e);
    r = r < 0 ? r : idmap_below(gid_map, &above[1], &below[1], e);
    r = r < 0 ? r : userns_write_maps(pid, &below[0], &below[1], e);
    for (int i = 0; i < 2; i++) {
        free(above[i].rows);
        free(below[i].rows);
    }
    return r;
}

struct below {
    int userns_fd;
    const struct spec_idmap *uid_map;
    const struct spec_idmap *gid_map;
};

/* Joining makes a process undumpable, and those it clones: their /proc/PID/uid_map would be the
 * host root's. */
static int enter(void *arg, pid_t pid, struct err *e)
{
    const struct below *b = arg;

    (void)pid;
    if (setns(b->userns_fd, CLONE_NEWUSER) < 0) {
        return err_set(e, errno, "cannot join the user namespace of the networks");
    }
    (void)prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

static int settle(void *arg, pid_t pid, struct err *e)
{
    const struct below *b = arg;

    return write_maps_below(pid, b->uid_map, b->gid_map, e);
}

pid_t userns_clone_below(int userns_fd, uint64_t flags, const struct spec_idmap *uid_map,
                         const struct spec_idmap *gid_map, int *ret_pidfd, struct err *e)
{
    struct below b = {.userns_fd = userns_fd, .uid_map = uid_map, .gid_map = gid_map};

    return ns_clone_between(enter, settle, &b, flags | CLONE_NEWUSER, ret_pidfd, e);
}
