/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/ns.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LIMIT_ENOUGH = 15000,
    LIMIT_MAX = 1 << 30 /* more is none: the limits of a new user namespace */
};

static const struct {
    uint64_t flag;
    const char *name; /* in /proc/PID/ns */
} KINDS[] = {
    {CLONE_NEWUSER, "user"},     {CLONE_NEWNS, "mnt"},  {CLONE_NEWPID, "pid"},
    {CLONE_NEWIPC, "ipc"},       {CLONE_NEWUTS, "uts"}, {CLONE_NEWNET, "net"},
    {CLONE_NEWCGROUP, "cgroup"},
};

static long read_number(const char *path)
{
    autofree char *text = NULL;
    struct err ignored = {0};

    if (file_read(AT_FDCWD, path, 64, &text, NULL, &ignored) < 0) {
        return -1;
    }
    return strtol(text, NULL, 10);
}

int ns_is_chroot(int errnum)
{
    return errnum == EPERM && !harden_is_filtered();
}

/* ---- limits */

/* Does the kernel's count of what @flags ask for stand in the way? A process that ends at once. */
static int is_used_up(uint64_t flags)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

    if (pid == 0) {
        _exit(0);
    }
    if (pid < 0) {
        return errno == ENOSPC;
    }
    (void)waitpid(pid, NULL, 0);
    return 0;
}

int ns_limits_in_the_way(char **ret_seen, char **ret_settings)
{
    const uint64_t user = is_used_up(CLONE_NEWUSER) ? 0 : CLONE_NEWUSER;
    struct buf seen = {0};
    struct buf settings = {0};

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        autofree char *path = xasprintf("/proc/sys/user/max_%s_namespaces", KINDS[i].name);
        long limit = read_number(path);

        /* Who may not make one alone may in a user namespace; whose ids are not mapped yet may make
         * no user namespace. */
        if (limit != 0 && !is_used_up(KINDS[i].flag) && !is_used_up(user | KINDS[i].flag)) {
            continue;
        }
        buf_printf(&seen, "%suser.max_%s_namespaces is %s", seen.len > 0 ? ", " : "", KINDS[i].name,
                   limit == 0 ? "0" : "reached");
        buf_printf(&settings, "%suser.max_%s_namespaces=%ld", settings.len > 0 ? " " : "",
                   KINDS[i].name,
                   limit > LIMIT_ENOUGH && limit < LIMIT_MAX / 2 ? 2 * limit : LIMIT_ENOUGH);
    }
    if (geteuid() != 0 && read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
        buf_printf(&seen, "%skernel.unprivileged_userns_clone is 0", seen.len > 0 ? ", " : "");
        buf_printf(&settings, "%skernel.unprivileged_userns_clone=1", settings.len > 0 ? " " : "");
    }
    *ret_seen = seen.data;
    *ret_settings = settings.data;
    return seen.len > 0;
}

static int explain_limit(struct err *e, int errnum, const char *what)
{
    autofree char *seen = NULL;
    autofree char *settings = NULL;

    if (!ns_limits_in_the_way(&seen, &settings)) {
        return err_set(e, errnum, "cannot create %s", what);
    }
    (void)err_new(e, errnum, "cannot create %s: %s", what, seen);
    return err_hint_id(e, HINT_USERNS_LIMIT, settings, NULL);
}

/* clone's errno for user namespaces says little; find the switch that is off. */
static int explain_userns(struct err *e, int errnum)
{
    if (errnum == ENOSPC || read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
        return explain_limit(e, errnum, "a user namespace");
    }
    if (ns_is_chroot(errnum)) {
        (void)err_new(e, errnum, "cannot create a user namespace: you are in a chroot");
        return err_hint_id(e, HINT_CHROOT, NULL, NULL);
    }
    (void)err_set(e, errnum, "cannot create a user namespace");
    /* The kernel itself never answers EACCES here: a policy does. */
    if (errnum == EACCES ||
        read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1) {
        return err_hint_id(e, HINT_APPARMOR_USERNS, NULL, NULL);
    }
    if (errnum == EPERM || errnum == ENOSYS) {
        return err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL);
    }
    return -errnum;
}

static int explain_clone(struct err *e, int errnum, const char *what)
{
    return errnum == ENOSPC ? explain_limit(e, errnum, what)
                            : err_set(e, errnum, "cannot create %s", what);
}

pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct err *e)
{
    int pidfd = -1;
    struct clone_args args = {
        .flags = flags | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD,
    };
    long pid = -1;

    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0 && (errno == ENOSYS || errno == EPERM) && cgroup_fd < 0) {
        /* An outer container's filter often has no clone3: the old call gives the same but for the
         * cgroup. */
        pid = syscall(SYS_clone, (unsigned long)(args.flags | args.exit_signal), NULL, &pidfd, NULL,
                      0);
    }
    if (pid < 0 && (flags & CLONE_NEWUSER) != 0) {
        return explain_userns(e, errno);
    }
    if (pid < 0) {
        return explain_clone(e, errno, "a process in new namespaces");
    }
    if (pid > 0) {
        *ret_pidfd = pidfd;
    }
    return (pid_t)pid;
}

pid_t ns_clone_in(int dir_fd, uint64_t flags, int *ret_pidfd, struct err *e)
{
    autoclose int cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    pid_t pid = -1;

    if (fchdir(dir_fd) < 0) {
        return err_set(e, errno, "cannot enter the store");
    }
    pid = ns_clone(flags, -1, ret_pidfd, e);
    if (pid != 0) {
        (void)!fchdir(cwd_fd);
    }
    return pid;
}

static int is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

int ns_is_own(pid_t pid, const char *file)
{
    autofree char *own_path = xasprintf("/proc/self/ns/%s", file);
    autofree char *its_path = xasprintf("/proc/%d/ns/%s", (int)pid, file);
    struct stat own;
    struct stat its;

    if (stat(own_path, &own) < 0 || stat(its_path, &its) < 0) {
        return -errno;
    }
    return is_same(&own, &its);
}

uint64_t ns_foreign(pid_t pid)
{
    uint64_t flags = 0;

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (ns_is_own(pid, KINDS[i].name) == 0) {
            flags |= KINDS[i].flag;
        }
    }
    return flags;
}

int ns_is_same(int fd, int other_fd)
{
    struct stat one;
    struct stat other;

    return fstat(fd, &one) == 0 && fstat(other_fd, &other) == 0 && is_same(&one, &other);
}

int ns_join(int pidfd, int flags, struct err *e)
{
    if (setns(pidfd, flags) < 0) {
        return err_set(e, errno, "cannot join the namespaces of the container");
    }
    return 0;
}

int ns_unshare(int flags, const char *what, struct err *e)
{
    if (unshare(flags) < 0) {
        return (flags & CLONE_NEWUSER) != 0 ? explain_userns(e, errno)
                                            : explain_clone(e, errno, what);
    }
    return 0;
}
