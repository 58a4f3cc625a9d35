/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coming into a container's cgroup; declared in cgroup.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/scope.h"
#include "sys/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int cgroup_join(int join_fd, int own_namespace, struct err *e)
{
    if (join_fd >= 0 && write(join_fd, "0", 1) != 1) {
        return err_set(e, errno, "cannot join the container's cgroup");
    }
    /* Only now: the namespace's root is the cgroup of the process at that moment. */
    return own_namespace ? ns_unshare(CLONE_NEWCGROUP, "a cgroup namespace", e) : 0;
}

int cgroup_attach_server(int run_fd, pid_t pid, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    int r = cgroup_load(run_fd, &c, e);

    if (r == 0 && c.server_fd >= 0 && (r = cgroup_tree_move(c.top_fd, "server", pid)) < 0) {
        return err_set(e, -r, "cannot move fuse-overlayfs into its cgroup");
    }
    return r;
}

/* Where the container's first process is, as seen from TOP: "/box", or below it where that is a
 * systemd, which goes to a folder of its own. Nobody may be in a folder whose controllers reach
 * below it (cgroups(7)). */
static char *place_of(const struct cgroup *c, pid_t first_pid)
{
    autofree char *path = NULL;
    struct err ignored = {0};
    const char *place =
        cgroup_tree_of(first_pid, &path, &ignored) == 0 ? str_after(path, c->path) : NULL;

    return xstrdup(str_after(place != NULL ? place : "", "/box") != NULL ? place : "/box");
}

int cgroup_open_place(pid_t first_pid)
{
    autofree char *path = NULL;
    autoclose int dir_fd = -1;
    struct err ignored = {0};
    int r = cgroup_tree_of(first_pid, &path, &ignored);

    r = r < 0 ? r : cgroup_tree_open_path(path, &dir_fd, &ignored);
    return r < 0 ? r : openat(dir_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
}

int cgroup_attach(const struct cgroup *c, pid_t first_pid, pid_t pid, struct err *e)
{
    autofree char *place = place_of(c, first_pid);
    int r = cgroup_tree_move(c->top_fd, place + 1, pid);

    if (r == -EACCES && c->way == CGROUP_SYSTEMD) { /* from a session's scope, which is root's */
        return scope_attach(c->unit, place, pid, e);
    }
    return r < 0 ? err_set(e, -r, "cannot join the container's cgroup") : 0;
}
