/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time one start: from before the command is spawned until it is reaped.
 *
 *   measure COUNT CMD [ARG…]
 *
 * COUNT commands are started side by side; printed are the nanoseconds until the last one has been
 * reaped, and those of processor time that they and whom they waited for took. Their output goes
 * nowhere. A command that fails ends the measurement: a failure is fast, and would pass for speed.
 * A program of its own, so that the runner's interpreter is not on the clock. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long long cpu_ns(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_CHILDREN, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
}

int main(int argc, char *argv[])
{
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    posix_spawn_file_actions_t actions;
    long long start_ns = 0;
    int status = 0;

    if (count <= 0) {
        fprintf(stderr, "usage: measure COUNT CMD [ARG...]\n");
        return 2;
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    start_ns = now_ns();
    for (long i = 0; i < count; i++) {
        pid_t pid = -1;
        int errnum = posix_spawnp(&pid, argv[2], &actions, NULL, &argv[2], environ);

        if (errnum != 0) {
            fprintf(stderr, "measure: cannot start '%s': %s\n", argv[2], strerror(errnum));
            return 1;
        }
    }
    for (long i = 0; i < count; i++) {
        if (wait(&status) < 0 || status != 0) {
            fprintf(stderr, "measure: '%s' failed (wait status %d)\n", argv[2], status);
            return 1;
        }
    }
    printf("%lld %lld\n", now_ns() - start_ns, cpu_ns());
    return 0;
}
