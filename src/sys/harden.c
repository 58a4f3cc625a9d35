/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/harden.h"

#include "base/cleanup.h"
#include "sys/bpf.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int no_new_privs(struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return err_set(e, errno, "cannot set no_new_privs");
    }
    return 0;
}

/* ---- Landlock; the kernel's ABI 1 (Linux 5.13), whose header Debian 11 lacks */

enum {
    LL_READ = 1 << 2 /* READ_FILE */ | 1 << 3 /* READ_DIR */,
    LL_ALL = (1 << 13) - 1 /* EXECUTE … MAKE_SYM */
};

struct ll_ruleset {
    uint64_t handled_access_fs;
};

struct ll_path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

#define SYS_LL_CREATE   444
#define SYS_LL_ADD_RULE 445
#define SYS_LL_RESTRICT 446

static int add_rule(int ruleset, const struct harden_path *p, struct err *e)
{
    autoclose int opened = p->path != NULL ? open(p->path, O_PATH | O_CLOEXEC) : -1;
    struct ll_path_beneath rule = {.allowed_access =
                                       p->access == HARDEN_WRITE ? LL_ALL & ~1 : LL_READ,
                                   .parent_fd = p->path != NULL ? opened : p->fd};

    if (p->path != NULL && opened < 0) {
        return 0;
    }
    if (syscall(SYS_LL_ADD_RULE, ruleset, 1 /* PATH_BENEATH */, &rule, 0) == 0) {
        return 0;
    }
    /* A file takes the rights of files only. */
    rule.allowed_access &= 1 << 1 | 1 << 2;
    if (errno == EINVAL && syscall(SYS_LL_ADD_RULE, ruleset, 1, &rule, 0) == 0) {
        return 0;
    }
    return err_set(e, errno, "cannot allow '%s'", p->path != NULL ? p->path : "a folder");
}

int harden_paths(const struct harden_path *paths, size_t count, struct err *e)
{
    struct ll_ruleset all = {.handled_access_fs = LL_ALL};
    autoclose int ruleset = (int)syscall(SYS_LL_CREATE, &all, sizeof(all), 0);

    if (ruleset < 0) {
        return err_new(e, EOPNOTSUPP, "this kernel has no Landlock");
    }
    for (size_t i = 0; i < count; i++) {
        if (add_rule(ruleset, &paths[i], e) < 0) {
            return -e->errnum;
        }
    }
    if (no_new_privs(e) < 0) {
        return -e->errnum;
    }
    if (syscall(SYS_LL_RESTRICT, ruleset, 0) < 0) {
        return err_set(e, errno, "cannot lock the helper in");
    }
    return 0;
}

/* ---- the same around a container */

int harden_abi(void)
{
    long abi = syscall(SYS_LL_CREATE, NULL, 0, 1 /* VERSION */);

    return abi > 0 ? (int)abi : 0;
}

enum {
    LL_EXECUTE_WRITE_READ = 7,
    LL_REFER = 1 << 13,    /* ABI 2 */
    LL_TRUNCATE = 1 << 14, /* 3 */
    LL_IOCTL_DEV = 1 << 15 /* 5 */
};

static uint64_t all_access(int abi)
{
    return LL_ALL | LL_REFER | (abi >= 3 ? LL_TRUNCATE : 0U) | (abi >= 5 ? LL_IOCTL_DEV : 0U);
}

/* What is no file in a folder (a pipe, a socket) is not Landlock's to deny. */
static int allow_descriptor(int ruleset, int fd, uint64_t access, struct err *e)
{
    const struct ll_path_beneath rule = {.allowed_access = access, .parent_fd = fd};

    if (syscall(SYS_LL_ADD_RULE, ruleset, 1, &rule, 0) < 0 && errno != EBADFD && errno != EBADF) {
        return err_set(e, errno, "cannot allow descriptor %d", fd);
    }
    return 0;
}

static int is_folder(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

int harden_beneath(int root_fd, unsigned int preserved, struct err *e)
{
    int abi = harden_abi();
    struct ll_ruleset all = {.handled_access_fs = all_access(abi)};
    uint64_t of_file = all.handled_access_fs & (LL_EXECUTE_WRITE_READ | LL_TRUNCATE | LL_IOCTL_DEV);
    autoclose int ruleset = -1;
    int r = 0;

    if (abi < HARDEN_BENEATH_ABI) {
        return err_new(e, EOPNOTSUPP, "this kernel has no Landlock that serves");
    }
    ruleset = (int)syscall(SYS_LL_CREATE, &all, sizeof(all), 0);
    r = ruleset < 0 ? err_set(e, errno, "cannot make a Landlock ruleset")
                    : allow_descriptor(ruleset, root_fd, all.handled_access_fs, e);
    for (int fd = 0; r == 0 && fd <= (int)(2 + preserved); fd++) {
        if (!is_folder(fd)) {
            r = allow_descriptor(ruleset, fd, of_file, e);
        } else if (fd > 2) {
            r = allow_descriptor(ruleset, fd, all.handled_access_fs, e);
        }
    }
    if (r == 0 && syscall(SYS_LL_RESTRICT, ruleset, 0) < 0) {
        r = err_set(e, errno, "cannot lock the container in");
    }
    return r;
}

/* ---- system calls */

static const int DENIED[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_userfaultfd,
    SYS_open_by_handle_at,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsmount,
    SYS_reboot,
    SYS_swapon,
    SYS_quotactl,
};

static const int SOCKETS[] = {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen};

/* RLIMIT_NPROC would not hold for root of the machine, nor for another process of the same id. */
static const int FORKS[] = {
    SYS_clone,
    SYS_clone3,
#ifdef SYS_fork /* older architectures' */
    SYS_fork,
    SYS_vfork,
#endif
};

enum {
    PROLOGUE = 6,
    X32_BIT = 0x40000000, /* x86-64's second table of calls has the same architecture */
    PROGRAM_MAX = 128
};

static void add_denied(struct sock_filter *program, unsigned short *len, int nr)
{
    program[(*len)++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
    program[(*len)++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
}

int harden_calls(int flags, struct err *e)
{
    struct sock_filter program[PROGRAM_MAX] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_OWN_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog filter = {.filter = program, .len = PROLOGUE};

    for (size_t i = 0; i < sizeof(DENIED) / sizeof(DENIED[0]); i++) {
        if (DENIED[i] != SYS_chroot || (flags & HARDEN_MAY_CHROOT) == 0) {
            add_denied(program, &filter.len, DENIED[i]);
        }
    }
    for (size_t i = 0; (flags & HARDEN_NO_SOCKETS) != 0 && i < sizeof(SOCKETS) / sizeof(SOCKETS[0]);
         i++) {
        add_denied(program, &filter.len, SOCKETS[i]);
    }
    for (size_t i = 0; (flags & HARDEN_NO_FORK) != 0 && i < sizeof(FORKS) / sizeof(FORKS[0]); i++) {
        add_denied(program, &filter.len, FORKS[i]);
    }
    program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (no_new_privs(e) < 0) {
        return -e->errnum;
    }
    /* 0: an architecture that we have no name for, and of which each call would be another's. */
    if (BPF_OWN_ARCH != 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0) {
        return err_set(e, errno, "cannot lock the helper in");
    }
    return 0;
}

int harden_is_filtered(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}
