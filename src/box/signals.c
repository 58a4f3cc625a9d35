/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/signals.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

int signals_handled_in(const char *status, int signo)
{
    static const char *const MASKS[] = {"\nSigBlk:", "\nSigIgn:", "\nSigCgt:"};

    for (size_t i = 0; i < sizeof(MASKS) / sizeof(MASKS[0]); i++) {
        const char *line = strstr(status, MASKS[i]);
        uint64_t mask = line != NULL ? strtoull(line + strlen(MASKS[i]), NULL, 16) : 0;

        if ((mask >> (signo - 1) & 1) != 0) {
            return 1;
        }
    }
    return 0;
}

int signals_handled(pid_t pid, int signo)
{
    autofree char *path = xasprintf("/proc/%d/task", (int)pid);
    autoclosedir DIR *tasks = opendir(path);
    struct dirent *entry = NULL;

    if (tasks == NULL) {
        return -errno;
    }
    while ((entry = readdir(tasks)) != NULL) {
        autofree char *name = xasprintf("%s/status", entry->d_name);
        autofree char *text = NULL;
        struct err ignored = {0};

        if (entry->d_name[0] != '.' &&
            file_read(dirfd(tasks), name, 65536, &text, NULL, &ignored) == 0 &&
            signals_handled_in(text, signo)) {
            return 1;
        }
    }
    return 0;
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
