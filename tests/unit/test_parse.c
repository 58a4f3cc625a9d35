/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and units (issue 2). */
#include "base/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

typedef int parser(const char *s, int64_t *ret, struct err *e);

struct row {
    const char *text;
    int64_t value; /* or a negative errno */
};

static void check(parser *parse, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err e = {0};
        int64_t value = -1;
        int r = parse(rows[i].text, &value, &e);

        if ((r < 0 ? r : value) != rows[i].value) {
            print_error("'%s' gave %d, %lld: %s\n", rows[i].text, r, (long long)value, e.msg);
        }
        assert_int_equal(r < 0 ? r : value, rows[i].value);
        assert_int_equal(r < 0, e.msg[0] != '\0');
    }
}

#define CHECK(parse, rows) check((parse), (rows), sizeof(rows) / sizeof((rows)[0]))

static int from_minus_five_to_ten(const char *s, int64_t *ret, struct err *e)
{
    return parse_int64(s, -5, 10, ret, e);
}

static int any(const char *s, int64_t *ret, struct err *e)
{
    return parse_int64(s, INT64_MIN, INT64_MAX, ret, e);
}

static void whole_numbers_do_not_wrap(void **unused)
{
    static const struct row rows[] = {
        {"0", 0},        {"10", 10},       {"+7", 7},        {"-5", -5},       {"11", -ERANGE},
        {"-6", -ERANGE}, {"", -EINVAL},    {"-", -EINVAL},   {"1x", -EINVAL},  {" 1", -EINVAL},
        {"1 ", -EINVAL}, {"0x1", -EINVAL}, {"1e3", -EINVAL}, {"--1", -EINVAL}, {"007", 7}};
    static const struct row edges[] = {{"9223372036854775807", INT64_MAX},
                                       {"9223372036854775808", -ERANGE},
                                       {"18446744073709551617", -ERANGE},
                                       {"99999999999999999999999999999999", -ERANGE},
                                       {"-9223372036854775809", -ERANGE}};

    (void)unused;
    CHECK(from_minus_five_to_ten, rows);
    CHECK(any, edges);
}

static void sizes_have_units_of_1024(void **unused)
{
    static const struct row rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"1b", 1},
        {"64k", 64 << 10},
        {"64K", 64 << 10},
        {"64kb", 64 << 10},
        {"64KiB", 64 << 10},
        {"512m", 512 << 20},
        {"1.5g", 1536 << 20},
        {"1.25k", 1280},
        {"0.1k", 102},
        {"2t", (int64_t)2 << 40},
        {"8191p", (int64_t)8191 << 50},
        {"8192p", -ERANGE},
        {"9223372036854775808", -ERANGE},
        {"99999999999999999999p", -ERANGE},
        {"1.99999999999999999999k", 2047},
        {"", -EINVAL},
        {"k", -EINVAL},
        {"-1", -EINVAL},
        {"-5m", -EINVAL},
        {"1.k", -EINVAL},
        {".5k", -EINVAL},
        {"1..5k", -EINVAL},
        {"1mm", -EINVAL},
        {"1bb", -EINVAL},
        {"1 m", -EINVAL},
        {"1x", -EINVAL},
        {"0x10", -EINVAL},
        {"1e3", -EINVAL},
        {"nan", -EINVAL},
        {"inf", -EINVAL},
    };

    (void)unused;
    CHECK(parse_bytes, rows);
}

static void times_are_seconds_unless_a_unit_says_more(void **unused)
{
    static const struct row rows[] = {
        {"0", 0},
        {"10", 10000},
        {"1.5", 1500},
        {"300ms", 300},
        {"1.5s", 1500},
        {"1m30s", 90000},
        {"2h", 7200000},
        {"1h1m1s1ms", 3661001},
        {"", -EINVAL},
        {"s", -EINVAL},
        {"-1", -EINVAL},
        {"1m30", -EINVAL},
        {"10x", -EINVAL},
        {"1 s", -EINVAL},
        {"1.s", -EINVAL},
        {"9223372036854775807h", -ERANGE},
        {"9223372036854775807", -ERANGE},
    };

    (void)unused;
    CHECK(parse_duration_ms, rows);
}

static int in_hundredths(const char *s, int64_t *ret, struct err *e)
{
    return parse_decimal(s, 100, ret, e);
}

static void decimals_are_scaled(void **unused)
{
    static const struct row rows[] = {{"1", 100},      {"1.5", 150},     {"0.01", 1},
                                      {"0.001", 0},    {"", -EINVAL},    {"1.", -EINVAL},
                                      {"-1", -EINVAL}, {"1,5", -EINVAL}, {"1e2", -EINVAL}};

    (void)unused;
    CHECK(in_hundredths, rows);
}

static int truth(const char *s, int64_t *ret, struct err *e)
{
    int value = -1;
    int r = parse_bool(s, &value, e);

    *ret = value;
    return r;
}

static void truth_has_few_words(void **unused)
{
    static const struct row rows[] = {{"true", 1}, {"True", 1},   {"1", 1},       {"yes", 1},
                                      {"t", 1},    {"false", 0},  {"0", 0},       {"no", 0},
                                      {"F", 0},    {"", -EINVAL}, {"2", -EINVAL}, {"on", -EINVAL}};

    (void)unused;
    CHECK(truth, rows);
}

static void moments_have_zones_and_a_time_with_a_unit_is_ago(void **unused)
{
    static const struct {
        const char *text;
        int64_t ns;
    } ROWS[] = {{"2025-11-27T12:00:00Z", 1764244800000000000},
                {"2025-11-27T12:00:00.25Z", 1764244800250000000},
                {"2025-11-27T13:00:00+01:00", 1764244800000000000},
                {"2025-11-27T12:00Z", 1764244800000000000},
                {"1764244800", 1764244800000000000},
                {"1764244800.5", 1764244800500000000}};
    static const char *const BAD[] = {
        "", "yesterday", "2025-13-01", "2025-11-27T12:00:00+1:00", "2025-11-27T12:00:00Zz", "-5m"};
    struct err e = {0};
    int64_t ns = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        assert_int_equal(parse_time_ns(ROWS[i].text, &ns, &e), 0);
        assert_int_equal(ns, ROWS[i].ns);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(parse_time_ns(BAD[i], &ns, &e), -EINVAL);
    }
    assert_int_equal(parse_time_ns("1h", &ns, &e), 0);
    assert_true(ns / 1000000000 <= time(NULL) - 3600 && ns / 1000000000 >= time(NULL) - 3610);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_do_not_wrap),
        cmocka_unit_test(sizes_have_units_of_1024),
        cmocka_unit_test(times_are_seconds_unless_a_unit_says_more),
        cmocka_unit_test(decimals_are_scaled),
        cmocka_unit_test(truth_has_few_words),
        cmocka_unit_test(moments_have_zones_and_a_time_with_a_unit_is_ago),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
