/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sandbox.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/bpf.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int keep_capability(int capability, struct err *e)
{
    cap_t caps = cap_init();
    const cap_value_t value = capability;
    int r = caps == NULL ? -1 : 0;

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (r == 0 && capability >= 0) {
        r = cap_set_flag(caps, CAP_PERMITTED, 1, &value, CAP_SET) |
            cap_set_flag(caps, CAP_EFFECTIVE, 1, &value, CAP_SET);
    }
    if (r == 0) {
        r = cap_set_proc(caps);
    }
    (void)cap_free(caps);
    return r < 0 ? err_set(e, errno, "cannot give up capabilities") : 0;
}

static int install(struct sock_filter *code, size_t len, struct err *e)
{
    const struct sock_fprog program = {.len = (unsigned short)len, .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        return err_set(e, errno, "cannot install a system call filter");
    }
    return 0;
}

/* Each listed call is one comparison that skips the verdict behind it. */
static int filter_calls(const struct sandbox *s, struct err *e)
{
    const uint32_t number_at = offsetof(struct seccomp_data, nr);
    const uint32_t family_at = offsetof(struct seccomp_data, args[0]);
    autofree struct sock_filter *code = xcalloc(s->call_count * 6 + 8, sizeof(*code));
    struct sock_filter *p = code;

    *p++ =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    *p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_OWN_ARCH, 1, 0);
    *p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    *p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at);
    for (size_t i = 0; i < s->call_count; i++) {
        const uint32_t call = (uint32_t)s->calls[i];

        if (call != SYS_socket) {
            *p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
            *p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
            continue;
        }
        *p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 5);
        *p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, family_at);
        *p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
        *p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1);
        *p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        *p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    *p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    return install(code, (size_t)(p - code), e);
}

int sandbox_enter(const struct sandbox *s, struct err *e)
{
    int r = keep_capability(s->capability, e);

    return r < 0 || BPF_OWN_ARCH == 0 ? r : filter_calls(s, e);
}
