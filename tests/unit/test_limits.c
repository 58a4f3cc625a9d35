/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversions of limits, and what is refused because the kernel would swallow it (issue 6). */
#include "base/cleanup.h"
#include "box/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysinfo.h>

#include <cmocka.h>

/* A spec that asks for nothing. */
static struct spec nothing_asked(void)
{
    struct spec s = {0};

    s.linux_.resources = (struct spec_resources){.memory_max_bytes = -1,
                                                 .memory_swap_max_bytes = -1,
                                                 .memory_low_bytes = -1,
                                                 .cpu_quota_us = -1,
                                                 .cpu_period_us = -1,
                                                 .cpu_shares = -1,
                                                 .pids_max = 2048,
                                                 .io_weight = -1};
    return s;
}

/* The first row of @file in the plan of @s, as "VALUE[ default][ top]"; NULL: none, or refused. The
 * caller owns it. */
static char *planned(const struct spec *s, const char *file)
{
    autolimits struct limits l = {0};
    struct err e = {0};

    if (limits_plan(s, &l, &e) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < l.count; i++) {
        if (str_eq(l.rows[i].file, file)) {
            return xasprintf("%s%s%s", l.rows[i].value, l.rows[i].asked ? "" : " default",
                             l.rows[i].property != NULL ? " top" : "");
        }
    }
    return NULL;
}

static void assert_planned(const struct spec *s, const char *file, const char *wanted)
{
    autofree char *got = planned(s, file);

    assert_non_null(got);
    assert_string_equal(got, wanted);
}

/* @s is refused with a message that has @words. */
static void assert_refused(const struct spec *s, const char *words)
{
    autolimits struct limits l = {0};
    struct err e = {0};

    assert_true(limits_plan(s, &l, &e) < 0);
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, e.msg);
    }
    assert_null(l.rows);
}

static void nothing_asked_plans_only_the_default_of_pids(void **unused)
{
    struct spec s = nothing_asked();
    autolimits struct limits l = {0};
    struct err e = {0};

    (void)unused;
    assert_false(limits_asked(&s));
    assert_int_equal(limits_plan(&s, &l, &e), 0);
    assert_int_equal(l.count, 1);
    assert_planned(&s, "pids.max", "2048 default");
}

/* What makes a container of @before one of @after: "FILE=VALUE " for each row. */
static void assert_change(const struct spec *before, const struct spec *after, const char *wanted)
{
    autolimits struct limits l = {0};
    autobuf struct buf text = {0};
    struct err e = {0};

    assert_int_equal(limits_plan_change(before, after, &l, &e), 0);
    buf_printf(&text, "%s", "");
    for (size_t i = 0; i < l.count; i++) {
        buf_printf(&text, "%s=%s ", l.rows[i].file, l.rows[i].value);
    }
    assert_string_equal(text.data, wanted);
}

static void a_change_is_what_differs(void **unused)
{
    struct spec before = nothing_asked();
    struct spec after = nothing_asked();

    (void)unused;
    assert_change(&before, &after, "");
    after.linux_.resources.memory_max_bytes = 1 << 20;
    assert_change(&before, &after, "memory.max=1048576 memory.swap.max=1048576 ");
    assert_change(&after, &before, "memory.max=max memory.swap.max=max ");
    before.linux_.resources.memory_max_bytes = 2 << 20;
    before.linux_.resources.memory_swap_max_bytes = 2 << 20;
    after.linux_.resources.memory_swap_max_bytes = 2 << 20;
    after.linux_.resources.memory_max_bytes = 2 << 20;
    assert_change(&before, &after, "");
}

static void a_change_of_the_quota_keeps_the_period(void **unused)
{
    struct spec before = nothing_asked();
    struct spec after = nothing_asked();

    (void)unused;
    before.linux_.resources.cpu_quota_us = before.linux_.resources.cpu_period_us = 50000;
    after.linux_.resources.cpu_period_us = 50000;
    after.linux_.resources.cpu_quota_us = 25000;
    assert_change(&before, &after, "cpu.max=25000 50000 ");
    after.linux_.resources.cpu_quota_us = after.linux_.resources.cpu_period_us = -1;
    assert_change(&before, &after, "cpu.max=max ");
    after.linux_.resources.pids_max = 0;
    after.linux_.resources.pids_asked = 1;
    assert_change(&before, &after, "pids.max=max cpu.max=max ");
}

static void files_of_a_controller_change_one_by_one(void **unused)
{
    static const char *const PAIRS[] = {"memory.low=1g", "memory.min=max", "memory.high=1g",
                                        "cpu.weight=300", "cgroup.max.depth=3"};
    static const char *const WANTED =
        "memory.low=0 memory.min=0 memory.high=max cpu.weight=100 cgroup.max.depth=max ";
    struct spec before = nothing_asked();
    struct spec after = nothing_asked();

    (void)unused;
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        strv_push(&before.linux_.resources.unified, PAIRS[i]);
    }
    assert_change(&after, &before,
                  "memory.low=1073741824 memory.min=max memory.high=1g cpu.weight=300 "
                  "cgroup.max.depth=3 ");
    assert_change(&before, &after, WANTED);
    strv_done(&before.linux_.resources.unified);
}

static void values_of_files_above_the_container_are_read(void **unused)
{
    static const char *const BAD[][2] = {{"cpu.weight=garbage", "not a whole number"},
                                         {"cpu.weight=0", "from 1 to 10000"},
                                         {"cpu.weight=max", "not a whole number"},
                                         {"memory.low=1q", "1q"},
                                         {"cpu.idle=1", "against no other container"},
                                         {"cpu.weight.nice=3", "against no other container"},
                                         {"io.bfq.weight=3", "against no other container"}};

    (void)unused;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct spec s = nothing_asked();

        strv_push(&s.linux_.resources.unified, BAD[i][0]);
        assert_refused(&s, BAD[i][1]);
        strv_done(&s.linux_.resources.unified);
    }
}

static void memory_brings_as_much_swap(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    s.linux_.resources.memory_max_bytes = 5242880;
    assert_true(limits_asked(&s));
    assert_planned(&s, "memory.max", "5242880");
    assert_planned(&s, "memory.swap.max", "5242880 default");
}

static void swap_is_counted_without_memory(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    s.linux_.resources.memory_max_bytes = 1000;
    s.linux_.resources.memory_swap_max_bytes = 1000;
    assert_planned(&s, "memory.swap.max", "0");
    s.linux_.resources.memory_swap_max_bytes = -2;
    assert_planned(&s, "memory.swap.max", "max");
    s.linux_.resources.memory_swap_max_bytes = 999;
    assert_refused(&s, "is below --memory");
    s.linux_.resources.memory_max_bytes = -1;
    assert_refused(&s, "needs --memory");
}

static void swap_without_swap_is_refused(void **unused)
{
    struct spec s = nothing_asked();
    struct sysinfo info;

    (void)unused;
    assert_int_equal(sysinfo(&info), 0);
    s.linux_.resources.memory_max_bytes = 1000;
    s.linux_.resources.memory_swap_max_bytes = 1500;
    if (info.totalswap == 0) {
        assert_refused(&s, "this machine has none");
    } else {
        assert_planned(&s, "memory.swap.max", "500");
    }
}

static void nonsense_is_refused(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    s.linux_.resources.memory_max_bytes = 0;
    assert_refused(&s, "more than 0");
    s = nothing_asked();
    s.linux_.resources.cpu_quota_us = INT64_MAX;
    assert_refused(&s, "--cpu-quota");
    s.linux_.resources.cpu_quota_us = 999;
    assert_refused(&s, "at least 1000");
    s = nothing_asked();
    s.linux_.resources.cpu_period_us = 999;
    assert_refused(&s, "--cpu-period");
    s = nothing_asked();
    s.linux_.resources.cpu_shares = 1;
    assert_refused(&s, "--cpu-shares");
    s = nothing_asked();
    s.linux_.resources.io_weight = 1001;
    assert_refused(&s, "between 10 and 1000");
    s = nothing_asked();
    s.linux_.resources.memory_max_bytes = 1000;
    s.linux_.resources.memory_low_bytes = 2000;
    assert_refused(&s, "above --memory");
}

static void cpus_become_quota_and_period(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    s.linux_.resources.cpu_quota_us = 50000;
    assert_planned(&s, "cpu.max", "50000 100000");
    s.linux_.resources.cpu_period_us = 200000;
    assert_planned(&s, "cpu.max", "50000 200000");
    s.linux_.resources.cpu_quota_us = -1;
    assert_planned(&s, "cpu.max", "max 200000");
}

static void shares_follow_the_curve_of_crun(void **unused)
{
    (void)unused;
    assert_int_equal(limits_cpu_weight(2), 1);
    assert_int_equal(limits_cpu_weight(1024), 100);
    assert_int_equal(limits_cpu_weight(262144), 10000);
    assert_in_range(limits_cpu_weight(512), 50, 65);
}

static void a_weight_stands_beside_other_containers(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    s.linux_.resources.cpu_shares = 1024;
    assert_planned(&s, "cpu.weight", "100 top");
    s.linux_.resources.cpu_shares = -1;
    strv_push(&s.linux_.resources.unified, "cpu.weight=300");
    assert_planned(&s, "cpu.weight", "300 top");
    strv_done(&s.linux_.resources.unified);
}

static void cgroup_conf_names_files_of_controllers(void **unused)
{
    static const char *const bad[] = {"memory.high",     "high=1",           "../memory.max=1",
                                      "cgroup.procs=1",  "cgroup.freeze=1",  ".x=1",
                                      "a/memory.high=1", "cgroup.threads=1", "=1"};
    struct spec s = nothing_asked();

    (void)unused;
    strv_push(&s.linux_.resources.unified, "memory.high=1000000");
    strv_push(&s.linux_.resources.unified, "cgroup.max.depth=3");
    assert_planned(&s, "memory.high", "1000000");
    assert_planned(&s, "cgroup.max.depth", "3");
    strv_done(&s.linux_.resources.unified);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        strv_push(&s.linux_.resources.unified, bad[i]);
        assert_refused(&s, "--cgroup-conf");
        strv_done(&s.linux_.resources.unified);
    }
}

static void only_whole_disks_have_io_limits(void **unused)
{
    struct spec s = nothing_asked();

    (void)unused;
    strv_push(&s.linux_.resources.io_max, "/dev/null wbps=1000");
    assert_refused(&s, "--device-write-bps /dev/null: not a block device");
    strv_done(&s.linux_.resources.io_max);
    strv_push(&s.linux_.resources.io_max, "/dev/null");
    assert_refused(&s, "names no device limit");
    strv_done(&s.linux_.resources.io_max);
}

static void lists_of_cpus_are_compared(void **unused)
{
    (void)unused;
    assert_int_equal(limits_list_within("0-2,5", "0-7\n"), 1);
    assert_int_equal(limits_list_within("1", "0,2-3\n"), 0);
    assert_int_equal(limits_list_within("0-3", "0-1,3\n"), 0);
    assert_int_equal(limits_list_within("", "0-7"), -EINVAL);
    assert_int_equal(limits_list_within("a", "0-7"), -EINVAL);
    assert_int_equal(limits_list_within("3-1", "0-7"), -EINVAL);
    assert_int_equal(limits_list_within("1-", "0-7"), -EINVAL);
    assert_int_equal(limits_list_within("0;1", "0-7"), -EINVAL);
    assert_int_equal(limits_list_within("0-4294967295", "0-7"), 0);
}

static void the_controller_is_the_first_word_of_the_file(void **unused)
{
    char name[16];

    (void)unused;
    limits_controller(&(struct limit){.file = (char[]){"memory.swap.max"}}, name, sizeof(name));
    assert_string_equal(name, "memory");
    limits_controller(&(struct limit){.file = (char[]){"cgroup.max.depth"}}, name, sizeof(name));
    assert_string_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_plans_only_the_default_of_pids),
        cmocka_unit_test(a_change_is_what_differs),
        cmocka_unit_test(a_change_of_the_quota_keeps_the_period),
        cmocka_unit_test(files_of_a_controller_change_one_by_one),
        cmocka_unit_test(values_of_files_above_the_container_are_read),
        cmocka_unit_test(memory_brings_as_much_swap),
        cmocka_unit_test(swap_is_counted_without_memory),
        cmocka_unit_test(swap_without_swap_is_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(cpus_become_quota_and_period),
        cmocka_unit_test(shares_follow_the_curve_of_crun),
        cmocka_unit_test(a_weight_stands_beside_other_containers),
        cmocka_unit_test(cgroup_conf_names_files_of_controllers),
        cmocka_unit_test(only_whole_disks_have_io_limits),
        cmocka_unit_test(lists_of_cpus_are_compared),
        cmocka_unit_test(the_controller_is_the_first_word_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
