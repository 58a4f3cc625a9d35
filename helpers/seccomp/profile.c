/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CAP(name) (1ULL << CAP_##name)

/* clang-format off */
static const char *const FILES[] = {
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr",
    "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd",
    "getdents", "getdents64", "getxattr", "ioctl", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr",
    "llistxattr", "_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat", "mknod", "mknodat",
    "name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64",
    "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "removexattr", "rename", "renameat",
    "renameat2", "rmdir", "sendfile", "sendfile64", "setxattr", "splice", "stat", "stat64", "statfs", "statfs64", "statx",
    "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "syncfs", "tee", "truncate", "truncate64", "umask",
    "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "write", "writev", NULL};

static const char *const MEMORY[] = {
    "brk", "madvise", "membarrier", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2",
    "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    "process_mrelease", "remap_file_pages", "shmat", "shmctl", "shmdt", "shmget", NULL};

static const char *const PROCESSES[] = {
    "alarm", "arch_prctl", "capget", "capset", "clone", "execve", "execveat", "exit", "exit_group", "fork", "getcpu", "getegid",
    "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getitimer", "get_mempolicy",
    "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid", "getresgid32", "getresuid", "getresuid32",
    "getrlimit", "get_robust_list", "getrusage", "getsid", "get_thread_area", "gettid", "getuid", "getuid32", "ioprio_get",
    "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "mbind", "modify_ldt",
    "pause", "personality", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "process_madvise",
    "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "setfsgid",
    "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setitimer", "set_mempolicy",
    "setpgid", "setpriority", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid",
    "setreuid32", "setrlimit", "set_robust_list", "setsid", "set_thread_area", "set_tid_address", "setuid", "setuid32",
    "sigaction", "sigaltstack", "signal", "signalfd", "signalfd4", "sigpending", "sigprocmask", "sigreturn", "sigsuspend",
    "sysinfo", "tgkill", "time", "times", "tkill", "ugetrlimit", "uname", "unshare", "vfork", "wait4", "waitid", "waitpid", NULL};

static const char *const WAITING[] = {
    "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
    "clock_nanosleep", "clock_nanosleep_time64", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "fanotify_mark", "futex", "futex_time64",
    "futex_waitv", "gettimeofday", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel",
    "io_destroy", "io_getevents", "io_setup", "io_submit", "nanosleep", "_newselect", "poll", "ppoll", "ppoll_time64",
    "pselect6", "pselect6_time64", "select", "timer_create", "timer_delete", "timerfd_create", "timerfd_gettime",
    "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "timer_getoverrun", "timer_gettime", "timer_gettime64",
    "timer_settime", "timer_settime64", "adjtimex", NULL};

static const char *const TALKING[] = {
    "accept", "accept4", "bind", "connect", "getpeername", "getrandom", "getsockname", "getsockopt", "ipc", "listen",
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64",
    "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "semctl",
    "semget", "semop", "semtimedop", "semtimedop_time64", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socket", "socketcall", "socketpair", NULL};

static const char *const MOUNTING[] = {
    "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root",
    "setns", "statmount", "umount", "umount2", NULL};

static const char *const ADMIN[] = {"fanotify_init", "lookup_dcookie", "quotactl", "quotactl_fd", "setdomainname", "sethostname", NULL};
static const char *const NESTED_NAMES[] = {"sethostname", "setdomainname", "clone3", NULL};
static const char *const CHROOT[] = {"chroot", NULL};
static const char *const HANDLES[] = {"open_by_handle_at", NULL};
static const char *const BOOT[] = {"reboot", NULL};
static const char *const MODULES[] = {"delete_module", "init_module", "finit_module", NULL};
static const char *const ACCOUNTING[] = {"acct", NULL};
static const char *const COMPARE[] = {"kcmp", NULL};
static const char *const PORTS[] = {"iopl", "ioperm", NULL};
static const char *const CLOCK[] = {"settimeofday", "stime", "clock_settime", "clock_settime64", NULL};
static const char *const HANGUP[] = {"vhangup", NULL};
static const char *const NUMA[] = {"set_mempolicy_home_node", "migrate_pages", "move_pages", NULL};
static const char *const KERNEL_LOG[] = {"syslog", NULL};
static const char *const BPF[] = {"bpf", NULL};
static const char *const PERF[] = {"perf_event_open", NULL};

const struct profile_group PROFILE_GROUPS[] = {
    {0, 0, FILES},
    {0, 0, MEMORY},
    {0, 0, PROCESSES},
    {0, 0, WAITING},
    {0, 0, TALKING},
    {CAP(SYS_ADMIN), 1, MOUNTING},
    {CAP(SYS_ADMIN), 0, ADMIN},
    {CAP(SYS_ADMIN), 1, NESTED_NAMES},
    {CAP(SYS_CHROOT), 1, CHROOT},
    {CAP(DAC_READ_SEARCH), 0, HANDLES},
    {CAP(SYS_BOOT), 0, BOOT},
    {CAP(SYS_MODULE), 0, MODULES},
    {CAP(SYS_PACCT), 0, ACCOUNTING},
    {CAP(SYS_PTRACE), 0, COMPARE},
    {CAP(SYS_RAWIO), 0, PORTS},
    {CAP(SYS_TIME), 0, CLOCK},
    {CAP(SYS_TTY_CONFIG), 0, HANGUP},
    {CAP(SYS_NICE), 0, NUMA},
    {CAP(SYSLOG) | CAP(SYS_ADMIN), 0, KERNEL_LOG},
    {CAP(BPF) | CAP(SYS_ADMIN), 0, BPF},
    {CAP(PERFMON) | CAP(SYS_ADMIN), 0, PERF},
};
const size_t PROFILE_GROUP_COUNT = sizeof(PROFILE_GROUPS) / sizeof(PROFILE_GROUPS[0]);

/* Known, and never needed by a container: EPERM, where the unknown gives ENOSYS. */
const char *const PROFILE_REFUSED[] = {
    "add_key", "bdflush", "cachestat", "io_pgetevents", "io_pgetevents_time64", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl", "map_shadow_stack", "nfsservctl", "nice", "oldfstat",
    "oldlstat", "oldolduname", "oldstat", "olduname", "pciconfig_iobase", "pciconfig_read", "pciconfig_write", "request_key",
    "sgetmask", "ssetmask", "swapoff", "swapon", "syscall", "sysfs", "uselib", "userfaultfd", "ustat", "vm86", "vm86old",
    "vmsplice", NULL};
/* clang-format on */

/* All that makes a namespace (clone(2)); a new time namespace shares its bit with the exit signal
 * in clone, and is unshare's alone. */
#define NEW_NAMESPACES                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)
#define TIME_NAMESPACE 0x80U

const struct profile_argument PROFILE_ARGUMENTS[] = {
    /* New namespaces open kernel code that a user could not reach otherwise. clone3 hides its flags
     * from the filter: it is not listed, and libraries fall back to clone on ENOSYS. */
    {"clone", 0, NEW_NAMESPACES, 0, 1, EPERM, CAP(SYS_ADMIN), 1},
    {"unshare", 0, NEW_NAMESPACES | TIME_NAMESPACE, 0, 1, EPERM, CAP(SYS_ADMIN), 1},
    /* A user namespace gives all capabilities back: refused even with SYS_ADMIN. */
    {"clone", 0, CLONE_NEWUSER, CLONE_NEWUSER, 0, EPERM, 0, 1},
    {"unshare", 0, CLONE_NEWUSER, CLONE_NEWUSER, 0, EPERM, 0, 1},
    /* Pushing characters into a terminal's input. The kernel looks at the low 32 bits only
     * (CVE-2019-10063). */
    {"ioctl", 1, UINT32_MAX, TIOCSTI, 0, EPERM, 0, 0},
    {"ioctl", 1, UINT32_MAX, TIOCLINUX, 0, EPERM, 0, 0},
    /* Address families of the kernel that reach the hypervisor, or that had their share of bugs. */
    {"socket", 0, UINT32_MAX, AF_ALG, 0, EAFNOSUPPORT, 0, 0},
    {"socket", 0, UINT32_MAX, AF_VSOCK, 0, EAFNOSUPPORT, 0, 0},
    {"socket", 0, UINT32_MAX, AF_RXRPC, 0, EAFNOSUPPORT, 0, 0},
    {"socket", 0, UINT32_MAX, AF_KEY, 0, EAFNOSUPPORT, 0, 0},
};
const size_t PROFILE_ARGUMENT_COUNT = sizeof(PROFILE_ARGUMENTS) / sizeof(PROFILE_ARGUMENTS[0]);

const uint32_t PROFILE_PERSONALITIES[] = {0, 8, 0x20000, 0x20008, UINT32_MAX};
const size_t PROFILE_PERSONALITY_COUNT =
    sizeof(PROFILE_PERSONALITIES) / sizeof(PROFILE_PERSONALITIES[0]);

const char *const PROFILE_SINGLE_ID[] = {
    "chown",       "chown32",   "fchown",      "fchown32", "lchown",     "lchown32",
    "fchownat",    "setgroups", "setgroups32", "setuid",   "setuid32",   "setgid",
    "setgid32",    "setreuid",  "setreuid32",  "setregid", "setregid32", "setresuid",
    "setresuid32", "setresgid", "setresgid32", "setfsuid", "setfsuid32", "setfsgid",
    "setfsgid32",  NULL};
