/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default profile compiled for arm64, from the same table, and tried by running the filter
 * here. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/bpf.h"

#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct program {
    struct sock_filter code[BPF_MAXINSNS];
    size_t count;
};

static void compile(const char *mode, const char *options, struct program *ret)
{
    char own[PATH_MAX] = "";
    autofree char *command = NULL;
    FILE *out = NULL;

    assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
    *strrchr(own, '/') = '\0';
    command = xasprintf("'%s/../rbox-seccomp' %s 800405fb %s --arch aarch64", own, mode, options);
    out = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(out);
    ret->count = fread(ret->code, sizeof(ret->code[0]), BPF_MAXINSNS, out);
    assert_int_equal(pclose(out), 0);
    assert_true(ret->count > 10);
}

static uint32_t answer(const struct program *p, const struct seccomp_data *d)
{
    uint32_t action = 0;

    assert_int_equal(bpf_run(p->code, p->count, d, &action), 0);
    return action;
}

/* Numbers of arm64, which are those of linux/asm-generic/unistd.h. */
static const struct {
    const char *name;
    int number;
    uint64_t args[3];
    uint32_t action;
} ROWS[] = {
    {"read", 63, {0}, SECCOMP_RET_ALLOW},
    {"openat", 56, {0}, SECCOMP_RET_ALLOW},
    {"openat2", 437, {0}, SECCOMP_RET_ALLOW},
    {"execve", 221, {0}, SECCOMP_RET_ALLOW},
    {"ppoll", 73, {0}, SECCOMP_RET_ALLOW},
    {"clone", 220, {17}, SECCOMP_RET_ALLOW},
    {"clone NEWUSER", 220, {CLONE_NEWUSER | 17}, SECCOMP_RET_ERRNO | EPERM},
    {"unshare NEWNS", 97, {CLONE_NEWNS}, SECCOMP_RET_ERRNO | EPERM},
    {"unshare FILES", 97, {CLONE_FILES}, SECCOMP_RET_ALLOW},
    {"clone3", 435, {0}, SECCOMP_RET_ERRNO | ENOSYS},
    {"mount", 40, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"setns", 268, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"keyctl", 219, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"add_key", 217, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"bpf", 280, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"userfaultfd", 282, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"io_uring_setup", 425, {0}, SECCOMP_RET_ERRNO | EPERM},
    {"ioctl TIOCSTI", 29, {0, TIOCSTI}, SECCOMP_RET_ERRNO | EPERM},
    {"ioctl TIOCSTI, high bits", 29, {0, TIOCSTI | 1ULL << 32}, SECCOMP_RET_ERRNO | EPERM},
    {"ioctl TCGETS", 29, {0, TCGETS}, SECCOMP_RET_ALLOW},
    {"socket VSOCK", 198, {AF_VSOCK}, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
    {"socket INET", 198, {AF_INET}, SECCOMP_RET_ALLOW},
    {"personality 0", 92, {0}, SECCOMP_RET_ALLOW},
    {"personality odd", 92, {0x40000}, SECCOMP_RET_ERRNO | ENOSYS},
    {"unknown", 999, {0}, SECCOMP_RET_ERRNO | ENOSYS},
};

static void the_profile_for_arm64(void **unused)
{
    static struct program allow;
    static struct program deny;

    (void)unused;
    compile("allow", "", &allow);
    compile("deny", "", &deny);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct seccomp_data d = {.nr = ROWS[i].number,
                                 .arch = AUDIT_ARCH_AARCH64,
                                 .args = {ROWS[i].args[0], ROWS[i].args[1], ROWS[i].args[2]}};

        if (bpf_stricter(answer(&allow, &d), answer(&deny, &d)) != ROWS[i].action) {
            fail_msg("%s: %x and %x", ROWS[i].name, answer(&allow, &d), answer(&deny, &d));
        }
        d.arch = AUDIT_ARCH_X86_64; /* another's calls */
        assert_int_equal(answer(&allow, &d), SECCOMP_RET_ERRNO | ENOSYS);
        d.arch = AUDIT_ARCH_ARM;
        assert_int_equal(answer(&deny, &d), SECCOMP_RET_ERRNO | ENOSYS);
    }
}

static void nested_for_arm64(void **unused)
{
    static struct program allow;
    static struct program deny;
    const struct seccomp_data mount_call = {.nr = 40, .arch = AUDIT_ARCH_AARCH64};
    const struct seccomp_data clone_user = {
        .nr = 220, .arch = AUDIT_ARCH_AARCH64, .args = {CLONE_NEWUSER}};

    (void)unused;
    compile("allow", "--nested", &allow);
    compile("deny", "--nested", &deny);
    assert_int_equal(answer(&allow, &mount_call), SECCOMP_RET_ALLOW);
    assert_int_equal(answer(&deny, &clone_user), SECCOMP_RET_ALLOW);
}

static void one_id_for_arm64(void **unused)
{
    static struct program single;
    struct seccomp_data d = {.nr = 54 /* fchownat */, .arch = AUDIT_ARCH_AARCH64};

    (void)unused;
    compile("single-id", "", &single);
    assert_int_equal(answer(&single, &d), SECCOMP_RET_ERRNO);
    d.nr = 33; /* mknodat */
    d.args[2] = S_IFCHR | 0600;
    assert_int_equal(answer(&single, &d), SECCOMP_RET_ERRNO);
    d.args[2] = S_IFIFO | 0600;
    assert_int_equal(answer(&single, &d), SECCOMP_RET_ALLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_profile_for_arm64),
        cmocka_unit_test(nested_for_arm64),
        cmocka_unit_test(one_id_for_arm64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
