/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/process.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "box/exec.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIGSET_BYTES = 8 /* the kernel's */
};

/* A session of its own, so that no terminal of the host is its controlling one (CVE-2017-5226), and
 * signals as a fresh program expects them: what the launcher blocked or its caller ignored is not
 * the command's business. */
void process_reset(void)
{
    static const unsigned long DEFAULT_ACTION[8] = {0}; /* longer than any kernel's sigaction */
    sigset_t none;

    /* Not by signal(3): 32 and 33 are libc's own, and ignored in what make(1) and others start by
     * posix_spawn(3). */
    for (int signo = 1; signo < _NSIG; signo++) {
        (void)syscall(SYS_rt_sigaction, signo, DEFAULT_ACTION, NULL, SIGSET_BYTES);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
}

void process_supervise(const char *name)
{
    sigset_t all;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, name);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

int process_needs_streams(const struct spec *s)
{
    return s->process.terminal || s->process.selinux_label != NULL;
}

void process_drop_stdio(int null_fd)
{
    for (int fd = 0; fd <= 2; fd++) {
        (void)dup2(null_fd, fd);
    }
}

void process_detach(const int *keep, size_t count)
{
    process_drop_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
    fd_close_except(keep, count);
    (void)prctl(PR_SET_PDEATHSIG, 0);
    (void)setsid();
    (void)!chdir("/");
}

int process_set_oom_score(const struct spec *s, struct err *e)
{
    autofree char *text = xasprintf("%d", s->process.oom_score_adj);
    int r = 0;

    if (!s->process.oom_score_adj_set) {
        return 0;
    }
    r = file_put(AT_FDCWD, "/proc/self/oom_score_adj", text);
    if (r == -EACCES) {
        return err_new(e, EACCES, "cannot set --oom-score-adj %s: it is below the caller's own",
                       text);
    }
    return r < 0 ? err_set(e, -r, "cannot set --oom-score-adj %s", text) : 0;
}

uint64_t process_namespaces(const struct spec *s, int only_new)
{
    static const uint64_t FLAGS[SPEC_NS_COUNT] = {[SPEC_NS_PID] = CLONE_NEWPID,
                                                  [SPEC_NS_IPC] = CLONE_NEWIPC,
                                                  [SPEC_NS_UTS] = CLONE_NEWUTS,
                                                  [SPEC_NS_NETWORK] = CLONE_NEWNET,
                                                  [SPEC_NS_CGROUP] = CLONE_NEWCGROUP};
    uint64_t flags = CLONE_NEWNS;

    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        const enum spec_ns_mode mode = s->linux_.namespaces[i].mode;

        flags |= mode == SPEC_NS_PRIVATE || (!only_new && mode != SPEC_NS_HOST) ? FLAGS[i] : 0;
    }
    return flags;
}

/* Root of the namespace makes what belongs to root in the container. Where 0 is not mapped (keep-id
 * with a single id) the caller's own id, which has all capabilities here too, must do. */
int process_become_root(const struct spec *s, struct err *e)
{
    if (idmap_to_host(&s->linux_.gid_mappings, 0) >= 0 && setresgid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become group 0 of the container");
    }
    if (idmap_to_host(&s->linux_.uid_mappings, 0) >= 0 && setresuid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become user 0 of the container");
    }
    (void)umask(0);
    return 0;
}

int process_check_user(const struct spec *s, const struct user *u, struct err *e)
{
    int is_user = idmap_to_host(&s->linux_.uid_mappings, u->uid) < 0;

    if (!is_user && idmap_to_host(&s->linux_.gid_mappings, u->gid) >= 0) {
        return 0;
    }
    (void)err_new(e, EINVAL, "%s id %u is not mapped in this container, which has %llu ids",
                  is_user ? "user" : "group", is_user ? u->uid : u->gid,
                  (unsigned long long)idmap_size(&s->linux_.uid_mappings));
    return err_hint(e, "rbox doctor   (RBX-105: subordinate ids), or another --userns");
}

/* Those of @streams become @fd. */
static int set_descriptors(int fd, int streams, struct err *e)
{
    for (int i = 0; i <= STDERR_FILENO; i++) {
        if ((streams & 1 << i) != 0 && dup2(fd, i) < 0) {
            return err_set(e, errno, "cannot set descriptor %d", i);
        }
    }
    return 0;
}

int process_set_stdio(const struct spec *s, int root_fd, int terminal_fd,
                      const struct winsize *size, const struct user *user, struct err *e)
{
    static const int OUTPUTS = SPEC_STDOUT | SPEC_STDERR;

    if (terminal_fd < 0) {
        autoclose int null_fd = -1;
        int closed = (s->box.interactive ? 0 : SPEC_STDIN) |
                     (s->process.attached != 0 ? OUTPUTS & ~s->process.attached : 0);
        int flags = (closed & OUTPUTS) != 0 ? O_RDWR : O_RDONLY;

        if (closed == 0) {
            return 0;
        }
        return path_open_in_root(root_fd, "/dev/null", flags, &null_fd, e) < 0
                   ? -e->errnum
                   : set_descriptors(null_fd, closed, e);
    }
    /* mesg and ssh inside want it; a single id can't */
    (void)!fchown(terminal_fd, user->uid, (gid_t)-1);
    if (size->ws_row > 0 || size->ws_col > 0) {
        (void)ioctl(terminal_fd, TIOCSWINSZ, size);
    }
    if (ioctl(terminal_fd, TIOCSCTTY, 0) < 0) {
        return err_set(e, errno, "cannot make the terminal the controlling one");
    }
    return set_descriptors(terminal_fd, SPEC_STDIN | OUTPUTS, e);
}

int process_set_limits(const struct spec_process *p, struct err *e)
{
    for (size_t i = 0; i < p->rlimit_count; i++) {
        const struct spec_rlimit *l = &p->rlimits[i];
        struct rlimit have;
        struct rlimit want = {.rlim_cur = l->soft, .rlim_max = l->hard};

        if (getrlimit((__rlimit_resource_t)l->resource, &have) < 0) {
            return err_set(e, errno, "cannot read limit %d", l->resource);
        }
        if (!l->asked && want.rlim_max > have.rlim_max) {
            want.rlim_max = have.rlim_max;
            want.rlim_cur = want.rlim_cur > have.rlim_max ? have.rlim_max : want.rlim_cur;
        }
        if (setrlimit((__rlimit_resource_t)l->resource, &want) < 0) {
            autofree char *asked = spec_rlimit_text(l);
            autofree char *option = xasprintf("--%s", asked);

            (void)err_new(e, errno, "cannot set --ulimit %s: the caller's own hard limit is %llu",
                          asked, (unsigned long long)have.rlim_max);
            return err_hint_id(e, HINT_RLIMIT, option, NULL);
        }
    }
    return 0;
}

/* The working folder, beneath the root that is now the only one. The check is for a folder that a
 * descriptor from outside led to (CVE-2024-21626): none is open any more, so it can't be. */
int process_enter_cwd(const struct spec *s, int root_fd, int make, struct err *e)
{
    autofree char *cwd = NULL;
    autoclose int fd = -1;
    int r = path_open_in_root(root_fd, s->process.cwd, O_PATH | O_DIRECTORY, &fd, e);

    if (r == -ENOENT && make) {
        err_clear(e);
        r = path_make_dir_in_root(root_fd, s->process.cwd, &fd, e);
    }
    if (r < 0) {
        (void)err_wrap(e, "cannot use working folder '%s'", s->process.cwd);
        return r == -ENOENT && s->box.name != NULL
                   ? err_hint(e, "rbox exec %s mkdir -p %s", s->box.name, s->process.cwd)
                   : r;
    }
    if (fchdir(fd) < 0) {
        return err_set(e, errno, "cannot enter working folder '%s'", s->process.cwd);
    }
    cwd = getcwd(NULL, 0);
    if (cwd == NULL || cwd[0] != '/') {
        return err_new(e, EPERM, "working folder '%s' lies outside the container", s->process.cwd);
    }
    return 0;
}

int process_exec(const struct spec *s, char *const *argv, struct err *e)
{
    int r = exec_command(argv, s->process.env.v, e);

    return r == -EACCES && s->process.selinux_label != NULL
               ? err_hint(e, "SELinux may have refused it: sudo ausearch -m avc -ts recent")
               : r;
}

void process_close_descriptors(unsigned int preserve, int keep_fd)
{
    int *keep = xcalloc(preserve + 1UL, sizeof(*keep));

    for (unsigned int i = 0; i < preserve; i++) {
        keep[i] = 3 + (int)i;
        (void)fd_cloexec(keep[i], 0);
    }
    keep[preserve] = keep_fd;
    fd_close_except(keep, preserve + 1UL);
    free(keep);
}
