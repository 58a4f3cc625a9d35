/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "userns/subid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t parse(const char *text, struct subid_range **ranges)
{
    size_t count = 0;

    *ranges = NULL;
    subid_parse(text, strlen(text), "alice", 1001, ranges, &count);
    return count;
}

static void by_name_and_by_uid_several_ranges(void **unused)
{
    struct subid_range *ranges = NULL;

    (void)unused;
    assert_int_equal(parse("bob:1:2\nalice:100000:65536\n1001:300000:10\nalice2:5:5", &ranges), 2);
    assert_int_equal(ranges[0].first, 100000);
    assert_int_equal(ranges[0].count, 65536);
    assert_int_equal(ranges[1].first, 300000);
    free(ranges);
}

static void ranges_are_cut_to_what_the_namespace_has(void **unused)
{
    struct subid_range *ranges = NULL;
    size_t count = parse("alice:100000:65536\nalice:5:10", &ranges);

    (void)unused;
    subid_clip("         0          0 4294967295\n", &ranges, &count);
    assert_int_equal(count, 2);
    assert_int_equal(ranges[0].count, 65536);
    /* A container's usual map; the second range spans two of its rows. */
    subid_clip("0 1000 1\n1 100000 9\n10 300000 65526\n", &ranges, &count);
    assert_int_equal(count, 2);
    assert_int_equal(ranges[0].first, 5);
    assert_int_equal(ranges[0].count, 5);
    assert_int_equal(ranges[1].first, 10);
    assert_int_equal(ranges[1].count, 5);
    subid_clip("0 1001 1\n", &ranges, &count);
    assert_int_equal(count, 0);
    free(ranges);
}

static void malformed_lines_are_skipped(void **unused)
{
    static const char *const LINES[] = {
        "",
        "alice",
        "alice:",
        "alice:1",
        "alice:1:",
        "alice::1",
        "alice:x:1",
        "alice:1:x",
        "alice:-1:10",
        "alice:1:-10",
        "alice:1:0",
        "alice:4294967296:1",
        "alice:1:4294967296",
        "alice:4294967290:10",
        ":100000:65536",
        "alice:1:2:3:",
        "\n\n\n",
        "alicealice:1:2",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct subid_range *ranges = NULL;

        assert_int_equal(parse(LINES[i], &ranges), 0);
        free(ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name_and_by_uid_several_ranges),
        cmocka_unit_test(ranges_are_cut_to_what_the_namespace_has),
        cmocka_unit_test(malformed_lines_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
