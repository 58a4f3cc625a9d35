/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deny CALL=ERRNO[,CALL=ERRNO…] -- CMD…: run a command for which these system calls fail, to force
 * the fallbacks for old kernels and outer containers' filters. Sets no_new_privs when it must (a
 * user without CAP_SYS_ADMIN), and setuid helpers lose their bit then: for users that need none. */
#include "sys/compat.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    int number;
    unsigned int family; /* of sockets; 0: all */
} CALLS[] = {
    {"openat2", SYS_openat2, 0},
    {"clone3", SYS_clone3, 0},
    {"mount_setattr", SYS_mount_setattr, 0},
    {"close_range", SYS_close_range, 0},
    {"keyctl", SYS_keyctl, 0},
    {"setns", SYS_setns, 0},
    {"unshare", SYS_unshare, 0},
    {"pidfd_open", SYS_pidfd_open, 0},
    {"mount", SYS_mount, 0},
    {"socket(AF_PACKET)", SYS_socket, AF_PACKET},
    {"landlock_create_ruleset", 444, 0}, /* Debian 11's headers have no name for it */
};

static const struct {
    const char *name;
    unsigned int number;
} ERRNOS[] = {{"ENOSYS", ENOSYS},
              {"EPERM", EPERM},
              {"EINVAL", EINVAL},
              {"ENOSPC", ENOSPC},
              {"EDQUOT", EDQUOT}};

enum {
    RULES_MAX = 16
};

static int find_call(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
        if (strlen(CALLS[i].name) == len && strncmp(CALLS[i].name, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int find_errno(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(ERRNOS) / sizeof(ERRNOS[0]); i++) {
        if (strlen(ERRNOS[i].name) == len && strncmp(ERRNOS[i].name, name, len) == 0) {
            return (int)ERRNOS[i].number;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct sock_filter code[5 * RULES_MAX + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short n = 1;

    if (argc < 4 || strcmp(argv[2], "--") != 0) {
        (void)fprintf(stderr, "usage: deny CALL=ERRNO,… -- CMD…\n");
        return 2;
    }
    for (const char *p = argv[1]; *p != '\0';) {
        size_t name = strcspn(p, "=");
        size_t value = p[name] == '=' ? strcspn(p + name + 1, ",") : 0;
        int call = find_call(p, name);
        unsigned int family = call >= 0 ? CALLS[call].family : 0;
        int error = value > 0 ? find_errno(p + name + 1, value) : -1;

        if (call < 0 || error < 0 || n + 6 >= (int)(sizeof(code) / sizeof(code[0]))) {
            (void)fprintf(stderr, "deny: do not know '%s'\n", p);
            return 2;
        }
        code[n++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)CALLS[call].number, 0, family > 0 ? 4 : 1);
        if (family > 0) {
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                     offsetof(struct seccomp_data, args));
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 0, 1);
        }
        code[n++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
        if (family > 0) {
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                     offsetof(struct seccomp_data, nr));
        }
        p += name + 1 + value;
        p += *p == ',';
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    {
        const struct sock_fprog program = {.len = n, .filter = code};

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 &&
            (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
             prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)) {
            perror("deny: seccomp");
            return 2;
        }
    }
    (void)execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
