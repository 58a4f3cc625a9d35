/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/bpf.h"

#include <errno.h>
#include <string.h>

struct machine {
    uint32_t a;
    uint32_t x;
    uint32_t memory[BPF_MEMWORDS];
};

/* Words of seccomp_data at aligned offsets are all that there is to load. */
static int load(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
    int to_x = BPF_CLASS(i->code) == BPF_LDX;
    uint32_t value = i->k;

    switch (BPF_MODE(i->code)) {
    case BPF_IMM:
        break;
    case BPF_LEN:
        value = sizeof(*data);
        break;
    case BPF_MEM:
        if (i->k >= BPF_MEMWORDS) {
            return -EINVAL;
        }
        value = m->memory[i->k];
        break;
    case BPF_ABS:
        if (to_x || i->k % 4 != 0 || i->k > sizeof(*data) - sizeof(value)) {
            return -EINVAL;
        }
        memcpy(&value, (const char *)data + i->k, sizeof(value));
        break;
    default:
        return -EINVAL;
    }
    *(to_x ? &m->x : &m->a) = value;
    return 0;
}

static int calculate(struct machine *m, const struct sock_filter *i)
{
    uint32_t v = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

    switch (BPF_OP(i->code)) {
    case BPF_ADD:
        m->a += v;
        return 0;
    case BPF_SUB:
        m->a -= v;
        return 0;
    case BPF_MUL:
        m->a *= v;
        return 0;
    case BPF_AND:
        m->a &= v;
        return 0;
    case BPF_OR:
        m->a |= v;
        return 0;
    case BPF_XOR:
        m->a ^= v;
        return 0;
    case BPF_NEG:
        m->a = -m->a;
        return 0;
    case BPF_LSH:
        m->a = v < 32 ? m->a << v : 0;
        return 0;
    case BPF_RSH:
        m->a = v < 32 ? m->a >> v : 0;
        return 0;
    default:
        return -EINVAL;
    }
}

static int store(struct machine *m, const struct sock_filter *i)
{
    if (i->k >= BPF_MEMWORDS) {
        return -EINVAL;
    }
    m->memory[i->k] = BPF_CLASS(i->code) == BPF_STX ? m->x : m->a;
    return 0;
}

/* How many instructions are left out. */
static int jump(const struct machine *m, const struct sock_filter *i, uint32_t *ret)
{
    uint32_t v = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
    int is_true = 0;

    switch (BPF_OP(i->code)) {
    case BPF_JA:
        *ret = i->k;
        return 0;
    case BPF_JEQ:
        is_true = m->a == v;
        break;
    case BPF_JGT:
        is_true = m->a > v;
        break;
    case BPF_JGE:
        is_true = m->a >= v;
        break;
    case BPF_JSET:
        is_true = (m->a & v) != 0;
        break;
    default:
        return -EINVAL;
    }
    *ret = is_true ? i->jt : i->jf;
    return 0;
}

static int step(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data,
                uint32_t *ret_skip)
{
    switch (BPF_CLASS(i->code)) {
    case BPF_LD:
    case BPF_LDX:
        return load(m, i, data);
    case BPF_ST:
    case BPF_STX:
        return store(m, i);
    case BPF_ALU:
        return calculate(m, i);
    case BPF_JMP:
        return jump(m, i, ret_skip);
    case BPF_MISC:
        *(BPF_MISCOP(i->code) == BPF_TAX ? &m->x : &m->a) =
            BPF_MISCOP(i->code) == BPF_TAX ? m->a : m->x;
        return 0;
    default:
        return -EINVAL;
    }
}

int bpf_run(const struct sock_filter *code, size_t count, const struct seccomp_data *data,
            uint32_t *ret)
{
    struct machine m = {0};

    /* Jumps go forward only: it ends. */
    for (size_t at = 0; at < count; at++) {
        uint32_t skip = 0;

        if (BPF_CLASS(code[at].code) == BPF_RET) {
            *ret = BPF_RVAL(code[at].code) == BPF_A ? m.a : code[at].k;
            return 0;
        }
        if (step(&m, &code[at], data, &skip) < 0) {
            return -EINVAL;
        }
        at += skip;
    }
    return -EINVAL;
}

uint32_t bpf_stricter(uint32_t a, uint32_t b)
{
    /* As signed numbers, the smaller one: KILL_PROCESS is 0x80000000 (seccomp(2)). */
    return (int32_t)(a & SECCOMP_RET_ACTION_FULL) <= (int32_t)(b & SECCOMP_RET_ACTION_FULL) ? a : b;
}
