/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floor: a container start that does only what any such start must do, and so the least that
 * `rbox run --rm busybox true` can cost on a machine.
 *
 *   floor [--slirp] [--outer-pid] [--marks] DIR LOWER[:LOWER…] CMD [ARG…]
 *
 * One clone3(2) with every namespace; newuidmap and newgidmap side by side; then, inside, a kernel
 * overlay of the LOWER folders, the file systems of a container, a cgroup namespace, pivot_root(2),
 * exec; and when CMD has ended, its folder below DIR is removed. No options, no image, no state, no
 * confinement, no messages: rbox's own share of a start is what it takes above this. Nothing is
 * kept from one run to the next, and the subordinate ranges are read from their files each time.
 *
 *   --slirp      slirp4netns, started beside the mounts and awaited before exec
 *   --outer-pid  rbox's layout: a supervisor in the user namespace, PID 1 of a PID namespace of its
 *                own, clones the container while the ids are still being mapped
 *   --marks      print when each step was reached, in microseconds
 *
 * Any failure ends it with the line's number: a benchmark has nobody to explain things to. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(call)                                                                         \
    do {                                                                                   \
        if ((call) < 0) {                                                                  \
            fprintf(stderr, "floor: line %d: %s: %s\n", __LINE__, #call, strerror(errno)); \
            _exit(125);                                                                    \
        }                                                                                  \
    } while (0)

enum {
    CONTAINER = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET
};

struct floor {
    int slirp;
    int outer_pid;
    int marks;
    const char *dir; /* this run's folder, below DIR */
    const char *lower;
    char **command;
    int mapped[2]; /* pipe: a byte when the ids are mapped, another when the network is ready */
    struct timespec start;
};

static void mark(const struct floor *f, const char *what)
{
    struct timespec t;

    if (f->marks) {
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        fprintf(stderr, "%6ld us  %s\n",
                (t.tv_sec - f->start.tv_sec) * 1000000 + (t.tv_nsec - f->start.tv_nsec) / 1000,
                what);
    }
}

static pid_t clone_into(uint64_t flags)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};

    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static pid_t start(const char *const argv[])
{
    posix_spawn_file_actions_t quiet;
    pid_t pid = -1;

    (void)posix_spawn_file_actions_init(&quiet);
    (void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    errno = posix_spawn(&pid, argv[0], &quiet, NULL, (char *const *)(uintptr_t)argv, environ);
    MUST(errno == 0 ? 0 : -1);
    (void)posix_spawn_file_actions_destroy(&quiet);
    return pid;
}

static void await(const struct floor *f)
{
    char byte = 0;

    MUST(read(f->mapped[0], &byte, 1) == 1 ? 0 : -1);
}

static void tell(const struct floor *f)
{
    MUST(write(f->mapped[1], "", 1));
}

/* ---- inside */

static void mount_dev(void)
{
    static const char *const DEVICES[] = {"null", "zero", "full", "random", "urandom", "tty"};
    char from[32];
    char to[32];

    MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"));
    for (size_t i = 0; i < sizeof(DEVICES) / sizeof(DEVICES[0]); i++) {
        (void)snprintf(from, sizeof(from), "/dev/%s", DEVICES[i]);
        (void)snprintf(to, sizeof(to), "dev/%s", DEVICES[i]);
        MUST(mknod(to, S_IFREG | 0666, 0));
        MUST(mount(from, to, NULL, MS_BIND, NULL));
    }
    MUST(mkdir("dev/pts", 0755));
    MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620,gid=5"));
    MUST(symlink("pts/ptmx", "dev/ptmx"));
    MUST(mkdir("dev/shm", 01777));
    MUST(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"));
    MUST(mkdir("dev/mqueue", 01777));
    MUST(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
}

static void mount_root(const struct floor *f)
{
    char options[4000];

    MUST(chdir(f->dir));
    MUST(mkdir("upper", 0755));
    MUST(mkdir("work", 0700));
    MUST(mkdir("root", 0755));
    /* volatile: nothing here need reach the disk, so the unmount need not sync it. */
    MUST(snprintf(options, sizeof(options),
                  "lowerdir=%s,upperdir=upper,workdir=work,userxattr,volatile", f->lower));
    MUST(mount("overlay", "root", "overlay", 0, options));
    MUST(chdir("root"));
    mark(f, "  overlay");
    MUST(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    mark(f, "  proc");
    MUST(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL));
    mark(f, "  sysfs");
    mount_dev();
    mark(f, "  dev");
}

static _Noreturn void inside(const struct floor *f)
{
    mark(f, "  child runs");
    await(f);
    mark(f, "  ids are there");
    MUST(setresgid(0, 0, 0));
    MUST(setresuid(0, 0, 0));
    MUST(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL));
    mark(f, "  slave");
    mount_root(f);
    MUST(unshare(CLONE_NEWCGROUP));
    mark(f, "  cgroup namespace");
    MUST(syscall(SYS_pivot_root, ".", "."));
    mark(f, "  pivoted");
    MUST(umount2(".", MNT_DETACH));
    MUST(chdir("/"));
    mark(f, "  old root detached");
    if (f->slirp) {
        await(f);
        mark(f, "  network is there");
    }
    (void)execvp(f->command[0], f->command);
    _exit(127);
}

/* ---- outside */

/* First range of the caller in @file, as "0 OWN 1 1 START COUNT" behind newuidmap's pid. */
static void read_range(const char *file, const char *user, char start_count[2][16])
{
    FILE *in = fopen(file, "re");
    char line[256];
    size_t len = strlen(user);

    MUST(in == NULL ? -1 : 0);
    while (fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, user, len) == 0 && line[len] == ':' &&
            sscanf(line + len, ":%15[0-9]:%15[0-9]", start_count[0], start_count[1]) == 2) {
            (void)fclose(in);
            return;
        }
    }
    MUST(-1);
}

static pid_t start_map(const char *helper, const char *file, unsigned own, pid_t pid)
{
    const struct passwd *user = getpwuid(getuid());
    char range[2][16];
    char pid_text[16];
    char own_text[16];
    const char *const argv[] = {helper, pid_text, "0",      own_text, "1",
                                "1",    range[0], range[1], NULL};

    MUST(user == NULL ? -1 : 0);
    read_range(file, user->pw_name, range);
    (void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
    (void)snprintf(own_text, sizeof(own_text), "%u", own);
    return start(argv);
}

static void map_ids(const struct floor *f, pid_t pid)
{
    pid_t helpers[2];
    int status = 0;

    helpers[0] = start_map("/usr/bin/newuidmap", "/etc/subuid", getuid(), pid);
    helpers[1] = start_map("/usr/bin/newgidmap", "/etc/subgid", getgid(), pid);
    mark(f, "helpers started");
    for (int i = 0; i < 2; i++) {
        MUST(waitpid(helpers[i], &status, 0));
        MUST(status == 0 ? 0 : -1);
    }
    mark(f, "ids mapped");
}

/* Host's pid of the container, which with --outer-pid is the supervisor's one child. */
static pid_t container_pid(const struct floor *f, pid_t pid)
{
    char path[64];
    FILE *in = NULL;
    int child = -1;

    if (!f->outer_pid) {
        return pid;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    while (child < 0) {
        in = fopen(path, "re");
        MUST(in == NULL ? -1 : 0);
        (void)!fscanf(in, "%d", &child);
        (void)fclose(in);
    }
    return child;
}

static pid_t start_slirp(pid_t pid)
{
    int ready[2];
    char arguments[2][32];
    char byte = 0;
    pid_t slirp = -1;

    MUST(pipe2(ready, 0));
    MUST(fcntl(ready[0], F_SETFD, FD_CLOEXEC));
    (void)snprintf(arguments[0], sizeof(arguments[0]), "--ready-fd=%d", ready[1]);
    (void)snprintf(arguments[1], sizeof(arguments[1]), "%d", (int)pid);
    slirp = start((const char *const[]){"/usr/bin/slirp4netns", "--configure", "--enable-sandbox",
                                        "--enable-seccomp", "--disable-host-loopback",
                                        "--mtu=65520", arguments[0], arguments[1], "tap0", NULL});
    (void)close(ready[1]);
    MUST(read(ready[0], &byte, 1) == 1 ? 0 : -1);
    (void)close(ready[0]);
    return slirp;
}

static void remove_dir(const struct floor *f)
{
    static const char *const MODE_0[] = {"work/work", "work/work/incompat",
                                         "work/work/incompat/volatile"};
    static const char *const FOLDERS[] = {"work/work/incompat/volatile", "work/work/incompat",
                                          "work/work", "work", "root"};

    MUST(chdir(f->dir));
    for (size_t i = 0; i < sizeof(MODE_0) / sizeof(MODE_0[0]); i++) {
        MUST(chmod(MODE_0[i], 0700));
    }
    MUST(unlink("work/work/incompat/volatile/dirty"));
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        MUST(rmdir(FOLDERS[i]));
    }
    if (rmdir("upper") < 0) { /* CMD wrote something */
        (void)waitpid(start((const char *const[]){"/bin/rm", "-rf", "upper", NULL}), NULL, 0);
    }
    MUST(chdir("/"));
    MUST(rmdir(f->dir));
}

static int run(struct floor *f)
{
    pid_t pid = -1;
    pid_t slirp = -1;
    int status = 0;

    MUST(pipe2(f->mapped, O_CLOEXEC));
    pid = clone_into(CLONE_NEWUSER | (f->outer_pid ? CLONE_NEWPID : CONTAINER));
    MUST(pid);
    if (pid == 0 && f->outer_pid) {
        pid = clone_into(CONTAINER);
        MUST(pid);
        if (pid != 0) {
            MUST(waitpid(pid, &status, 0));
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
        }
    }
    if (pid == 0) {
        inside(f);
    }
    mark(f, "cloned");
    map_ids(f, pid);
    tell(f);
    if (f->slirp) {
        slirp = start_slirp(container_pid(f, pid));
        mark(f, "slirp4netns is ready");
        tell(f);
    }
    MUST(waitpid(pid, &status, 0));
    mark(f, "command ended");
    /* Not awaited: the kernel takes 20 ms to take a tap device away, and nobody needs to see it. */
    if (f->slirp) {
        MUST(kill(slirp, SIGKILL));
    }
    remove_dir(f);
    mark(f, "removed");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

int main(int argc, char *argv[])
{
    struct floor f = {0};
    char dir[4096];
    int i = 1;

    (void)clock_gettime(CLOCK_MONOTONIC, &f.start);
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        f.slirp = f.slirp || strcmp(argv[i], "--slirp") == 0;
        f.outer_pid = f.outer_pid || strcmp(argv[i], "--outer-pid") == 0;
        f.marks = f.marks || strcmp(argv[i], "--marks") == 0;
    }
    if (argc - i < 3) {
        fprintf(
            stderr,
            "usage: floor [--slirp] [--outer-pid] [--marks] DIR LOWER[:LOWER...] CMD [ARG...]\n");
        return 125;
    }
    (void)snprintf(dir, sizeof(dir), "%s/%d", argv[i], (int)getpid());
    MUST(mkdir(dir, 0755));
    f.dir = dir;
    f.lower = argv[i + 1];
    f.command = &argv[i + 2];
    return run(&f);
}
