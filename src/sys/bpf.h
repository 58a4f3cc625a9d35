/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a system call filter answers, found out without the kernel: classic BPF as far as seccomp(2)
 * takes it. For saying why a call was refused, and for testing the filter of another processor. */
#ifndef RBOX_SYS_BPF_H
#define RBOX_SYS_BPF_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* What a filter sees as the processor this is built for; 0: one that rbox does not know. */
#if defined(__x86_64__)
#define BPF_OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define BPF_OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define BPF_OWN_ARCH AUDIT_ARCH_RISCV64
#else
#define BPF_OWN_ARCH 0
#endif

/* Run the @count instructions of @code over @data; *ret is the action (SECCOMP_RET_…). Errors:
 * -EINVAL for a program that the kernel would not take, or that does not end. Pure. */
int bpf_run(const struct sock_filter *code, size_t count, const struct seccomp_data *data,
            uint32_t *ret);

/* Of two actions the one that the kernel carries out: the stricter. Pure. */
uint32_t bpf_stricter(uint32_t a, uint32_t b);

#endif
