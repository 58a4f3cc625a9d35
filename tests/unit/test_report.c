/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --report as text and JSON (issue 6). */
#include "base/cleanup.h"
#include "base/json.h"
#include "box/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct report without_cgroup(void)
{
    struct report r = {.wall_ns = 2000000000,
                       .cpu_user_us = 400000,
                       .cpu_system_us = 100000,
                       .largest_process_bytes = 3 << 20};

    cgroup_figures_read(-1, &r.cgroup);
    return r;
}

static void without_a_cgroup_the_processes_are_told(void **unused)
{
    struct report r = without_cgroup();
    autofree char *text = report_text(&r, 3);

    (void)unused;
    assert_string_equal(text, "exit status  3\n"
                              "wall time    2.000 s\n"
                              "cpu time     0.400 s user, 0.100 s system (25% of a cpu)\n"
                              "peak memory  3 MiB (largest process)\n");
}

static void a_cgroup_tells_limits_and_waiting(void **unused)
{
    struct report r = without_cgroup();
    autofree char *text = NULL;

    (void)unused;
    r.cgroup = (struct cgroup_figures){.memory_peak_bytes = 5 << 20,
                                       .memory_max_bytes = 5 << 20,
                                       .memory_exhausted = 1,
                                       .oom_kills = 1,
                                       .cpu_user_us = 1000000,
                                       .cpu_system_us = 0,
                                       .cpu_periods = 20,
                                       .cpu_throttled_periods = 10,
                                       .cpu_throttled_us = 500000,
                                       .io_write_bytes = 4096,
                                       .io_writes = 1,
                                       .pressure_cpu_us = 250000};
    text = report_text(&r, 137);
    assert_string_equal(text, "exit status  137\n"
                              "wall time    2.000 s\n"
                              "cpu time     1.000 s user, 0.000 s system (50% of a cpu)\n"
                              "throttled    0.500 s, in 10 of 20 periods\n"
                              "peak memory  5 MiB of 5 MiB\n"
                              "disk         0 bytes read in 0, 4 KiB written in 1 operations\n"
                              "waited for   cpu 0.250 s, memory 0.000 s, disk 0.000 s\n"
                              "limits       out of memory: limit 5 MiB, peak 5 MiB, 1 process "
                              "killed\n");
}

static void json_has_null_for_the_unknown(void **unused)
{
    struct report r = without_cgroup();
    json_auto_t *o = NULL;
    autofree char *text = NULL;

    (void)unused;
    r.cgroup.pids_max = 64;
    o = report_json(&r, 0);
    text = json_text(o);
    assert_non_null(strstr(text, "\"wall_ns\":2000000000"));
    assert_non_null(strstr(text, "\"pids_max\":64"));
    assert_non_null(strstr(text, "\"memory_peak_bytes\":null"));
}

static void reaped_children_are_counted(void **unused)
{
    struct report r;
    pid_t pid = fork();

    (void)unused;
    if (pid == 0) {
        volatile unsigned int n = 0;
        char *memory = malloc(16 << 20);

        /* Enough to be counted: the kernel keeps small changes of a process's size per CPU. */
        memset(memory, 1, 16 << 20);
        while (n < 100000000) {
            n++;
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    report_take(7, &r);
    assert_int_equal(r.wall_ns, 7);
    assert_true(r.cpu_user_us + r.cpu_system_us > 1000);
    assert_true(r.largest_process_bytes > 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_cgroup_the_processes_are_told),
        cmocka_unit_test(a_cgroup_tells_limits_and_waiting),
        cmocka_unit_test(json_has_null_for_the_unknown),
        cmocka_unit_test(reaped_children_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
