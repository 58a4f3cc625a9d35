/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static, for use inside a container and beside it.
 *
 *   probe host FILE     outside: listens, adds a key, writes what the suite shall look for to FILE
 *                       (KEY=VALUE, a line each) and stays until standard input ends
 *
 *   probe suite FILE    inside: tries to get out, a line "pass|FAIL NAME DETAIL" each; FILE comes
 * from outside. Exit status: 1 if one failed.
 *
 *   probe flip A B      exchange the two names, over and over: what races against rbox
 *
 *   probe watch PROGRAM until standard input ends: look at every process's program, over and over;
 * "saw …" for one that is neither PROGRAM nor this, and at the end how often one could not be
 * looked at
 *
 *   probe denied        one call after another that the defaults deny, each with its errno: what
 *                       `rbox run --explain` must name */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/compat.h" /* after sys/mount.h: old ones want to be first */

static int failures;
static char told[8192]; /* by the host's side */

static void result(int passed, const char *name, const char *format, ...)
{
    va_list args;

    failures += !passed;
    (void)printf("%s %s ", passed ? "pass" : "FAIL", name);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
}

static const char *of_errno(long r)
{
    static const struct {
        int number;
        const char *name;
    } NAMES[] = {{EPERM, "EPERM"},   {EACCES, "EACCES"}, {ENOSYS, "ENOSYS"},
                 {EINVAL, "EINVAL"}, {EROFS, "EROFS"},   {EIO, "EIO"}};

    for (size_t i = 0; r < 0 && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (NAMES[i].number == errno) {
            return NAMES[i].name;
        }
    }
    return r < 0 ? strerror(errno) : "ok";
}

/* ---- what the host's side told */

static const char *host(const char *key)
{
    static char value[512];
    char wanted[64];
    const char *at = NULL;

    (void)snprintf(wanted, sizeof(wanted), "\n%s=", key);
    at = strstr(told, wanted);
    value[0] = '\0';
    if (at != NULL) {
        at += strlen(wanted);
        (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
    }
    return value;
}

static size_t read_text(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    size_t len = 0;
    ssize_t n = 0;

    while (fd >= 0 && len < room - 1 && (n = read(fd, text + len, room - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
    return len;
}

/* ---- namespaces and ids */

static const char *const NAMESPACES[] = {"mnt", "pid", "ipc", "uts", "net", "cgroup", "user"};

static void read_namespace(const char *name, char link[64])
{
    char path[64];
    ssize_t n = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    n = readlink(path, link, 63);
    link[n > 0 ? n : 0] = '\0';
}

static void check_namespaces(void)
{
    for (size_t i = 0; i < sizeof(NAMESPACES) / sizeof(NAMESPACES[0]); i++) {
        char name[32];
        char link[64];

        (void)snprintf(name, sizeof(name), "ns-%s", NAMESPACES[i]);
        read_namespace(NAMESPACES[i], link);
        result(link[0] != '\0' && strcmp(link, host(name)) != 0, name, "%s", link);
    }
}

/* What belongs to the host's root belongs to nobody here. */
static void check_map(void)
{
    struct stat st = {0};
    int r = stat("/proc/sysrq-trigger", &st);

    result(r < 0 || st.st_uid == 65534, "uid-map-without-root", "%u", st.st_uid);
    result(r < 0 || st.st_gid == 65534, "gid-map-without-root", "%u", st.st_gid);
}

static void check_groups(void)
{
    gid_t groups[256];
    int n = getgroups(256, groups);
    int foreign = 0;

    for (int i = 0; i < n; i++) {
        foreign += groups[i] == 65534;
    }
    result(n >= 0 && foreign == 0, "groups-no-leftovers", "%d of %d are the host's", foreign, n);
}

/* ---- capabilities */

static uint64_t status_set(const char *name)
{
    char text[8192];
    const char *row = NULL;

    (void)read_text("/proc/self/status", text, sizeof(text));
    row = strstr(text, name);
    return row != NULL ? strtoull(row + strlen(name) + 1, NULL, 16) : UINT64_MAX;
}

static void check_capabilities(void)
{
    const uint64_t eleven = 0x800405fb;
    static const char *const SETS[] = {"CapEff", "CapPrm", "CapBnd"};
    struct {
        uint32_t version;
        int pid;
    } head = {0x20080522, 0};
    uint32_t all[6] = {UINT32_MAX, UINT32_MAX, 0, 0x1ff, 0x1ff, 0};

    for (size_t i = 0; i < 3; i++) {
        uint64_t set = status_set(SETS[i]);

        result((set & ~eleven) == 0, SETS[i], "%llx", (unsigned long long)set);
    }
    result(status_set("CapInh") == 0, "CapInh", "empty");
    result(status_set("CapAmb") == 0, "CapAmb", "empty");
    result(syscall(SYS_capset, &head, all) < 0 && (status_set("CapEff") & ~eleven) == 0,
           "cap-regain", "all of them by capset");
    result(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0) < 0, "cap-ambient", "SYS_ADMIN");
}

/* ---- system calls: refused by the filter, before the kernel looks at anything else */

static const struct {
    const char *name;
    long number;
    long args[3];
} CALLS[] = {
    {"io_uring_setup", SYS_io_uring_setup, {1, 0, 0}},
    {"io_uring_register", SYS_io_uring_register, {-1, 0, 0}},
    {"userfaultfd", SYS_userfaultfd, {0, 0, 0}},
    {"keyctl", SYS_keyctl, {0, -3, 0}},
    {"add_key", SYS_add_key, {0, 0, 0}},
    {"request_key", SYS_request_key, {0, 0, 0}},
    {"bpf", SYS_bpf, {0, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1}},
    {"unshare-user", SYS_unshare, {CLONE_NEWUSER, 0, 0}},
    {"unshare-mnt", SYS_unshare, {CLONE_NEWNS, 0, 0}},
    {"unshare-time", SYS_unshare, {0x80, 0, 0}},
    {"clone-user", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0, 0}},
    {"clone3", SYS_clone3, {0, 0, 0}},
    {"setns", SYS_setns, {-1, 0, 0}},
    {"mount", SYS_mount, {0, 0, 0}},
    {"umount2", SYS_umount2, {0, 0, 0}},
    {"pivot_root", SYS_pivot_root, {0, 0, 0}},
    {"fsopen", SYS_fsopen, {0, 0, 0}},
    {"fsmount", SYS_fsmount, {-1, 0, 0}},
    {"open_tree", SYS_open_tree, {-1, 0, 0}},
    {"move_mount", SYS_move_mount, {-1, 0, -1}},
    {"mount_setattr", SYS_mount_setattr, {-1, 0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-100, 0, 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0}},
    {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"finit_module", SYS_finit_module, {-1, 0, 0}},
    {"delete_module", SYS_delete_module, {0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0}},
    {"swapon", SYS_swapon, {0, 0, 0}},
    {"acct", SYS_acct, {1, 0, 0}},
    {"quotactl", SYS_quotactl, {0, 0, 0}},
    {"settimeofday", SYS_settimeofday, {0, 0, 0}},
    {"syslog", SYS_syslog, {99, 0, 0}},
    {"sethostname", SYS_sethostname, {0, -1, 0}},
    {"vhangup", SYS_vhangup, {0, 0, 0}},
    {"fanotify_init", SYS_fanotify_init, {-1, 0, 0}},
    {"move_pages", SYS_move_pages, {1, 0, 0}},
    {"vmsplice", SYS_vmsplice, {-1, 0, 0}},
    {"ioctl-TIOCSTI", SYS_ioctl, {-1, TIOCSTI, 0}},
    {"ioctl-TIOCSTI-high-bits", SYS_ioctl, {-1, TIOCSTI | 1L << 32, 0}},
    {"ioctl-TIOCLINUX", SYS_ioctl, {-1, TIOCLINUX, 0}},
    {"socket-ALG", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
    {"socket-VSOCK", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"socket-KEY", SYS_socket, {AF_KEY, SOCK_RAW, 2}},
    {"socket-RXRPC", SYS_socket, {AF_RXRPC, SOCK_DGRAM, AF_INET}},
    {"socket-PACKET", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"socket-raw", SYS_socket, {AF_INET, SOCK_RAW, 1}},
#if defined(__x86_64__)
    {"iopl", SYS_iopl, {3, 0, 0}},
    {"ioperm", SYS_ioperm, {0, 1, 1}},
    {"uselib", SYS_uselib, {0, 0, 0}},
    {"ustat", SYS_ustat, {0, 0, 0}},
    {"sysfs", SYS_sysfs, {3, 0, 0}},
    {"x32-getpid", 0x40000000 | SYS_getpid, {0, 0, 0}},
#endif
    {"unknown", 999, {0, 0, 0}},
};

static void check_calls(void)
{
    char name[64];

    for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
        long r =
            syscall(CALLS[i].number, CALLS[i].args[0], CALLS[i].args[1], CALLS[i].args[2], 0, 0);

        if (r == 0 && strncmp(CALLS[i].name, "clone", 5) == 0) {
            _exit(0);
        }
        (void)snprintf(name, sizeof(name), "call-%s", CALLS[i].name);
        result(r < 0 && (errno == EPERM || errno == ENOSYS || errno == EAFNOSUPPORT), name, "%s",
               of_errno(r));
    }
    result(status_set("Seccomp:\t") == 2 || prctl(PR_GET_SECCOMP) == 2, "seccomp-mode", "2");
}

#if defined(__x86_64__)
/* getpid by the 32-bit entry; where the kernel has none, the child dies of it. */
static void check_int80(void)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        long r = 20;

        __asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
        _exit(r == getpid() ? 1 : 0);
    }
    (void)waitpid(pid, &status, 0);
    result(!WIFEXITED(status) || WEXITSTATUS(status) == 0, "call-int80", "32-bit getpid");
}
#endif

/* ---- paths */

static void check_hidden(const char *path)
{
    char text[64];
    DIR *d = opendir(path);
    const struct dirent *entry = NULL;
    size_t seen = 0;
    char name[128];

    while (d != NULL && (entry = readdir(d)) != NULL) {
        seen += entry->d_name[0] != '.';
    }
    if (d != NULL) {
        (void)closedir(d);
    } else {
        seen = read_text(path, text, sizeof(text));
    }
    (void)snprintf(name, sizeof(name), "hidden-%s", path);
    result(seen == 0, name, "%zu", seen);
}

static void check_unwritable(const char *path)
{
    int fd = open(path, O_WRONLY);
    char name[128];

    (void)snprintf(name, sizeof(name), "unwritable-%s", path);
    result(fd < 0, name, "%s", of_errno(fd));
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void check_paths(void)
{
    static const char *const HIDDEN[] = {"/proc/kcore",         "/proc/keys",
                                         "/proc/latency_stats", "/proc/timer_list",
                                         "/proc/timer_stats",   "/proc/sched_debug",
                                         "/proc/scsi",          "/proc/acpi",
                                         "/proc/asound",        "/proc/interrupts",
                                         "/sys/firmware",       "/sys/dev/block",
                                         "/sys/fs/selinux",     "/sys/devices/virtual/powercap"};
    static const char *const UNWRITABLE[] = {"/proc/sysrq-trigger",
                                             "/proc/sys/kernel/core_pattern",
                                             "/proc/sys/kernel/hostname",
                                             "/proc/sys/vm/drop_caches",
                                             "/proc/sys/kernel/modprobe",
                                             "/proc/irq/default_smp_affinity",
                                             "/proc/bus/pci/devices",
                                             "/sys/kernel/mm/transparent_hugepage/enabled",
                                             "/sys/fs/cgroup/cgroup.procs",
                                             "/sys/kernel/uevent_helper",
                                             "/proc/1/exe"};
    char text[64];

    for (size_t i = 0; i < sizeof(HIDDEN) / sizeof(HIDDEN[0]); i++) {
        check_hidden(HIDDEN[i]);
    }
    for (size_t i = 0; i < sizeof(UNWRITABLE) / sizeof(UNWRITABLE[0]); i++) {
        check_unwritable(UNWRITABLE[i]);
    }
    (void)read_text("/proc/self/cgroup", text, sizeof(text));
    result(strncmp(text, "0::/\n", 5) == 0 || strstr(text, ":/\n") != NULL, "cgroup-root", "%.*s",
           (int)strcspn(text, "\n"), text);
}

/* No mount tells where on the host its files are: neither the home nor the store. */
static void check_mounts(void)
{
    static char text[1 << 20];
    char home[512];

    (void)read_text("/proc/self/mountinfo", text, sizeof(text));
    (void)snprintf(home, sizeof(home), "%s/", host("home"));
    result(strstr(text, home) == NULL, "mounts-name-no-home", "%s", host("home"));
    for (char *fd = text; (fd = strstr(fd, "=/proc/self/fd/")) != NULL; fd++) {
        fd[1] = '-'; /* a descriptor's number says nothing */
    }
    result(strstr(text, "/containers/storage") == NULL && strstr(text, "dir=/") == NULL,
           "mounts-name-no-store", "of the tool's own");
    result(strstr(text, " cgroup rw") == NULL && strstr(text, "- cgroup ") == NULL, "no-cgroup-v1",
           "mounted");
}

static void check_dev(void)
{
    static const char *const KNOWN[] = {"null",   "zero",   "full", "random",  "urandom", "tty",
                                        "pts",    "ptmx",   "shm",  "mqueue",  "fd",      "stdin",
                                        "stdout", "stderr", "core", "console", ".",       ".."};
    DIR *d = opendir("/dev");
    const struct dirent *entry = NULL;
    char odd[256] = "";

    while (d != NULL && (entry = readdir(d)) != NULL) {
        int known = 0;

        for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
            known = known || strcmp(entry->d_name, KNOWN[i]) == 0;
        }
        if (!known) {
            (void)snprintf(odd + strlen(odd), sizeof(odd) - strlen(odd), " %.40s", entry->d_name);
        }
    }
    result(d != NULL && odd[0] == '\0', "dev-contents", "odd:%s", odd);
    if (d != NULL) {
        (void)closedir(d);
    }
    {
        long r = mknod("/tmp/probe-device", S_IFBLK | 0600, 0x800);
        int fd = open("/tmp/probe-device", O_RDONLY);

        result(r < 0 || fd < 0, "dev-mknod", "%s", of_errno(r));
    }
}

/* ---- descriptors, and walks out of the root */

static void check_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;
    char odd[256] = "";

    while (d != NULL && (entry = readdir(d)) != NULL) {
        int fd = atoi(entry->d_name);

        if (fd > 2 && fd != dirfd(d)) {
            (void)snprintf(odd + strlen(odd), sizeof(odd) - strlen(odd), " %d", fd);
        }
    }
    result(d != NULL && odd[0] == '\0', "fds-inherited", "left:%s", odd);
    if (d != NULL) {
        (void)closedir(d);
    }
}

/* Is the host's file in reach by @path below @dir_fd? */
static int is_there(int dir_fd, const char *path)
{
    return faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_walks(void)
{
    char up[600];
    char name[64];
    int there = 0;
    pid_t pid = 0;
    int status = 0;

    (void)snprintf(up, sizeof(up), "../../../../../../../../../../../../%.500s", host("file"));
    for (int fd = 0; fd < 64; fd++) {
        there += is_there(fd, up);
    }
    result(!is_there(AT_FDCWD, host("file")), "file-of-host", "%s", host("file"));
    result(there == 0, "walk-by-fd", "%s", up);
    for (int i = 0; i < 3; i++) {
        static const char *const WAYS[] = {"/proc/self/cwd/", "/proc/self/root/", "/proc/1/root/"};
        char path[1024];

        (void)snprintf(path, sizeof(path), "%s%s", WAYS[i], up);
        (void)snprintf(name, sizeof(name), "walk-%s", WAYS[i]);
        result(!is_there(AT_FDCWD, path), name, "..");
    }
    /* The old way out of a chroot: stay outside of a deeper one. */
    pid = fork();
    if (pid == 0) {
        int fd = open("/", O_RDONLY | O_DIRECTORY);

        (void)mkdir("/tmp/deeper", 0755);
        (void)!chroot("/tmp/deeper");
        (void)!fchdir(fd);
        for (int i = 0; i < 64; i++) {
            (void)!chdir("..");
        }
        (void)!chroot(".");
        _exit(is_there(AT_FDCWD, host("file")));
    }
    (void)waitpid(pid, &status, 0);
    result(WIFEXITED(status) && WEXITSTATUS(status) == 0, "walk-by-chroot", "twice");
}

/* ---- the host's processes, keys, sockets */

static void check_processes(void)
{
    static char text[65536];
    pid_t pid = atoi(host("pid"));
    long r = kill(pid, 0);
    size_t len = 0;
    int marker = 0;

    result(r < 0, "signal-host", "%s", of_errno(r));
    r = ptrace(PTRACE_SEIZE, pid, 0, 0);
    result(r < 0, "ptrace-host", "%s", of_errno(r));
    r = syscall(SYS_pidfd_open, pid, 0);
    result(r < 0, "pidfd-host", "%s", of_errno(r));
    len = read_text("/proc/1/environ", text, sizeof(text));
    for (size_t i = 0; i < len; i += strlen(text + i) + 1) {
        marker += strncmp(text + i, "PROBE_MARKER=", 13) == 0;
    }
    result(marker == 0 && getenv("PROBE_MARKER") == NULL, "environ-of-host", "in /proc/1");
    result(getppid() == 0 || getppid() == 1, "parent-outside", "%d", getppid());
    r = getsid(0);
    result(r > 0, "own-session", "%ld", r);
    {
        int fd = open("/dev/tty", O_RDWR);

        result(fd < 0, "no-terminal-of-host", "%s", of_errno(fd));
    }
    {
        struct stat there = {0};
        struct stat here = {0};
        char link[256];
        ssize_t n = readlink("/proc/1/exe", link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        result(n < 0 || getpid() == 1 ||
                   (stat("/proc/1/exe", &there) == 0 && stat(link, &here) == 0 &&
                    there.st_size == here.st_size),
               "pid1-is-no-host-program", "%s", link);
    }
}

static void check_keys(void)
{
    char text[256];
    long r = syscall(SYS_keyctl, KEYCTL_DESCRIBE, atoi(host("key")), text, sizeof(text));

    result(r < 0, "key-of-host", "%s", of_errno(r));
    r = syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
    result(r < 0, "keyring-link", "%s", of_errno(r));
}

static int can_connect(const struct sockaddr *a, socklen_t len)
{
    struct timeval patience = {.tv_sec = 2};
    int fd = socket(a->sa_family, SOCK_STREAM, 0);
    int r = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    r = connect(fd, a, len);
    if (fd >= 0) {
        (void)close(fd);
    }
    return r == 0;
}

static void check_sockets(void)
{
    static const char *const ADDRESSES[] = {"127.0.0.1", "10.0.2.2"};
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    char name[64];

    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(host("port")))};

        (void)inet_pton(AF_INET, ADDRESSES[i], &a.sin_addr);
        (void)snprintf(name, sizeof(name), "loopback-%s", ADDRESSES[i]);
        result(!can_connect((struct sockaddr *)&a, sizeof(a)), name, "port %s", host("port"));
    }
    (void)snprintf(u.sun_path + 1, sizeof(u.sun_path) - 1, "%s", host("abstract"));
    result(!can_connect((struct sockaddr *)&u, (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                                           1 + strlen(host("abstract")))),
           "abstract-socket", "@%s", host("abstract"));
    (void)snprintf(u.sun_path, sizeof(u.sun_path), "%s.socket", host("file"));
    result(!can_connect((struct sockaddr *)&u, sizeof(u)), "path-socket", "%s", u.sun_path);
}

static int suite(const char *file)
{
    told[0] = '\n';
    if (read_text(file, told + 1, sizeof(told) - 1) == 0) {
        (void)fprintf(stderr, "probe: cannot read '%s'\n", file);
        return 2;
    }
    check_descriptors(); /* first: before any of our own */
    check_namespaces();
    check_map();
    check_groups();
    check_capabilities();
    check_calls();
#if defined(__x86_64__)
    check_int80();
#endif
    check_paths();
    check_mounts();
    check_dev();
    check_walks();
    check_processes();
    check_keys();
    check_sockets();
    return failures > 0;
}

/* ---- outside */

static int host_side(const char *file)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(a);
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int path = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *home = getenv("HOME");
    long key = syscall(SYS_add_key, "user", "rbox-probe", "secret", 6, KEY_SPEC_USER_KEYRING);
    char temporary[512];
    FILE *out = NULL;

    (void)inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    (void)snprintf(u.sun_path + 1, sizeof(u.sun_path) - 1, "rbox-probe-%d", getpid());
    if (bind(tcp, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(tcp, 8) < 0 ||
        getsockname(tcp, (struct sockaddr *)&a, &len) < 0 ||
        bind(abstract, (struct sockaddr *)&u,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(u.sun_path + 1))) <
            0 ||
        listen(abstract, 8) < 0 || key < 0) {
        perror("probe host");
        return 1;
    }
    (void)snprintf(temporary, sizeof(temporary), "%s.new", file);
    out = fopen(temporary, "w");
    if (out == NULL) {
        perror(temporary);
        return 1;
    }
    (void)fprintf(out, "port=%d\nabstract=%s\nkey=%ld\npid=%d\nhome=%s\nfile=%s\n",
                  ntohs(a.sin_port), u.sun_path + 1, key, getpid(), home, file);
    for (size_t i = 0; i < sizeof(NAMESPACES) / sizeof(NAMESPACES[0]); i++) {
        char link[64];

        read_namespace(NAMESPACES[i], link);
        (void)fprintf(out, "ns-%s=%s\n", NAMESPACES[i], link);
    }
    memset(u.sun_path, 0, sizeof(u.sun_path));
    (void)snprintf(u.sun_path, sizeof(u.sun_path), "%s.socket", file);
    (void)unlink(u.sun_path);
    if (fclose(out) != 0 || bind(path, (struct sockaddr *)&u, sizeof(u)) < 0 ||
        listen(path, 8) < 0 || rename(temporary, file) < 0) {
        perror("probe host");
        return 1;
    }
    while (read(0, temporary, sizeof(temporary)) > 0) {
    }
    (void)syscall(SYS_keyctl, KEYCTL_INVALIDATE, key);
    (void)unlink(u.sun_path);
    return 0;
}

/* ---- for races */

static int flip(const char *a, const char *b)
{
    unsigned long count = 0;

    for (;; count++) {
        if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0) {
            perror("probe flip");
            return 1;
        }
        if (count == 1) {
            (void)printf("flipping\n");
        }
    }
}

/* ---- for what is only there for a moment */

static unsigned long watch_once(const char *expected)
{
    DIR *d = opendir("/proc");
    const struct dirent *entry = NULL;
    unsigned long hidden = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[300];
        char link[512];
        ssize_t n = 0;

        if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid()) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
        n = readlink(path, link, sizeof(link) - 1);
        hidden += n < 0 && (errno == EACCES || errno == EPERM);
        link[n > 0 ? n : 0] = '\0';
        if (n > 0 && strcmp(link, expected) != 0) {
            int fd = open(path, O_RDONLY);

            (void)printf("saw %s%s\n", link, fd >= 0 ? ", opened" : "");
            (void)close(fd);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return hidden;
}

static int watch(const char *expected)
{
    unsigned long hidden = 0;
    char end;

    (void)fcntl(0, F_SETFL, O_NONBLOCK);
    (void)printf("watching\n");
    while (read(0, &end, 1) != 0) {
        hidden += watch_once(expected);
    }
    (void)printf("hidden %lu\n", hidden);
    return 0;
}

/* ---- for --explain */

static void say(const char *name, long r)
{
    printf("%s %s\n", name, of_errno(r));
}

static long reach(int type, const char *ip, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    long r = -1;

    (void)inet_pton(AF_INET, ip, &a.sin_addr);
    r = type == SOCK_STREAM ? connect(fd, (struct sockaddr *)&a, sizeof(a))
                            : sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
    (void)close(fd);
    return r;
}

static int denied(void)
{
    char zero[256] = {0};

    for (int i = 0; i < 3; i++) {
        say("io_uring_setup", syscall(SYS_io_uring_setup, 1, zero));
    }
    say("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    say("unshare", unshare(CLONE_NEWUSER));
    say("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    say("raw", socket(AF_INET, SOCK_RAW, 1));
    say("tiocsti", ioctl(0, TIOCSTI, "a"));
    say("tiocsti-high", syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, "a"));
    say("keyctl", syscall(SYS_keyctl, 0, 0, 0));
    say("clone3", syscall(SYS_clone3, zero, 64));
    say("unknown", syscall(999));
    say("masked", open("/proc/timer_list", O_RDONLY));
    (void)chdir("/proc/sys/kernel");
    say("read-only", open("hostname", O_WRONLY));
    say("new-file", open("/etc/new", O_WRONLY | O_CREAT, 0600));
    say("chown", chown("/tmp", 33, 33));
    say("setuid", setuid(33));
    say("tcp", reach(SOCK_STREAM, "192.0.2.1", 80));
    say("udp", reach(SOCK_DGRAM, "192.0.2.1", 53));
    say("host", reach(SOCK_STREAM, "10.0.2.2", 9));
    say("device", mknod("/tmp/device", S_IFCHR | 0600, 0x103));
    return 0;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "host") == 0) {
        return host_side(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "suite") == 0) {
        return suite(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "flip") == 0) {
        return flip(argv[2], argv[3]);
    }
    if (argc == 3 && strcmp(argv[1], "watch") == 0) {
        return watch(argv[2]);
    }
    if (argc == 2 && strcmp(argv[1], "denied") == 0) {
        return denied();
    }
    (void)fprintf(stderr,
                  "usage: probe host FILE | suite FILE | flip A B | watch PROGRAM | denied\n");
    return 2;
}
