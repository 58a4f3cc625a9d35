/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/join.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/control.h"
#include "box/find.h"
#include "box/signals.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/path.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *file; /* in /proc/PID/ns */
    int flag;
} KINDS[SPEC_NS_COUNT] = {[SPEC_NS_PID] = {"pid", CLONE_NEWPID},
                          [SPEC_NS_IPC] = {"ipc", CLONE_NEWIPC},
                          [SPEC_NS_UTS] = {"uts", CLONE_NEWUTS},
                          [SPEC_NS_NETWORK] = {"net", CLONE_NEWNET},
                          [SPEC_NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP}};

static const struct {
    const char *path;
    enum spec_ns with;
} LOANS[JOIN_LOANS] = {{"/dev/shm", SPEC_NS_IPC},
                       {"/etc/hosts", SPEC_NS_NETWORK},
                       {"/etc/resolv.conf", SPEC_NS_NETWORK}};

static void no_descriptors(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = -1;
    }
}

void join_init(struct join *j)
{
    *j = (struct join){.user_fd = -1};
    no_descriptors(j->fds, SPEC_NS_COUNT);
    no_descriptors(j->loan_fds, JOIN_LOANS);
}

void join_done(struct join *j)
{
    close_fd(&j->user_fd);
    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        close_fd(&j->fds[i]);
    }
    for (size_t i = 0; i < JOIN_LOANS; i++) {
        close_fd(&j->loan_fds[i]);
    }
}

/* ---- the namespaces */

/* Is @fd the namespace that this process is in, of the kind that @file of /proc/self/ns is? */
static int is_own(int fd, const char *file)
{
    autofree char *path = xasprintf("/proc/self/ns/%s", file);
    autoclose int own_fd = open(path, O_RDONLY | O_CLOEXEC);

    return ns_is_same(fd, own_fd);
}

/* The container's user namespace is @fd, now or before. */
static int take_user(struct join *j, int fd, struct err *e)
{
    if (j->user_fd >= 0) {
        return ns_is_same(j->user_fd, fd)
                   ? 0
                   : err_new(e, EINVAL,
                             "the namespaces to join belong to different user namespaces");
    }
    j->user_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return j->user_fd < 0 ? err_set(e, errno, "cannot keep a user namespace") : 0;
}

/* @target names it in errors. Takes @fd in any case. */
static int take(struct join *j, enum spec_ns ns, int taken_fd, const char *target, struct err *e)
{
    autoclose int fd = taken_fd;
    autoclose int owner_fd = ioctl(fd, NS_GET_USERNS);
    const char *file = KINDS[ns].file;

    if (ioctl(fd, NS_GET_NSTYPE) != KINDS[ns].flag) {
        return err_new(e, EINVAL, "'%s' is not a namespace of kind %s", target, file);
    }
    if (is_own(fd, file)) {
        return err_new(e, EINVAL, "the %s namespace of '%s' is the host's own", file, target);
    }
    /* Its processes could not be shown: only its owner mounts a /proc for it. */
    if (owner_fd < 0 || (is_own(owner_fd, "user") && (geteuid() != 0 || ns == SPEC_NS_PID))) {
        return err_new(e, EPERM, "the %s namespace of '%s' belongs to another user", file, target);
    }
    j->is_outer[ns] = is_own(owner_fd, "user");
    j->fds[ns] = steal_fd(&fd);
    return j->is_outer[ns] ? 0 : take_user(j, owner_fd, e);
}

static int open_path(const char *path, int *ret_fd, struct err *e)
{
    /* Non-blocking: it may be a pipe. */
    *ret_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (*ret_fd < 0) {
        return err_set(e, errno, "cannot open the namespace '%s'", path);
    }
    return ioctl(*ret_fd, NS_GET_NSTYPE) > 0 ? 0
                                             : err_new(e, EINVAL, "'%s' is not a namespace", path);
}

static int open_of(int pidfd, const char *file, const char *target, int *ret_fd, struct err *e)
{
    autofree char *path = xasprintf("/proc/%d/ns/%s", (int)signals_host_pid(pidfd), file);

    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*ret_fd < 0) {
        return err_set(e, errno, "cannot open the %s namespace of '%s'", file, target);
    }
    /* Afterwards: while it lives, its number is nobody else's. */
    return proc_signal(pidfd, 0) == 0 ? 0
                                      : err_new(e, ESRCH, "container '%s' has just ended", target);
}

/* ---- a target that is a container */

static int open_container(const struct store *store, const char *word, struct found *ret_found,
                          int *ret_pidfd, struct err *e)
{
    int r = find_running(store, word, ret_found, e);

    r = r < 0 ? r : control_open(ret_found, ret_pidfd, e);
    return r < 0 ? err_wrap(e, "cannot join container '%.12s'", word) : 0;
}

static int join_user(const struct store *store, const struct spec_userns *u, struct join *j,
                     struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autoclose int pidfd = -1;
    autoclose int fd = -1;
    int r = 0;

    if (u->mode == SPEC_USERNS_PATH) {
        r = open_path(u->target, &fd, e);
    } else {
        r = open_container(store, u->target, &f, &pidfd, e);
        r = r < 0 ? r : open_of(pidfd, "user", f.name, &fd, e);
    }
    if (r == 0 && ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWUSER) {
        return err_new(e, EINVAL, "'%s' is not a user namespace", u->target);
    }
    if (r == 0 && is_own(fd, "user")) {
        return err_new(e, EINVAL, "the user namespace '%s' is the host's own", u->target);
    }
    return r < 0 ? r : take_user(j, fd, e);
}

/* ---- loans: from within the target's mounts, by a process that goes there */

struct visit {
    int pidfd;
    enum spec_ns with;
    int socket_fd;
};

/* What is no mount of its own there (--no-hosts) belongs to the target's image. */
static int lend_one(const char *path, int *ret_fd, struct err *e)
{
    autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int fd = -1;
    struct statx x = {0};
    int r = path_open_in_root(root_fd, path, O_PATH, &fd, e);

    if (r < 0 || statx(fd, "", AT_EMPTY_PATH, 0, &x) < 0 ||
        (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) {
        err_clear(e);
        return 0;
    }
    return mount_clone(fd, 0, ret_fd, e);
}

static _Noreturn void visitor_main(const struct visit *v)
{
    struct err e = {0};
    int r = ns_join(v->pidfd, CLONE_NEWUSER | CLONE_NEWNS, &e);

    for (size_t i = 0; r == 0 && i < JOIN_LOANS; i++) {
        autoclose int fd = -1;

        if (LOANS[i].with == v->with) {
            r = lend_one(LOANS[i].path, &fd, &e);
        }
        if (r == 0 && fd >= 0) {
            (void)fd_send(v->socket_fd, &(uint8_t){(uint8_t)i}, 1, &fd, 1);
        }
    }
    if (r < 0) {
        (void)fd_send(v->socket_fd, &e, sizeof(e), NULL, 0);
    }
    _exit(0);
}

static int receive_loans(int socket_fd, struct join *j, struct err *e)
{
    struct err said;
    int fd = -1;
    size_t count = 0;
    ssize_t n = 0;

    while ((n = fd_recv(socket_fd, &said, sizeof(said), &fd, 1, &count)) == 1 && count == 1) {
        uint8_t i = *(const uint8_t *)&said;

        if (i >= JOIN_LOANS) {
            (void)close(fd);
            return err_new(e, EPROTO, "cannot understand what a container lends");
        }
        close_fd(&j->loan_fds[i]);
        j->loan_fds[i] = fd;
    }
    if (n == (ssize_t)sizeof(said)) {
        *e = said;
        return -e->errnum;
    }
    return 0;
}

/* What goes with namespace @with of the process behind @target_fd. */
static int borrow(int target_fd, enum spec_ns with, struct join *j, struct err *e)
{
    autokill int pidfd = -1;
    autoclose int fd = -1;
    pid_t pid = sync_fork(0, &fd, &pidfd, e);

    if (pid == 0) {
        visitor_main(&(struct visit){.pidfd = target_fd, .with = with, .socket_fd = fd});
    }
    return pid < 0 ? (int)pid : receive_loans(fd, j, e);
}

void join_lend(struct join *j, struct mounts *m)
{
    for (size_t i = 0; i < JOIN_LOANS; i++) {
        if (j->loan_fds[i] >= 0) {
            mounts_give(m, LOANS[i].path, steal_fd(&j->loan_fds[i]));
        }
    }
    m->is_net_foreign = j->is_outer[SPEC_NS_NETWORK];
}

/* ---- all of them */

static int join_namespace(const struct store *store, const struct spec_namespace *n,
                          enum spec_ns ns, struct join *j, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autoclose int pidfd = -1;
    autoclose int fd = -1;
    int r = 0;

    if (n->mode == SPEC_NS_PATH) {
        r = open_path(n->target, &fd, e);
        return r < 0 ? r : take(j, ns, steal_fd(&fd), n->target, e);
    }
    r = open_container(store, n->target, &f, &pidfd, e);
    r = r < 0 ? r : open_of(pidfd, KINDS[ns].file, f.name, &fd, e);
    r = r < 0 ? r : take(j, ns, steal_fd(&fd), f.name, e);
    return r == 0 && (ns == SPEC_NS_IPC || ns == SPEC_NS_NETWORK) ? borrow(pidfd, ns, j, e) : r;
}

static int open_all(const struct store *store, const struct spec *s, struct join *j, struct err *e)
{
    const struct spec_userns *u = &s->linux_.userns;
    int r = 0;

    if (u->mode == SPEC_USERNS_CONTAINER || u->mode == SPEC_USERNS_PATH) {
        r = join_user(store, u, j, e);
    }
    for (int ns = 0; r == 0 && ns < SPEC_NS_COUNT; ns++) {
        const struct spec_namespace *n = &s->linux_.namespaces[ns];

        if (n->mode == SPEC_NS_CONTAINER || n->mode == SPEC_NS_PATH) {
            r = join_namespace(store, n, (enum spec_ns)ns, j, e);
        }
    }
    return r;
}

int join_open(const struct store *store, const struct spec *s, struct join *ret, struct err *e)
{
    autojoin struct join j;
    int r = 0;

    join_init(&j);
    r = open_all(store, s, &j, e);
    if (r < 0) {
        return r;
    }
    *ret = j;
    join_init(&j);
    return 0;
}

int join_is_used(const struct join *j)
{
    int count = 0;

    for (size_t ns = 0; ns < SPEC_NS_COUNT; ns++) {
        count += j->fds[ns] >= 0;
    }
    return count > 0;
}

/* ---- a process in them */

/* Of what is joined in a user namespace that one comes first, and gives the right to the others. */
static int enter(const struct join *j, enum join_stage stage, struct err *e)
{
    for (int user = 0; user <= 1; user++) {
        if (user == 1 && stage == JOIN_SUPERVISOR && j->user_fd >= 0 &&
            setns(j->user_fd, CLONE_NEWUSER) < 0) {
            return err_set(e, errno, "cannot join the user namespace of another container");
        }
        for (size_t ns = 0; ns < SPEC_NS_COUNT; ns++) {
            const int is_due = stage == JOIN_SUPERVISOR ? user == 0 && j->is_outer[ns]
                                                        : user == 1 && !j->is_outer[ns];

            if (is_due && j->fds[ns] >= 0 && setns(j->fds[ns], KINDS[ns].flag) < 0) {
                return err_set(e, errno, "cannot join the %s namespace of another container",
                               KINDS[ns].file);
            }
        }
    }
    return 0;
}

static int is_needed(const struct join *j, enum join_stage stage)
{
    int needed = stage == JOIN_SUPERVISOR && j->user_fd >= 0;

    for (size_t ns = 0; ns < SPEC_NS_COUNT; ns++) {
        needed =
            needed || (j->fds[ns] >= 0 && j->is_outer[ns] == (stage == JOIN_SUPERVISOR ? 1 : 0));
    }
    return needed;
}

struct joining {
    const struct join *join;
    enum join_stage stage;
};

static int enter_step(void *arg, pid_t pid, struct err *e)
{
    const struct joining *g = arg;

    (void)pid;
    return enter(g->join, g->stage, e);
}

pid_t join_clone(const struct join *j, enum join_stage stage, uint64_t flags, int *ret_pidfd,
                 struct err *e)
{
    struct joining joining = {.join = j, .stage = stage};

    return is_needed(j, stage) ? ns_clone_between(enter_step, NULL, &joining, flags, ret_pidfd, e)
                               : ns_clone(flags, -1, ret_pidfd, e);
}
