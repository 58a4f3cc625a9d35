/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/second_stage.h"

#include "box/signals.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

int second_stage_prepare(const struct spec *s, int64_t nproc_limit, struct err *e)
{
    /* The supervisor, in the outer one, is counted, too. */
    struct rlimit limit = {.rlim_cur = (rlim_t)nproc_limit + 1,
                           .rlim_max = (rlim_t)nproc_limit + 1};
    int r = 0;

    /* The child's namespace is the one that is left; it can't make another. */
    if (s->linux_.no_nested_userns) {
        r = file_put(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "1");
    }
    if (r < 0) {
        return err_set(e, -r, "cannot forbid nested user namespaces");
    }
    if (nproc_limit > 0 && setrlimit(RLIMIT_NPROC, &limit) < 0) {
        return err_set(e, errno, "cannot hold --pids-limit by RLIMIT_NPROC");
    }
    return 0;
}

/* The inner namespace has the same ids as the outer one: a row of the kernel's map may not span two
 * of the outer's. */
int second_stage_map(const struct spec *s, int pidfd, struct err *e)
{
    struct spec_idmap maps[2] = {{0}, {0}};
    const struct spec_idmap *outer[2] = {&s->linux_.uid_mappings, &s->linux_.gid_mappings};
    int r = 0;

    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < outer[i]->count; j++) {
            spec_idmap_add(&maps[i], outer[i]->rows[j].container_id, outer[i]->rows[j].container_id,
                           outer[i]->rows[j].size);
        }
    }
    r = userns_write_maps(signals_host_pid(pidfd), &maps[0], &maps[1], e);
    free(maps[0].rows);
    free(maps[1].rows);
    return r;
}
