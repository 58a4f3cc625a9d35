/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-init SOCKET COMMAND [ARG…]: PID 1 of a container with --init. It starts the command, passes
 * signals on, reaps what others leave behind, and ends with the command's status.
 *
 * SOCKET is the descriptor on which the supervisor waits for the command to be executed: its end of
 * file says so, an error message says why not (box/sync.h). Static, since it runs in any image. */
#include "base/err.h"
#include "base/exitcode.h"
#include "box/exec.h"
#include "box/sync.h"
#include "sys/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The command, in a process group of its own that owns the terminal: Ctrl-C reaches it once, from
 * the terminal, and not a second time through us. */
static void become_command(int socket_fd, char **argv, const sigset_t *mask)
{
    struct err e = {0};
    struct stat st;

    (void)setpgid(0, 0);
    if (isatty(STDIN_FILENO)) {
        (void)tcsetpgrp(STDIN_FILENO, getpgrp()); /* SIGTTOU is blocked still */
    }
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)fd_cloexec(socket_fd, 1);
    (void)exec_command(argv, environ, &e);
    if (fstat(socket_fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
        sync_send_err(socket_fd, &e);
    } else { /* SELinux took it away at our own exec, and put /dev/null there */
        (void)dprintf(STDERR_FILENO, "rbox: %s\n", e.msg);
    }
    _exit(e.exit_code);
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? EXITCODE_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reap all that ended. Returns 1 when @command was among them, with its status. */
static int reap(pid_t command, int *ret_status)
{
    int found = 0;
    int status = 0;
    pid_t pid = 0;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == command) {
            *ret_status = exit_status(status);
            found = 1;
        }
    }
    return found;
}

int main(int argc, char **argv)
{
    int socket_fd = argc > 2 ? atoi(argv[1]) : -1;
    int status = 0;
    pid_t command = 0;
    sigset_t all;
    sigset_t before;

    if (socket_fd < 3) {
        return EXITCODE_RBOX;
    }
    /* Blocked signals wait for sigwaitinfo(); the kernel hands them to PID 1 for that alone. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    command = fork();
    if (command == 0) {
        become_command(socket_fd, argv + 2, &before);
    }
    if (command < 0) {
        struct err e = {0};

        (void)err_set(&e, errno, "rbox-init cannot start the command");
        sync_send_err(socket_fd, &e);
        return EXITCODE_RBOX;
    }
    (void)close(socket_fd); /* the command alone holds it now: end of file means executed */
    for (;;) {
        siginfo_t info;
        int signal = sigwaitinfo(&all, &info);

        if (signal == SIGCHLD) {
            if (reap(command, &status)) {
                return status; /* the kernel ends whatever is left in the namespace */
            }
        } else if (signal > 0) {
            (void)kill(command, signal);
        }
    }
}
