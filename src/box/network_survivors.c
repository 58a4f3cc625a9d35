/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that have outlived their keeper; declared in network_keeper.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/control.h"
#include "box/find.h"
#include "box/network_keeper.h"
#include "spec/spec_join.h"
#include "spec/spec_json.h"
#include "sys/fd.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <unistd.h>

void survivors_done(struct survivors *l)
{
    close_fd(&l->userns_fd);
    json_decref(l->reservations);
    *l = (struct survivors){.userns_fd = -1};
}

/* The user namespace right below the caller's own that process @pid is in, or somewhere below. */
static int open_upper(pid_t pid)
{
    autofree char *path = xasprintf("/proc/%d/ns/user", (int)pid);
    autoclose int own_fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0) {
        autoclose int above_fd = ioctl(fd, NS_GET_PARENT);

        if (above_fd < 0 || ns_is_same(above_fd, own_fd)) {
            return above_fd < 0 ? -1 : steal_fd(&fd);
        }
        close_fd(&fd);
        fd = steal_fd(&above_fd);
    }
    return -1;
}

static void add(struct survivors *l, const struct found *f)
{
    struct err ignored = {0};
    struct spec s;
    int64_t pid = 0;

    if (spec_json_load(f->dir_fd, "config.json", /* listed_only= */ 0, &s, &ignored) == 0 &&
        s.box.network.backend == SPEC_NET_USER && control_pid(f, &pid, &ignored) == 0 && pid > 0) {
        spec_joins_insist(&s.box.network);
        (void)json_array_append_new(l->reservations, keeper_reservation(&s));
        if (l->userns_fd < 0) {
            l->userns_fd = open_upper((pid_t)pid);
        }
    }
    spec_done(&s);
}

int survivors_find(const struct store *store, struct survivors *ret, struct err *e)
{
    autofound_list struct found_list running = {0};
    int r = find_all_running(store, &running, e);

    ret->reservations = json_array();
    for (size_t i = 0; i < running.count; i++) {
        add(ret, &running.rows[i]);
    }
    return r;
}
