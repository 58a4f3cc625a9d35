/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that detach (issue 5). */
#include "box/detach_keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct detach_keys parsed(const char *text)
{
    struct detach_keys k = {.count = 99};
    struct err e = {0};

    assert_int_equal(detach_keys_parse(text, &k, &e), 0);
    return k;
}

static void lists_of_keys_are_parsed(void **state)
{
    struct detach_keys k = parsed("ctrl-p,ctrl-Q");

    (void)state;
    assert_int_equal(k.count, 2);
    assert_int_equal(k.keys[0], 16);
    assert_int_equal(k.keys[1], 17);
    assert_int_equal(parsed("").count, 0);
    assert_int_equal(parsed("a,ctrl-[").keys[1], 27);
    assert_int_equal(parsed(",").keys[0], ',');
}

static void what_is_no_list_of_keys_is_refused(void **state)
{
    static const char *const BAD[] = {"ctrl-",   "ctrl-1",           "ab", "a,", "a,,b,",
                                      "ctrl-pp", "a,b,c,d,e,f,g,h,i"};

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct detach_keys k;
        struct err e = {0};

        assert_int_equal(detach_keys_parse(BAD[i], &k, &e), -EINVAL);
    }
}

static void keys_are_followed_over_reads_and_false_starts(void **state)
{
    struct detach_keys k = parsed("x,y");
    int detach = 0;

    (void)state;
    assert_int_equal(detach_keys_feed(&k, "abx", 3, &detach), 3);
    assert_false(detach);
    assert_int_equal(detach_keys_feed(&k, "zxxy!", 5, &detach), 3); /* all but the y */
    assert_true(detach);
}

static void without_keys_everything_passes(void **state)
{
    struct detach_keys k = parsed("");
    int detach = 1;

    (void)state;
    assert_int_equal(detach_keys_feed(&k, "\x10\x11", 2, &detach), 2);
    assert_false(detach);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_keys_are_parsed),
        cmocka_unit_test(what_is_no_list_of_keys_is_refused),
        cmocka_unit_test(keys_are_followed_over_reads_and_false_starts),
        cmocka_unit_test(without_keys_everything_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
