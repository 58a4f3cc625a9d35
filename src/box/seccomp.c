/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_prepare(const struct spec *s, struct seccomp_filter *ret, struct err *e)
{
    (void)s;
    (void)e;
    memset(ret, 0, sizeof(*ret));
    return 0;
}

void seccomp_done(struct seccomp_filter *f)
{
    free(f->owned);
    memset(f, 0, sizeof(*f));
}

int seccomp_load(const struct seccomp_filter *f, struct err *e)
{
    struct sock_fprog program = {.len = (unsigned short)f->len,
                                 .filter = (struct sock_filter *)(uintptr_t)f->program};

    if (f->len > 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
        return err_set(e, errno, "cannot load the system call filter");
    }
    return 0;
}
