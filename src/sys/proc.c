/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/proc.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc 2.36 has these names; older ones (Debian 11: 2.31) do not. */
static int pidfd_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

enum {
    STAT_BYTES_MAX = 4096
};

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void proc_kill_reap(int *pidfd)
{
    int saved = errno;
    siginfo_t info;

    if (*pidfd < 0) {
        return;
    }
    (void)pidfd_signal(*pidfd, SIGKILL);
    while (waitid((idtype_t)P_PIDFD, (id_t)*pidfd, &info, WEXITED) < 0 && errno == EINTR) {
    }
    (void)close(*pidfd);
    *pidfd = -1;
    errno = saved;
}

int proc_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_signal(int pidfd, int signal)
{
    return pidfd_signal(pidfd, signal) < 0 ? -errno : 0;
}

int proc_open_fs(void)
{
    return open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The fields of /proc/PID/stat (proc(5)) behind the name, which may hold anything; NULL: it is
 * gone.
 * @proc_fd: a procfs, or AT_FDCWD for the one at /proc. */
static char *stat_fields(int proc_fd, pid_t pid)
{
    autofree char *path = xasprintf("%s%d/stat", proc_fd == AT_FDCWD ? "/proc/" : "", (int)pid);
    autofree char *text = NULL;
    struct err ignored = {0};
    const char *rest = NULL;

    if (pid <= 0 || file_read(proc_fd, path, STAT_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return NULL;
    }
    rest = strrchr(text, ')');
    return rest != NULL ? xstrdup(rest + 1) : NULL;
}

int proc_is_exiting(int proc_fd, pid_t pid)
{
    enum {
        EXITING = 0x4 /* PF_EXITING of the kernel's flags, the 9th field */
    };
    autofree char *fields = stat_fields(proc_fd, pid);
    unsigned int flags = 0;

    return fields == NULL ||
           (sscanf(fields, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & EXITING) != 0);
}

pid_t proc_parent(pid_t pid)
{
    autofree char *fields = stat_fields(AT_FDCWD, pid);
    int parent = 0;

    return fields != NULL && sscanf(fields, " %*c %d", &parent) == 1 ? parent : -ESRCH;
}

int proc_identity(pid_t pid, uint64_t *ret_start, char *ret_state)
{
    autofree char *fields = stat_fields(AT_FDCWD, pid);
    unsigned long long start = 0;

    if (fields == NULL || sscanf(fields,
                                 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                                 "%*d %*d %*d %llu",
                                 ret_state, &start) != 2) {
        return -ESRCH;
    }
    *ret_start = start;
    return 0;
}

int proc_wait(int pidfd, int timeout_ms, int *ret_status, struct err *e)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    siginfo_t info = {0};
    int r = 0;

    if (timeout_ms >= 0) {
        do {
            r = poll(&p, 1, timeout_ms);
        } while (r < 0 && errno == EINTR);
        if (r == 0) {
            return err_new(e, ETIMEDOUT, "timed out after %d ms", timeout_ms);
        }
    }
    do {
        r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        return err_set(e, errno, "cannot wait for a process");
    }
    *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return 0;
}

static int is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int proc_find(const char *name, char **ret_path, struct err *e)
{
    autostrv struct strv dirs = {0};
    const char *path = getenv("PATH");

    if (strchr(name, '/') != NULL) {
        if (!is_program(name)) {
            return err_new(e, ENOENT, "cannot find program '%s'", name);
        }
        *ret_path = xstrdup(name);
        return 0;
    }
    strv_split(&dirs, path != NULL ? path : "", ':');
    strv_split(&dirs, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ':');
    for (size_t i = 0; i < dirs.len; i++) {
        autofree char *full = xasprintf("%s/%s", dirs.v[i], name);

        if (dirs.v[i][0] == '/' && is_program(full)) {
            *ret_path = steal_ptr(&full);
            return 0;
        }
    }
    return err_new(e, ENOENT, "cannot find program '%s'", name);
}

int proc_find_helper(const char *name, char **ret_path, struct err *e)
{
    static const char *const NEAR[] = {"../libexec/rbox", "libexec/rbox", "."};
    const char *given = getenv("RBOX_LIBEXEC");
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = NULL;

    if (given != NULL) {
        autofree char *full = xasprintf("%s/%s", given, name);

        return proc_find(full, ret_path, e);
    }
    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (size_t i = 0; i < sizeof(NEAR) / sizeof(NEAR[0]); i++) {
        autofree char *full = xasprintf("%s/%s/%s", self, NEAR[i], name);

        if (is_program(full)) {
            *ret_path = steal_ptr(&full);
            return 0;
        }
    }
    (void)err_new(e, ENOENT, "cannot find rbox's helper '%s' near '%s'", name, self);
    return err_hint(e, "./install.sh, or set RBOX_LIBEXEC to the folder that has it");
}

int proc_find_beside(const char *name, char **ret_path, struct err *e)
{
    autofree char *program = NULL;
    int r = proc_find_helper("rbox-unpack", &program, e);

    if (r == 0) {
        *ret_path = xasprintf("%.*s/%s", (int)(strrchr(program, '/') - program), program, name);
    }
    return r;
}

static const char *const PLAIN_ENV[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};

/* Child side: put the three standard descriptors in place. Sources are moved above 2 first, so that
 * none is overwritten before it is copied. */
static int set_stdio(const struct proc_options *o)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int want[3] = {o->in_fd > 0 ? o->in_fd : null_fd, o->out_fd > 0 ? o->out_fd : null_fd,
                   o->err_fd > 0 ? o->err_fd : STDERR_FILENO};

    for (int i = 0; i < 3; i++) {
        want[i] = fcntl(want[i], F_DUPFD_CLOEXEC, 3);
        if (want[i] < 0) {
            return -errno;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(want[i], i) < 0) {
            return -errno;
        }
    }
    return 0;
}

static _Noreturn void start_child(const struct proc_options *o, int exec_fd)
{
    const char *const *envp = o->envp != NULL ? o->envp : PLAIN_ENV;
    sigset_t none;
    int errnum = 0;
    int r = 0;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (o->die_with_parent) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    r = set_stdio(o);
    if (r == 0) {
        int *keep = xcalloc(o->keep_count + 1, sizeof(*keep));

        for (size_t i = 0; i < o->keep_count; i++) {
            keep[i] = o->keep_fds[i];
            (void)fd_cloexec(keep[i], 0);
        }
        keep[o->keep_count] = exec_fd;
        fd_close_except(keep, o->keep_count + 1);
        (void)execve(o->argv[0], (char *const *)(uintptr_t)o->argv, (char *const *)(uintptr_t)envp);
        r = -errno;
    }
    errnum = -r;
    (void)!write(exec_fd, &errnum, sizeof(errnum));
    _exit(127);
}

int proc_start(const struct proc_options *o, int *ret_pidfd, struct err *e)
{
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    autokill int pidfd = -1;
    int errnum = 0;
    pid_t pid = -1;
    ssize_t n = 0;
    int r = fd_pipe(&read_fd, &write_fd, e);

    if (r < 0) {
        return r;
    }
    pid = fork();
    if (pid == 0) {
        start_child(o, write_fd);
    }
    if (pid < 0) {
        return err_set(e, errno, "cannot start '%s'", o->argv[0]);
    }
    /* Not reaped yet, so the pid is still this child's. */
    pidfd = proc_open(pid);
    if (pidfd < 0) {
        return err_set(e, errno, "cannot open a pidfd");
    }
    close_fd(&write_fd);
    do {
        n = read(read_fd, &errnum, sizeof(errnum));
    } while (n < 0 && errno == EINTR);
    if (n != 0) {
        return err_set(e, n == (ssize_t)sizeof(errnum) ? errnum : EIO, "cannot execute '%s'",
                       o->argv[0]);
    }
    *ret_pidfd = steal_fd(&pidfd);
    return 0;
}

enum {
    RUN_OUTPUT_MAX = 1 << 20,
};

/* Collect both streams until they end or the time is up. */
static int run_collect(int fds[2], struct buf out[2], int timeout_ms, struct err *e)
{
    int64_t end = clock_monotonic_ms() + timeout_ms;
    int open_count = 2;

    while (open_count > 0) {
        struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
        int64_t left = timeout_ms < 0 ? -1 : end - clock_monotonic_ms();
        char chunk[4096];

        if (timeout_ms >= 0 && left <= 0) {
            return err_new(e, ETIMEDOUT, "timed out after %d ms", timeout_ms);
        }
        if (poll(p, 2, (int)left) < 0 && errno != EINTR) {
            return err_set(e, errno, "cannot poll");
        }
        for (int i = 0; i < 2; i++) {
            ssize_t n = 0;

            if (p[i].revents == 0) {
                continue;
            }
            n = read(fds[i], chunk, sizeof(chunk));
            if (n > 0 && out[i].len < RUN_OUTPUT_MAX) {
                buf_add(&out[i], chunk, (size_t)n);
            } else if (n <= 0) {
                close_fd(&fds[i]);
                open_count--;
            }
        }
    }
    return 0;
}

/* The last line of @text that says something: where programs put their error. */
static const char *last_line(char *text)
{
    char *end = text + strlen(text);
    char *line = NULL;

    while (end > text && (end[-1] == '\n' || end[-1] == ' ')) {
        *--end = '\0';
    }
    line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

int proc_run(const char *const *argv, int timeout_ms, char **ret_out, struct err *e)
{
    autoclose int out_fd = -1;
    autoclose int err_fd = -1;
    autokill int pidfd = -1;
    autobuf struct buf out = {0};
    autobuf struct buf errors = {0};
    struct proc_options o = {.argv = argv, .die_with_parent = 1};
    struct buf both[2] = {{0}, {0}};
    int fds[2] = {-1, -1};
    int status = 0;
    int r = fd_pipe(&fds[0], &out_fd, e);

    r = r < 0 ? r : fd_pipe(&fds[1], &err_fd, e);
    o.out_fd = out_fd;
    o.err_fd = err_fd;
    r = r < 0 ? r : proc_start(&o, &pidfd, e);
    close_fd(&out_fd);
    close_fd(&err_fd);
    if (r == 0) {
        r = run_collect(fds, both, timeout_ms, e);
    }
    close_fd(&fds[0]);
    close_fd(&fds[1]);
    out = both[0];
    errors = both[1];
    if (r == 0) {
        r = proc_wait(pidfd, PROC_FOREVER, &status, e);
        close_fd(&pidfd);
    }
    if (r < 0) {
        return err_wrap(e, "%s", argv[0]);
    }
    buf_puts(&errors, "");
    if (status != 0) {
        return err_new(e, EIO, "%s: %s (exit status %d)", argv[0], last_line(errors.data), status);
    }
    if (ret_out != NULL) {
        buf_puts(&out, "");
        *ret_out = steal_ptr(&out.data);
    }
    return 0;
}

enum {
    WORDS_BYTES = 4096
};

char *proc_last_words(int fd)
{
    char words[WORDS_BYTES] = {0};
    ssize_t len = 0;
    const char *last = words;

    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    len = read(fd, words, sizeof(words) - 1);
    while (len > 0 && words[len - 1] == '\n') {
        words[--len] = '\0';
    }
    last = strrchr(words, '\n');
    return xstrdup(last != NULL ? last + 1 : words);
}

_Noreturn void proc_become(char *const *argv)
{
    int errnum = 0;

    (void)execvp(argv[0], argv);
    errnum = errno; /* of a closed stderr there is another */
    dprintf(STDERR_FILENO, "rbox: cannot execute '%s': %s\n", argv[0], strerror(errnum));
    _exit(errnum == ENOENT ? EXITCODE_NOT_FOUND : EXITCODE_NOT_EXECUTABLE);
}

int proc_raise_ambient(struct err *e)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};

    if (syscall(SYS_capget, &header, data) < 0) {
        return err_set(e, errno, "cannot read capabilities");
    }
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    if (syscall(SYS_capset, &header, data) < 0) {
        return err_set(e, errno, "cannot make capabilities inheritable");
    }
    for (unsigned long cap = 0; cap < 64; cap++) {
        if ((data[cap / 32].permitted >> (cap % 32) & 1) != 0) {
            (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
        }
    }
    return 0;
}
