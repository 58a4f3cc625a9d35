/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/stragglers.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/proc.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS_MAX = 200, /* what forks while it is looked for is found in the next … */
    PAUSE_NS = 5000000
};

void stragglers_mark(pid_t pid, char ret[STRAGGLERS_NAME_MAX])
{
    autofree char *path = xasprintf("/proc/%d/ns/mnt", (int)pid);
    ssize_t n = readlink(path, ret, STRAGGLERS_NAME_MAX - 1);

    ret[n > 0 ? n : 0] = '\0';
}

static int kill_one(pid_t pid, const char *mark)
{
    char its[STRAGGLERS_NAME_MAX];
    autoclose int pidfd = -1;

    stragglers_mark(pid, its);
    if (strcmp(its, mark) != 0) {
        return 0;
    }
    pidfd = proc_open(pid);
    stragglers_mark(pid, its); /* once more: now the number is its own */
    return pidfd >= 0 && strcmp(its, mark) == 0 && proc_signal(pidfd, SIGKILL) == 0;
}

void stragglers_kill(const char *mark)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int killed = *mark != '\0';

    for (int i = 0; killed > 0 && i < ROUNDS_MAX; i++) {
        autoclosedir DIR *proc = opendir("/proc");
        const struct dirent *d = NULL;

        if (i > 0) {
            (void)nanosleep(&pause, NULL);
        }
        killed = 0;
        while (proc != NULL && (d = readdir(proc)) != NULL) {
            if (d->d_name[0] >= '1' && d->d_name[0] <= '9') {
                killed += kill_one((pid_t)strtol(d->d_name, NULL, 10), mark);
            }
        }
    }
}
