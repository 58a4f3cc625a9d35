/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profile in the form that asks; declared in explain.h. */
#include "base/mem.h"
#include "box/explain.h"
#include "sys/bpf.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

struct code {
    struct sock_filter *v;
    size_t count;
};

static void emit(struct code *c, struct sock_filter i)
{
    c->v[c->count++] = i;
}

static int is_refusal(uint32_t action)
{
    uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
    uint32_t errnum = action & SECCOMP_RET_DATA;

    return kind == SECCOMP_RET_KILL_PROCESS || kind == SECCOMP_RET_KILL_THREAD ||
           kind == SECCOMP_RET_TRAP ||
           (kind == SECCOMP_RET_ERRNO && errnum != 0 && errnum != ENOSYS);
}

/* Only one filter of a process can have a listener, so the programs of the profile become one: what
 * the first allows goes on to the second. An instruction stays one, and jumps stay right. */
static void append(struct code *c, const struct seccomp_program *p, int is_last)
{
    const struct sock_filter *from = p->code;
    size_t count = p->bytes / sizeof(*from);

    for (size_t i = 0; i < count; i++) {
        struct sock_filter next = from[i];

        if (next.code == (BPF_RET | BPF_K) && is_refusal(next.k)) {
            next.k = SECCOMP_RET_USER_NOTIF;
        } else if (next.code == (BPF_RET | BPF_K) && next.k == SECCOMP_RET_ALLOW && !is_last) {
            next = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(count - i - 1));
        }
        emit(c, next);
    }
}

/* What the child does after the filter is on, before anybody listens. */
static int check_profile(const struct seccomp_filter *f, struct err *e)
{
    const struct seccomp_data send = {.nr = SYS_sendmsg, .arch = BPF_OWN_ARCH};

    if (seccomp_answer(f, &send) != SECCOMP_RET_ALLOW) {
        return err_new(e, ENOTSUP, "--explain needs a seccomp profile that allows sendmsg");
    }
    return 0;
}

int explain_filter(struct seccomp_filter *f, struct err *e)
{
    struct code c = {0};
    int watched[EXPLAIN_WATCHED_MAX];
    size_t watched_count = explain_watched(watched);
    size_t max = watched_count * 2 + 2;

    for (size_t i = 0; i < f->profile_count; i++) {
        max += f->programs[i].bytes / sizeof(*c.v);
    }
    if (max > BPF_MAXINSNS) {
        return err_new(e, E2BIG, "the seccomp profile is too long for --explain");
    }
    if (check_profile(f, e) < 0) {
        return -e->errnum;
    }
    c.v = xcalloc(max, sizeof(*c.v));
    emit(&c,
         (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; i < watched_count; i++) {
        emit(&c,
             (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)watched[i], 0, 1));
        emit(&c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    }
    for (size_t i = 0; i < f->profile_count; i++) {
        append(&c, &f->programs[i], i + 1 == f->profile_count);
    }
    if (f->profile_count == 0) {
        emit(&c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    f->explain =
        (struct seccomp_program){.code = c.v, .bytes = c.count * sizeof(*c.v), .is_owned = 1};
    return 0;
}
