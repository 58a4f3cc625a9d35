/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/signals.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOOKS = 100, /* a millisecond apart */
};

static const int NOT_FORWARDED[] = {SIGCHLD, SIGURG,  SIGSTOP, SIGKILL, SIGPIPE,
                                    SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS,
                                    SIGFPE,  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT};

static const int NOT_TERMINATING[] = {SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                                      SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

void signals_forwarded(sigset_t *ret)
{
    (void)sigfillset(ret);
    for (size_t i = 0; i < sizeof(NOT_FORWARDED) / sizeof(NOT_FORWARDED[0]); i++) {
        (void)sigdelset(ret, NOT_FORWARDED[i]);
    }
    for (int signo = 1; signo < _NSIG; signo++) {
        struct sigaction action;

        if (sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            (void)sigdelset(ret, signo);
        }
    }
}

int signals_terminates(int signo)
{
    for (size_t i = 0; i < sizeof(NOT_TERMINATING) / sizeof(NOT_TERMINATING[0]); i++) {
        if (NOT_TERMINATING[i] == signo) {
            return 0;
        }
    }
    return 1;
}

static int is_in(const char *status, const char *mask, int signo)
{
    const char *line = strstr(status, mask);
    uint64_t bits = line != NULL ? strtoull(line + strlen(mask), NULL, 16) : 0;

    return (bits >> (signo - 1) & 1) != 0;
}

int signals_handled_in(const char *status, int signo)
{
    if (is_in(status, "\nSigIgn:", signo) || is_in(status, "\nSigCgt:", signo)) {
        return 1;
    }
    if (!is_in(status, "\nSigBlk:", signo)) {
        return 0;
    }
    /* Who waits for signals sleeps; who waits for the other side of a vfork is in state D. */
    return strstr(status, "\nState:\tR") != NULL || strstr(status, "\nState:\tD") != NULL ? -EAGAIN
                                                                                          : 1;
}

/* Does thread @tid wait for @signo in rt_sigtimedwait(2)? What it waits for is not in its SigBlk
 * then: the kernel has it unblocked for that long. Asks syscall and mem of proc(5). */
static int waits_for(int tasks_fd, const char *tid, int signo)
{
    static const long CALLS[] = {SYS_rt_sigtimedwait, 177, 421}; /* and those of 32-bit programs */
    autofree char *syscall_name = xasprintf("%s/syscall", tid);
    autofree char *mem_name = xasprintf("%s/mem", tid);
    autofree char *text = NULL;
    autoclose int fd = -1;
    struct err ignored = {0};
    unsigned long long set_at = 0;
    uint64_t set = 0;
    long call = -1;

    if (file_read(tasks_fd, syscall_name, 4096, &text, NULL, &ignored) < 0 ||
        sscanf(text, "%ld %llx", &call, &set_at) != 2 ||
        (call != CALLS[0] && call != CALLS[1] && call != CALLS[2])) {
        return 0;
    }
    fd = openat(tasks_fd, mem_name, O_RDONLY | O_CLOEXEC);
    return fd < 0 || pread(fd, &set, sizeof(set), (off_t)set_at) != sizeof(set) ||
           (set >> (signo - 1) & 1) != 0;
}

/* signals_handled() at this moment; -EAGAIN: that will not last, maybe. */
static int handled_now(pid_t pid, int signo)
{
    autofree char *path = xasprintf("/proc/%d/task", (int)pid);
    autoclosedir DIR *tasks = opendir(path);
    struct dirent *entry = NULL;
    int r = 0;

    if (tasks == NULL) {
        return -errno;
    }
    while (r != 1 && (entry = readdir(tasks)) != NULL) {
        autofree char *name = xasprintf("%s/status", entry->d_name);
        autofree char *text = NULL;
        struct err ignored = {0};
        int one = 0;

        if (entry->d_name[0] != '.' &&
            file_read(dirfd(tasks), name, 65536, &text, NULL, &ignored) == 0) {
            one = signals_handled_in(text, signo);
            one = one == 0 ? waits_for(dirfd(tasks), entry->d_name, signo) : one;
        }
        r = one != 0 ? one : r;
    }
    return r;
}

int signals_handled(pid_t pid, int signo)
{
    int r = handled_now(pid, signo);

    for (int i = 0; r == -EAGAIN && i < LOOKS; i++) {
        clock_sleep_ms(1);
        r = handled_now(pid, signo);
    }
    return r == -EAGAIN ? 1 : r;
}

pid_t signals_host_pid(int pidfd)
{
    autofree char *path = xasprintf("/proc/self/fdinfo/%d", pidfd);
    autofree char *text = NULL;
    struct err ignored = {0};
    const char *line = NULL;
    long pid = -1;

    if (file_read(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0) {
        return -ESRCH;
    }
    line = strstr(text, "\nPid:");
    pid = line != NULL ? strtol(line + 5, NULL, 10) : -1;
    return pid > 0 ? (pid_t)pid : -ESRCH;
}
