/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/explain.h"
#include "sys/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

enum {
    CALLS_MAX = 600
};

static struct seccomp_filter prepare(int explain)
{
    struct seccomp_filter f = {0};
    struct spec s;
    struct err e = {0};

    spec_init(&s);
    s.box.explain = explain;
    spec_idmap_add(&s.linux_.uid_mappings, 0, 1000, 1);
    spec_idmap_add(&s.linux_.uid_mappings, 1, 100000, 65536);
    assert_int_equal(seccomp_prepare(&s, &f, &e), 0);
    spec_done(&s);
    return f;
}

static uint32_t run(const struct seccomp_program *p, const struct seccomp_data *d)
{
    uint32_t action = 0;

    assert_int_equal(bpf_run(p->code, p->bytes / sizeof(struct sock_filter), d, &action), 0);
    return action;
}

static int is_watched(int number)
{
    int watched[EXPLAIN_WATCHED_MAX];
    size_t count = explain_watched(watched);

    for (size_t i = 0; i < count; i++) {
        if (watched[i] == number) {
            return 1;
        }
    }
    return 0;
}

/* The other form asks where the profile refuses, and gives the profile's answer everywhere else:
 * nothing is allowed that the profile does not allow. */
static void asks_where_the_profile_refuses(void **unused)
{
    struct seccomp_filter f = prepare(1);
    const uint64_t first[] = {0, CLONE_NEWUSER, CLONE_NEWNS, AF_VSOCK, AF_INET, 0xffffffff};
    const uint64_t second[] = {0, TIOCSTI, TIOCSTI | 1ULL << 32, TIOCGWINSZ};
    const uint32_t archs[] = {BPF_OWN_ARCH, AUDIT_ARCH_I386, AUDIT_ARCH_ARM};
    unsigned int asked = 0;

    (void)unused;
    assert_int_equal(f.profile_count, 2);
    assert_non_null(f.explain.code);
    for (int number = -1; number < CALLS_MAX; number++) {
        for (size_t i = 0; i < 6 * 4 * 3; i++) {
            const struct seccomp_data d = {.nr = number == -1 ? 0x40000000 : number,
                                           .arch = archs[i / 24],
                                           .args = {first[i % 6], second[i / 6 % 4]}};
            uint32_t profile = seccomp_answer(&f, &d);
            uint32_t explain = run(&f.explain, &d);
            int refuses = profile != SECCOMP_RET_ALLOW && profile != (SECCOMP_RET_ERRNO | ENOSYS);

            if (refuses || is_watched(d.nr)) {
                assert_int_equal(explain, SECCOMP_RET_USER_NOTIF);
                asked++;
            } else {
                assert_int_equal(explain, profile);
            }
        }
    }
    assert_true(asked > 1000);
    seccomp_done(&f);
}

static void the_profile_says_what_it_should(void **unused)
{
    static const struct {
        int number;
        uint64_t args[2];
        uint32_t action;
    } ROWS[] = {
        {SYS_read, {0, 0}, SECCOMP_RET_ALLOW},
        {SYS_mount, {0, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_keyctl, {0, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_io_uring_setup, {0, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_clone3, {0, 0}, SECCOMP_RET_ERRNO | ENOSYS},
        {SYS_clone, {0, 0}, SECCOMP_RET_ALLOW},
        {SYS_clone, {CLONE_NEWUSER, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_clone, {CLONE_NEWNET | CLONE_VM, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_unshare, {CLONE_NEWCGROUP, 0}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_unshare, {CLONE_FILES, 0}, SECCOMP_RET_ALLOW},
        {SYS_ioctl, {0, TIOCSTI}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_ioctl, {0, TIOCSTI | 1ULL << 32}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_ioctl, {0, TIOCLINUX}, SECCOMP_RET_ERRNO | EPERM},
        {SYS_socket, {AF_VSOCK, 0}, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
        {SYS_socket, {AF_UNIX, 0}, SECCOMP_RET_ALLOW},
        {999, {0, 0}, SECCOMP_RET_ERRNO | ENOSYS},
    };
    struct seccomp_filter f = prepare(0);

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct seccomp_data d = {
            .nr = ROWS[i].number, .arch = BPF_OWN_ARCH, .args = {ROWS[i].args[0], ROWS[i].args[1]}};

        assert_int_equal(seccomp_answer(&f, &d), ROWS[i].action);
    }
    assert_null(f.explain.code);
    seccomp_done(&f);
}

struct said {
    char text[2048];
};

static void take(void *arg, const char *text)
{
    struct said *s = arg;

    (void)strncat(s->text, text, sizeof(s->text) - strlen(s->text) - 1);
    (void)strncat(s->text, "\n", sizeof(s->text) - strlen(s->text) - 1);
}

static void counts_and_says(void **unused)
{
    struct seccomp_filter f = prepare(1);
    struct said said = {{0}};
    struct explain *x = NULL;
    struct spec s;

    (void)unused;
    spec_init(&s);
    assert_null(explain_new(&s, &f));
    s.box.explain = 1;
    x = explain_new(&s, &f);
    explain_count_call(x, &s, &(struct seccomp_data){.nr = SYS_mount});
    explain_count_call(x, &s, &(struct seccomp_data){.nr = SYS_mount});
    explain_count_call(x, &s, &(struct seccomp_data){.nr = SYS_clone3}); /* a probe */
    explain_count_call(x, &s, &(struct seccomp_data){.nr = 100000});
    explain_count_call(x, &s, &(struct seccomp_data){.nr = -5});
    explain_tell(x, take, &said);
    assert_string_equal(
        said.text,
        "blocked 2× mount(2) by the default seccomp profile, for lack of CAP_SYS_ADMIN; allow it "
        "with --cap-add SYS_ADMIN\n"
        "blocked 1× system call 100000 by the default seccomp profile; allow it with "
        "--security-opt seccomp=unconfined (or seccomp=FILE)\n"
        "blocked 1× system call -5 by the default seccomp profile; allow it with --security-opt "
        "seccomp=unconfined (or seccomp=FILE)\n");
    for (int i = 0; i < 1000; i++) { /* rows are bounded */
        explain_count_call(x, &s, &(struct seccomp_data){.nr = 1000 + i});
    }
    said.text[0] = '\0';
    explain_tell(x, take, &said);
    explain_free(x);
    spec_done(&s);
    seccomp_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_where_the_profile_refuses),
        cmocka_unit_test(the_profile_says_what_it_should),
        cmocka_unit_test(counts_and_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
