/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-seccomp: profiles → finished filter programs (classic BPF), by libseccomp.
 *
 *   rbox-seccomp allow CAPS [OPTION…]      the default profile's list of calls, for capabilities
 *                                          CAPS (hexadecimal)
 *
 *   rbox-seccomp deny CAPS [OPTION…]       the default profile's refused arguments
 *
 *   rbox-seccomp single-id                 answers for ids that a container with one id lacks
 *
 *   rbox-seccomp profile CAPS              a docker-format JSON profile on standard input
 *
 *   rbox-seccomp names                     C source: the names of all calls, and which capability
 * or option allows those that the default profile refuses
 *
 * Options: --nested; --arch NAME for another processor's calls than this one's (aarch64, x86_64).
 *
 * A program is written to standard output as the kernel takes it (struct sock_filter[]). Runs at
 * build time, and on the host for what was not built in. */
#include "json_profile.h"
#include "profile.h"

#include "base/err.h"
#include "base/exitcode.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Calls that this libseccomp or this processor does not know are left out. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, struct err *e)
{
    int number = seccomp_syscall_resolve_name(name);
    int r = 0;

    if (number == __NR_SCMP_ERROR) {
        return 0;
    }
    r = seccomp_rule_add(ctx, action, number, 0);
    return r < 0 && r != -EEXIST && r != -EACCES && r != -EDOM ? err_set(e, -r, "rule for %s", name)
                                                               : 0;
}

static int add_list(scmp_filter_ctx ctx, uint32_t action, const char *const *names, struct err *e)
{
    int r = 0;

    for (; r == 0 && *names != NULL; names++) {
        /* personality has rules of its own */
        r = strcmp(*names, "personality") == 0 ? 0 : add(ctx, action, *names, e);
    }
    return r;
}

static int allow_program(scmp_filter_ctx ctx, uint64_t caps, int nested, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < PROFILE_GROUP_COUNT; i++) {
        const struct profile_group *g = &PROFILE_GROUPS[i];
        int allowed = g->caps == 0 || (g->caps & caps) != 0 || (g->nested && nested);

        /* A call may be in two groups: allowed by one is allowed. */
        r = allowed ? add_list(ctx, SCMP_ACT_ALLOW, g->names, e) : 0;
    }
    for (size_t i = 0; r == 0 && i < PROFILE_GROUP_COUNT; i++) {
        const struct profile_group *g = &PROFILE_GROUPS[i];
        int allowed = g->caps == 0 || (g->caps & caps) != 0 || (g->nested && nested);

        for (const char *const *name = g->names; r == 0 && !allowed && *name != NULL; name++) {
            /* clone3 must look as if the kernel had none. */
            r = strcmp(*name, "clone3") == 0 ? 0 : add(ctx, SCMP_ACT_ERRNO(EPERM), *name, e);
        }
    }
    for (size_t i = 0; r == 0 && i < PROFILE_PERSONALITY_COUNT; i++) {
        int rr =
            seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, PROFILE_PERSONALITIES[i]));

        r = rr < 0 ? err_set(e, -rr, "rule for personality") : 0;
    }
    return r < 0 ? r : add_list(ctx, SCMP_ACT_ERRNO(EPERM), PROFILE_REFUSED, e);
}

/* "differs": one rule for each bit that may not be set. */
static int add_argument(scmp_filter_ctx ctx, const struct profile_argument *a, struct err *e)
{
    uint32_t action = SCMP_ACT_ERRNO((uint32_t)a->errnum);
    int number = seccomp_syscall_resolve_name(a->name);
    int r = 0;

    if (!a->differs) {
        r = seccomp_rule_add(ctx, action, number, 1,
                             SCMP_CMP(a->index, SCMP_CMP_MASKED_EQ, a->mask, a->value));
    }
    for (uint32_t bit = 1; a->differs && bit != 0; bit <<= 1) {
        if ((a->mask & bit) != 0 && (r == 0 || r == -EEXIST)) {
            r = seccomp_rule_add(ctx, action, number, 1,
                                 SCMP_CMP(a->index, SCMP_CMP_MASKED_EQ, bit, bit));
        }
    }
    return r < 0 && r != -EEXIST ? err_set(e, -r, "rule for an argument of %s", a->name) : 0;
}

static int deny_program(scmp_filter_ctx ctx, uint64_t caps, int nested, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < PROFILE_ARGUMENT_COUNT; i++) {
        const struct profile_argument *a = &PROFILE_ARGUMENTS[i];

        if ((a->caps & caps) == 0 && !(a->nested && nested)) {
            r = add_argument(ctx, a, e);
        }
    }
    return r;
}

/* Success without effect. Device nodes too: mknod of a FIFO or a regular file goes through. */
static int single_id_program(scmp_filter_ctx ctx, struct err *e)
{
    static const struct {
        int number;
        unsigned int mode_index;
    } NODES[] = {{SCMP_SYS(mknod), 1}, {SCMP_SYS(mknodat), 2}};
    static const uint32_t DEVICES[] = {S_IFCHR, S_IFBLK};
    int r = add_list(ctx, SCMP_ACT_ERRNO(0), PROFILE_SINGLE_ID, e);

    for (size_t i = 0; r == 0 && i < 4; i++) {
        int rr = seccomp_rule_add(
            ctx, SCMP_ACT_ERRNO(0), NODES[i / 2].number, 1,
            SCMP_CMP(NODES[i / 2].mode_index, SCMP_CMP_MASKED_EQ, S_IFMT, DEVICES[i % 2]));

        r = rr < 0 ? err_set(e, -rr, "rule for mknod") : 0;
    }
    return r;
}

/* ---- names and advice, for `rbox run --explain` */

enum {
    NUMBERS_MAX = 1024 /* no architecture of ours counts that far */
};

static void print_names(void)
{
    int last = 0;

    printf("static const char SYSCALL_NAMES[] =");
    for (int number = 0; number < NUMBERS_MAX; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

        for (; name != NULL && last < number; last++) {
            printf(" \"\\0\"");
        }
        if (name != NULL) {
            printf("\n\"%s\"", name);
        }
        free(name);
    }
    printf(";\n");
}

/* A call may be in two groups: then any of both opens it. */
static void print_advice(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    uint64_t caps = 0;
    int nested = 0;

    for (size_t i = 0; i < PROFILE_GROUP_COUNT; i++) {
        for (const char *const *n = PROFILE_GROUPS[i].names; *n != NULL; n++) {
            if (strcmp(*n, name) == 0) {
                caps |= PROFILE_GROUPS[i].caps;
                nested |= PROFILE_GROUPS[i].nested;
            }
        }
    }
    /* The one with the highest number does the least: SYSLOG, BPF and PERFMON, not SYS_ADMIN. */
    if (number >= 0 && caps != 0) {
        printf("{%d, %d, %d},", number, 63 - __builtin_clzll(caps), nested);
    }
}

static void print_table(void)
{
    print_names();
    printf("static const struct { short number; short capability; char nested; } "
           "SYSCALL_ADVICE[] = {");
    for (size_t i = 0; i < PROFILE_GROUP_COUNT; i++) {
        for (const char *const *n = PROFILE_GROUPS[i].names;
             PROFILE_GROUPS[i].caps != 0 && *n != NULL; n++) {
            print_advice(*n);
        }
    }
    printf("};\n");
}

static int write_program(scmp_filter_ctx ctx, struct err *e)
{
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

    /* A binary tree: with a few hundred calls the kernel loads it, and walks it, faster than a
     * list. */
    r = r < 0 ? r : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    r = r < 0 ? r : seccomp_export_bpf(ctx, STDOUT_FILENO);
    return r < 0 ? err_set(e, -r, "cannot write the filter") : 0;
}

struct request {
    const char *mode;
    uint64_t caps;
    int nested;
    uint32_t arch;
};

static int read_request(int argc, char **argv, struct request *ret, struct err *e)
{
    *ret = (struct request){.mode = argc > 1 ? argv[1] : "", .arch = SCMP_ARCH_NATIVE};
    ret->caps = argc > 2 ? strtoull(argv[2], NULL, 16) : 0;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--nested") == 0) {
            ret->nested = 1;
        } else if (strcmp(argv[i], "--arch") == 0 && i + 1 < argc) {
            ret->arch = seccomp_arch_resolve_name(argv[++i]);
            if (ret->arch == 0) {
                return err_new(e, EINVAL, "'%s' is no architecture", argv[i]);
            }
        } else {
            return err_new(e, EINVAL, "'%s' is not --nested or --arch NAME", argv[i]);
        }
    }
    return 0;
}

/* Numbers are given as this processor has them; libseccomp translates. */
static int start_filter(uint32_t action, uint32_t arch, scmp_filter_ctx *ret, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(action);
    int r = ctx == NULL ? -ENOMEM : 0;

    if (r == 0 && arch != SCMP_ARCH_NATIVE && arch != seccomp_arch_native()) {
        r = seccomp_arch_add(ctx, arch);
        r = r < 0 ? r : seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
    }
    if (r < 0) {
        seccomp_release(ctx);
        return err_set(e, -r, "cannot start a filter");
    }
    *ret = ctx;
    return 0;
}

static int run(const struct request *q, struct err *e)
{
    scmp_filter_ctx ctx = NULL;
    int r = 0;

    if (strcmp(q->mode, "names") == 0) {
        print_table();
        return 0;
    }
    if (strcmp(q->mode, "profile") == 0) {
        r = json_profile_compile(STDIN_FILENO, q->caps, &ctx, e);
    } else if (strcmp(q->mode, "allow") == 0) {
        r = start_filter(SCMP_ACT_ERRNO(ENOSYS), q->arch, &ctx, e);
        r = r < 0 ? r : allow_program(ctx, q->caps, q->nested, e);
    } else if (strcmp(q->mode, "deny") == 0) {
        r = start_filter(SCMP_ACT_ALLOW, q->arch, &ctx, e);
        r = r < 0 ? r : deny_program(ctx, q->caps, q->nested, e);
    } else if (strcmp(q->mode, "single-id") == 0) {
        r = start_filter(SCMP_ACT_ALLOW, q->arch, &ctx, e);
        r = r < 0 ? r : single_id_program(ctx, e);
    } else {
        return err_new(e, EINVAL,
                       "usage: rbox-seccomp allow|deny|single-id|profile CAPS [--nested] [--arch "
                       "NAME] | names");
    }
    r = r < 0 ? r : write_program(ctx, e);
    seccomp_release(ctx);
    return r;
}

int main(int argc, char **argv)
{
    struct request q;
    struct err e = {0};

    if (read_request(argc, argv, &q, &e) < 0 || run(&q, &e) < 0) {
        err_print(&e, "rbox-seccomp");
        return EXITCODE_NO_SUCH;
    }
    return 0;
}
