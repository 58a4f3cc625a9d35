/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A foreign config.json → spec (issue 5). */
#include "spec/bundle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Single quotes stand for double ones. */
static int read_text(const char *text, struct bundle *b, struct err *e)
{
    char *json = xstrdup(text);
    int r = 0;

    for (char *p = json; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    r = bundle_read(json, strlen(json), "/bundle", b, e);
    free(json);
    return r;
}

#define PROCESS "'process': {'cwd': '/', 'args': ['sh']"
#define ROOT    "'root': {'path': 'rootfs'}"
#define MOUNT   "{'type': 'mount'}"

static void what_is_not_said_is_not_there(void **unused)
{
    struct bundle b = {0};
    struct err e = {0};
    const struct spec *s = &b.spec;

    (void)unused;
    assert_int_equal(
        read_text("{" PROCESS "}, " ROOT ", 'linux': {'namespaces': [" MOUNT "]}}", &b, &e), 0);
    assert_string_equal(s->box.rootfs, "/bundle/rootfs");
    assert_string_equal(s->process.user, "0:0");
    assert_int_equal(s->process.capabilities.bounding, 0);
    assert_int_equal(s->linux_.resources.pids_asked, 0);
    assert_int_equal(s->linux_.masked_paths.len, 0);
    assert_int_equal(s->linux_.seccomp.mode, SPEC_SECCOMP_UNCONFINED);
    assert_int_equal(b.user_ns.mode, SPEC_NS_HOST);
    for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
        assert_int_equal(s->linux_.namespaces[ns].mode, SPEC_NS_HOST);
    }
    assert_null(b.hooks);
    assert_null(b.seccomp);
    bundle_done(&b);
}

static void rboxs_own_section_is_not_the_callers(void **unused)
{
    struct bundle b = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(read_text("{" PROCESS "}, " ROOT
                               ", 'rbox': {'id': 'x', 'init': true, 'privileged': "
                               "true}, 'linux': {'namespaces': [" MOUNT "]}}",
                               &b, &e),
                     0);
    assert_null(b.spec.box.id);
    assert_false(b.spec.box.init);
    assert_false(b.spec.box.privileged);
    bundle_done(&b);
}

static void unsigned_numbers_keep_their_bits(void **unused)
{
    struct bundle b = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(
        read_text("{" PROCESS ", 'env': ['N=18446744073709551615', 'Q=\\'18446744073709551615'], "
                  "'rlimits': [{'type': 'RLIMIT_CORE', 'soft': 7, 'hard': "
                  "18446744073709551615}]}, " ROOT ", 'linux': {'namespaces': [" MOUNT "]}}",
                  &b, &e),
        0);
    assert_true(b.spec.process.rlimits[0].hard == UINT64_MAX);
    assert_true(b.spec.process.rlimits[0].soft == 7);
    assert_int_equal(b.spec.process.rlimits[0].asked, 1);
    assert_string_equal(b.spec.process.env.v[0], "N=18446744073709551615");
    assert_string_equal(b.spec.process.env.v[1], "Q=\"18446744073709551615");
    bundle_done(&b);
}

static void mounts_and_namespaces_are_completed(void **unused)
{
    struct bundle b = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(
        read_text(
            "{" PROCESS ", 'user': {'uid': 5, 'gid': 6, 'additionalGids': [7]}}, " ROOT
            ", 'mounts': [{'destination': '/a', 'source': 'data', 'options': ['rbind', 'ro']}, "
            "{'destination': 'b', 'type': 'tmpfs', 'source': 'x'}], 'linux': {'namespaces': "
            "[" MOUNT ", {'type': 'user', 'path': '/u'}, {'type': 'pid'}, {'type': 'network', "
            "'path': '/n'}]}}",
            &b, &e),
        0);
    assert_string_equal(b.spec.mounts[0].type, "bind");
    assert_string_equal(b.spec.mounts[0].source, "/bundle/data");
    assert_string_equal(b.spec.mounts[1].destination, "/b");
    assert_int_equal(b.user_ns.mode, SPEC_NS_PATH);
    assert_string_equal(b.user_ns.target, "/u");
    assert_int_equal(b.spec.linux_.namespaces[SPEC_NS_PID].mode, SPEC_NS_PRIVATE);
    assert_int_equal(b.spec.linux_.namespaces[SPEC_NS_NETWORK].mode, SPEC_NS_PATH);
    assert_string_equal(b.spec.process.user, "5:6");
    assert_string_equal(b.spec.process.additional_groups.v[0], "7");
    bundle_done(&b);
}

static void resources_are_limits_or_nothing(void **unused)
{
    static const struct {
        const char *text;
        int64_t memory, swap, pids, quota;
        int pids_asked;
    } CASES[] = {
        {"{}", -1, -1, 0, -1, 0},
        {"{\"memory\": {\"limit\": 5000, \"swap\": 9000}, \"pids\": {\"limit\": 9}}", 5000, 9000, 9,
         -1, 1},
        {"{\"memory\": {\"limit\": -1, \"swap\": -1}, \"pids\": {\"limit\": -1}}", -2, -2, 0, -1,
         1},
        {"{\"memory\": {\"limit\": 0, \"swap\": 0}, \"pids\": {\"limit\": 0}}", -1, -1, 0, -1, 0},
        {"{\"memory\": {\"limit\": 5000, \"swap\": -1}}", 5000, -2, 0, -1, 0},
        {"{\"cpu\": {\"quota\": -1, \"period\": 0, \"cpus\": \"\"}}", -1, -1, 0, -2, 0},
        {"{\"cpu\": {\"quota\": 2000, \"realtimeRuntime\": 0}}", -1, -1, 0, 2000, 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct spec s;
        struct err e = {0};
        const struct spec_resources *r = &s.linux_.resources;

        spec_init(&s);
        assert_int_equal(bundle_read_resources(CASES[i].text, strlen(CASES[i].text), &s, &e), 0);
        assert_int_equal(r->memory_max_bytes, CASES[i].memory);
        assert_int_equal(r->memory_swap_max_bytes, CASES[i].swap);
        assert_int_equal(r->pids_max, CASES[i].pids);
        assert_int_equal(r->pids_asked, CASES[i].pids_asked);
        assert_int_equal(r->cpu_quota_us, CASES[i].quota);
        assert_null(r->cpuset_cpus);
        spec_done(&s);
    }
}

static void a_cgroups_path_is_one_of_two_kinds(void **unused)
{
    static const struct {
        const char *path;
        int is_systemd;
        const char *parent, *name; /* NULL: refused */
    } CASES[] = {
        {"/libpod_parent/libpod-1", 0, "/libpod_parent", "libpod-1"},
        {"/one", 0, "/", "one"},
        {"one", 0, "/", "one"},
        {"/a/..", 0, NULL, NULL},
        {"/a/../b", 0, NULL, NULL},
        {"/a/", 0, NULL, NULL},
        {"user.slice:libpod:12", 1, "user.slice", "libpod-12.scope"},
        {":libpod:12", 1, NULL, "libpod-12.scope"},
        {"user.slice::x", 1, "user.slice", "x.scope"},
        {"/not/of/systemd", 1, NULL, NULL},
        {"a:b:", 1, NULL, NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct spec s;
        struct err e = {0};
        int r = 0;

        spec_init(&s);
        r = bundle_set_cgroup(&s, CASES[i].path, CASES[i].is_systemd, &e);
        assert_int_equal(r, CASES[i].name != NULL ? 0 : -EINVAL);
        assert_true(CASES[i].name == NULL || str_eq(s.box.cgroup_name, CASES[i].name));
        assert_true(str_eq(s.box.cgroup_parent, CASES[i].parent));
        spec_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_not_there),
        cmocka_unit_test(rboxs_own_section_is_not_the_callers),
        cmocka_unit_test(unsigned_numbers_keep_their_bits),
        cmocka_unit_test(mounts_and_namespaces_are_completed),
        cmocka_unit_test(resources_are_limits_or_nothing),
        cmocka_unit_test(a_cgroups_path_is_one_of_two_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
