/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a call that the profile refuses; declared in explain.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/caps.h"
#include "box/explain.h"
#include "sys/compat.h"

#include "syscall_names.h"

#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Libraries try these and do without: plain errors, of which nothing is said. */
static const int PROBES[] = {SYS_clone3, SYS_openat2, SYS_faccessat2, SYS_rseq};

static const struct {
    int number;
    unsigned int argument;
    uint32_t value;
    const char *name;
} DETAILS[] = {
    {SYS_ioctl, 1, TIOCSTI, "TIOCSTI"},    {SYS_ioctl, 1, TIOCLINUX, "TIOCLINUX"},
    {SYS_socket, 0, AF_ALG, "AF_ALG"},     {SYS_socket, 0, AF_VSOCK, "AF_VSOCK"},
    {SYS_socket, 0, AF_RXRPC, "AF_RXRPC"}, {SYS_socket, 0, AF_KEY, "AF_KEY"},
};

/* "openat(2)", "socket(2) of AF_VSOCK", "system call 999". The caller owns it. */
static char *call_name(const struct seccomp_data *d)
{
    const char *name = SYSCALL_NAMES;
    const char *end = SYSCALL_NAMES + sizeof(SYSCALL_NAMES);

    for (int i = 0; i < d->nr && name < end; i++) {
        name += strlen(name) + 1;
    }
    if (d->nr < 0 || name >= end || *name == '\0') {
        return xasprintf("system call %d", d->nr);
    }
    for (size_t i = 0; i < sizeof(DETAILS) / sizeof(DETAILS[0]); i++) {
        if (DETAILS[i].number == d->nr &&
            DETAILS[i].value == (uint32_t)d->args[DETAILS[i].argument]) {
            return xasprintf("%s(2) of %s", name, DETAILS[i].name);
        }
    }
    return xasprintf("%s(2)", name);
}

static int makes_namespace(const struct seccomp_data *d)
{
    return d->nr == SYS_clone || d->nr == SYS_unshare || d->nr == SYS_setns;
}

/* The capability that would have opened it, or -1. */
static int opening_capability(const struct spec *s, const struct seccomp_data *d)
{
    for (size_t i = 0; i < sizeof(SYSCALL_ADVICE) / sizeof(SYSCALL_ADVICE[0]); i++) {
        int cap = SYSCALL_ADVICE[i].capability;

        if (SYSCALL_ADVICE[i].number == d->nr && !caps_has(s->process.capabilities.bounding, cap)) {
            return cap;
        }
    }
    return -1;
}

char *explain_cap_option(int cap)
{
    return xasprintf("--cap-add %s", caps_name(cap) + strlen("CAP_"));
}

void explain_count_call(struct explain *x, const struct spec *s, const struct seccomp_data *data)
{
    autofree char *name = call_name(data);
    autofree char *what = NULL;
    autofree char *how = NULL;
    int is_own = s->linux_.seccomp.mode == SPEC_SECCOMP_FILE;
    int cap = is_own ? -1 : opening_capability(s, data);

    for (size_t i = 0; i < sizeof(PROBES) / sizeof(PROBES[0]); i++) {
        if (PROBES[i] == data->nr) {
            return;
        }
    }
    if (is_own) {
        what = xasprintf("%s by the seccomp profile '%s'", name, s->linux_.seccomp.profile);
        how = xstrdup("another profile");
    } else if (makes_namespace(data)) {
        what = xasprintf("%s by the default seccomp profile", name);
        how = xstrdup("--nested");
    } else if (cap >= 0) {
        what = xasprintf("%s by the default seccomp profile, for lack of %s", name, caps_name(cap));
        how = explain_cap_option(cap);
    } else {
        what = xasprintf("%s by the default seccomp profile", name);
        how = xstrdup("--security-opt seccomp=unconfined (or seccomp=FILE)");
    }
    explain_count(x, what, how);
}
