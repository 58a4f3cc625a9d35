/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static, for use as PID 1 of a container: it blocks SIGTERM and prints "up".
 *
 *   blocker moments     as one that forks without end: blocked four milliseconds of five, never
 * handled
 *
 *   blocker waits       as tini: takes it by sigwait(3); unblocks it, and exits with 7 a little
 * later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void spin_ms(long ms)
{
    struct timespec begun;
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < ms);
}

static _Noreturn void moments(const sigset_t *set)
{
    for (;;) {
        spin_ms(4);
        (void)sigprocmask(SIG_UNBLOCK, set, NULL);
        spin_ms(1);
        (void)sigprocmask(SIG_BLOCK, set, NULL);
    }
}

static int waits(const sigset_t *set)
{
    int signo = 0;

    (void)sigwait(set, &signo);
    (void)sigprocmask(SIG_UNBLOCK, set, NULL);
    (void)usleep(300 * 1000);
    return signo == SIGTERM ? 7 : 1;
}

int main(int argc, char **argv)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)puts("up");
    (void)fflush(stdout);
    if (argc == 2 && strcmp(argv[1], "moments") == 0) {
        moments(&set);
    }
    if (argc == 2 && strcmp(argv[1], "waits") == 0) {
        return waits(&set);
    }
    (void)fprintf(stderr, "usage: blocker moments | waits\n");
    return 2;
}
