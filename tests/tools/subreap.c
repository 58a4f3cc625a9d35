/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subreap CMD…: run a command as a child subreaper (PR_SET_CHILD_SUBREAPER), reap what it orphans,
 * and fail if a process of its is still alive some seconds after its end. So a test file that
 * leaves a process behind fails, whatever reaps orphans on the machine. Exit: the command's status,
 * or 99 when processes were left. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    GRACE_MS = 4000,
    STEP_MS = 20,
    EXIT_LEFT = 99
};

static int is_child(const char *pid, char *line, size_t size)
{
    char path[64];
    FILE *f = NULL;
    char *end = NULL;
    char state = 0;
    int ppid = 0;

    (void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    f = fopen(path, "re");
    if (f == NULL) {
        return 0;
    }
    if (fgets(line, (int)size, f) == NULL) {
        line[0] = '\0';
    }
    (void)fclose(f);
    end = strrchr(line, ')');
    return end != NULL && sscanf(end + 1, " %c %d", &state, &ppid) == 2 && ppid == getpid() &&
           state != 'Z';
}

/* Name what is left, and end it: the next test must not meet it. */
static int report_left(void)
{
    int left = 0;

    for (int pid = 2; pid < 4194304 && left < 20; pid++) {
        char number[16];
        char line[512];

        (void)snprintf(number, sizeof(number), "%d", pid);
        if (kill(pid, 0) < 0 && errno == ESRCH) {
            continue;
        }
        if (is_child(number, line, sizeof(line))) {
            (void)fprintf(stderr, "subreap: left behind: %.80s\n", line);
            (void)kill(pid, SIGKILL);
            left++;
        }
    }
    return left;
}

int main(int argc, char **argv)
{
    pid_t child = -1;
    int status = 0;
    int result = 1;

    if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
        return 2;
    }
    child = fork();
    if (child == 0) {
        (void)execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    for (;;) {
        pid_t pid = wait(&status);

        if (pid == child) {
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        if (pid < 0 && errno != EINTR) {
            return 2;
        }
    }
    for (int ms = 0; ms < GRACE_MS; ms += STEP_MS) {
        const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        pid_t pid = 0;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        }
        if (pid < 0 && errno == ECHILD) {
            return result;
        }
        (void)nanosleep(&step, NULL);
    }
    return report_left() > 0 ? EXIT_LEFT : result;
}
