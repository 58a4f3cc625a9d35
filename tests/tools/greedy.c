/* SPDX-License-Identifier: GPL-2.0-or-later */
/* greedy heap|forks: take all that a limit lets it have, for what limits hold (issue 6).
 *
 *   heap   grow the heap by 512 bytes a step and write to each, until the end or 256 MB
 *   forks  fork in every process until nobody can, or 1000 are there; print how many there were
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEP_BYTES = 512,
    HEAP_BYTES = 256 << 20,
    PROCESSES = 1000,
};

struct shared {
    atomic_int processes;
    atomic_int refused; /* by EAGAIN */
    atomic_int end;
};

static int heap(void)
{
    for (size_t total = 0; total < HEAP_BYTES; total += STEP_BYTES) {
        char *step = malloc(STEP_BYTES);

        if (step == NULL) {
            perror("malloc");
            return 1;
        }
        memset(step, 1, STEP_BYTES);
        __asm__ volatile("" : : "r"(step) : "memory"); /* or the compiler does without */
    }
    puts("nothing held it");
    return 0;
}

/* Every process forks; who is refused waits for the end with the rest. */
static void bomb(struct shared *s)
{
    while (atomic_load(&s->refused) == 0 && atomic_load(&s->processes) < PROCESSES) {
        const pid_t pid = fork();

        if (pid < 0) {
            atomic_fetch_add(&s->refused, errno == EAGAIN);
        } else if (pid == 0) {
            atomic_fetch_add(&s->processes, 1);
        }
    }
    while (atomic_load(&s->end) == 0) {
        usleep(1000);
    }
}

static int forks(void)
{
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int left;

    if (s == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    atomic_store(&s->processes, 2);
    if (fork() == 0) {
        bomb(s);
        _exit(0);
    }
    while (atomic_load(&s->refused) == 0 && atomic_load(&s->processes) < PROCESSES) {
        usleep(1000);
    }
    left = atomic_load(&s->processes);
    for (int settled = 0; settled < 100; settled++) { /* those that were just being made */
        usleep(1000);
        if (atomic_load(&s->processes) != left) {
            left = atomic_load(&s->processes);
            settled = 0;
        }
    }
    printf("%d\n", left);
    fflush(stdout);
    kill(-1, SIGKILL); /* in a PID namespace of its own */
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "heap") == 0) {
        return heap();
    }
    if (argc == 2 && strcmp(argv[1], "forks") == 0 && getpid() == 1) {
        return forks();
    }
    fputs("usage: greedy heap|forks, as PID 1 of a container\n", stderr);
    return 2;
}
