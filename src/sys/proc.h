/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes are pidfds: started, awaited and ended without a pid that could be somebody else's by
 * then. */
#ifndef RBOX_SYS_PROC_H
#define RBOX_SYS_PROC_H

#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROC_FOREVER = -1
};

/* Kill and reap the process behind *pidfd, for `autokill int pidfd = -1`: guards a started child
 * until steal_fd(). */
void proc_kill_reap(int *pidfd);
#define autokill __attribute__((cleanup(proc_kill_reap)))

/* A pidfd of process @pid, or -1 with errno (pidfd_open(2)). */
int proc_open(pid_t pid);

/* Send @signal through @pidfd. Returns 0 or -errno (-ESRCH: gone). */
int proc_signal(int pidfd, int signal);

/* The procfs that is mounted at /proc now, O_PATH; -1 without one. The caller owns it. */
int proc_open_fs(void);

/* Is process @pid on its way out, or gone? Its end may take a while: files are written back, mounts
 * go. @proc_fd is a procfs (O_PATH), @pid as that counts. */
int proc_is_exiting(int proc_fd, pid_t pid);

/* The parent of process @pid, or -ESRCH. */
pid_t proc_parent(pid_t pid);

/* What tells process @pid from another that has the same number later: its start, in ticks since
 * the boot. *ret_state: its letter in proc(5), 'Z' when it has ended. Returns 0 or -ESRCH. */
int proc_identity(pid_t pid, uint64_t *ret_start, char *ret_state);

/* Wait for the child behind @pidfd and reap it. *ret_status is as docker counts: exit status, or
 * 128 + signal.
 * @timeout_ms: PROC_FOREVER blocks. Errors: -ETIMEDOUT, -ECHILD. */
int proc_wait(int pidfd, int timeout_ms, int *ret_status, struct err *e);

/* Full path of program @name: absolute names as they are, else the first executable in PATH, then
 * in the system folders (/usr/local/sbin … /bin), since users' PATHs often lack sbin. The caller
 * owns *ret_path. -ENOENT. */
int proc_find(const char *name, char **ret_path, struct err *e);

/* Full path of our own helper @name: $RBOX_LIBEXEC, else libexec/rbox beside the running binary's
 * bin, else the build tree. The caller owns *ret_path. Errors: -ENOENT. */
int proc_find_helper(const char *name, char **ret_path, struct err *e);

/* Full path of @name in the folder of our helpers, which ships with them or is yet to be made. The
 * caller owns *ret_path. Errors: as proc_find_helper(). */
int proc_find_beside(const char *name, char **ret_path, struct err *e);

/* The last line of what a helper that died wrote into the pipe @fd, "" if nothing; what comes
 * before is chatter. The caller owns it. */
char *proc_last_words(int fd);

/* Become @argv, found by our PATH and with our environment. What fails is said on stderr, with exit
 * code 127 when there is no such command, 126 for the rest. */
_Noreturn void proc_become(char *const *argv);

/* Make all permitted capabilities inheritable and ambient, so that programs executed from here keep
 * them: exec takes them from a process that is not uid 0 of its user namespace (capabilities(7)).
 */
int proc_raise_ambient(struct err *e);

/* A program to start. Zero-initialise and fill in. */
struct proc_options {
    const char *const *argv; /* NULL-terminated, argv[0] an absolute path */
    const char *const *envp; /* NULL: PATH, LANG=C.UTF-8 and nothing else */
    int in_fd;               /* becomes 0; -1 or 0 in a zeroed struct: /dev/null */
    int out_fd;              /* becomes 1; 0: /dev/null */
    int err_fd;              /* becomes 2; 0: inherited */
    const int *keep_fds;     /* stay open under their own numbers; all others are closed */
    size_t keep_count;
    int die_with_parent; /* PR_SET_PDEATHSIG SIGKILL */
};

/* Start a program; its exec succeeded when this returns 0 (an exec failure comes back as -errno
 * with @e). The caller owns *ret_pidfd (guard it with autokill). */
int proc_start(const struct proc_options *o, int *ret_pidfd, struct err *e);

/* Run @argv to its end with stdin from /dev/null. Its stdout goes to *ret_out (caller owns; NULL
 * discards), its stderr into @e when it fails. @timeout_ms bounds it. Errors: -ETIMEDOUT, -EIO for
 * a non-zero exit (status in the message). */
int proc_run(const char *const *argv, int timeout_ms, char **ret_out, struct err *e);

#endif
