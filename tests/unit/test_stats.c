/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of `rbox stats` (issue 6). */
#include "base/cleanup.h"
#include "base/json.h"
#include "box/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void interfaces_but_lo_are_summed(void **unused)
{
    static const char text[] =
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
        "    lo:     500       5    0    0    0     0          0         0      500       5    0\n"
        "  tap0:    1000      10    0    0    0     0          0         0       20       2    0\n"
        "wg0:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n";
    uint64_t received = 0;
    uint64_t sent = 0;

    (void)unused;
    stats_parse_net(text, &received, &sent);
    assert_int_equal(received, 1007);
    assert_int_equal(sent, 28);
    stats_parse_net("", &received, &sent);
    assert_int_equal(received + sent, 0);
}

static void assert_field(const json_t *o, const char *key, const char *value)
{
    assert_non_null(json_object_get(o, key));
    assert_string_equal(json_string_value(json_object_get(o, key)), value);
}

static void known_figures_are_in_words(void **unused)
{
    struct stats s = {.id = (char[]){"0123456789abcdef"},
                      .name = (char[]){"web"},
                      .at_ns = 3000000000,
                      .since_ns = 1000000000,
                      .cpu_us = 500000,
                      .has_network = 1,
                      .net_received_bytes = 1024};
    json_auto_t *o = NULL;

    (void)unused;
    s.f = (struct cgroup_figures){.memory_bytes = 1 << 20, .memory_max_bytes = 4 << 20, .pids = 3};
    o = stats_json(&s);
    assert_field(o, "Name", "web");
    assert_field(o, "CPUPerc", "25.00%");
    assert_field(o, "MemUsage", "1 MiB / 4 MiB");
    assert_field(o, "MemPerc", "25.00%");
    assert_field(o, "NetIO", "1 KiB / 0 bytes");
    assert_field(o, "BlockIO", "0 bytes / 0 bytes");
    assert_field(o, "PIDs", "3");
}

static void the_unknown_is_not_available(void **unused)
{
    static const char *const fields[] = {"CPUPerc", "MemUsage", "MemPerc",
                                         "NetIO",   "BlockIO",  "PIDs"};
    struct stats s = {.id = (char[]){"ab"}, .name = (char[]){"web"}, .at_ns = 1};
    json_auto_t *o = NULL;

    (void)unused;
    cgroup_figures_read(-1, &s.f);
    s.cpu_us = s.f.cpu_us;
    o = stats_json(&s);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_field(o, fields[i], "n/a");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interfaces_but_lo_are_summed),
        cmocka_unit_test(known_figures_are_in_words),
        cmocka_unit_test(the_unknown_is_not_available),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
