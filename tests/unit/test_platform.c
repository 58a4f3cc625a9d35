/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of machines: what is asked for, and which image serves it (issue 4). */
#include "base/cleanup.h"
#include "base/mem.h"
#include "image/platform.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_parsed(const char *text, const char *os, const char *architecture,
                          const char *variant)
{
    autofree char *copy = xstrdup(text);
    struct platform p = {0};
    struct err e = {0};

    assert_int_equal(platform_parse(copy, &p, &e), 0);
    assert_true(str_eq(p.os, os));
    assert_true(str_eq(p.architecture, architecture));
    assert_true(str_eq(p.variant, variant));
}

static void platforms_are_read_as_docker_writes_them(void **unused)
{
    (void)unused;
    assert_parsed("linux/amd64", "linux", "amd64", NULL);
    assert_parsed("linux/arm/v7", "linux", "arm", "v7");
    assert_parsed("linux", "linux", NULL, NULL);
    assert_parsed("arm64", NULL, "arm64", NULL);
    assert_parsed("linux/aarch64", "linux", "arm64", NULL);
    assert_parsed("x86_64", NULL, "amd64", NULL);
}

static void what_is_no_platform_is_refused(void **unused)
{
    static const char *const BAD[] = {"", "/", "linux/", "/amd64", "a/b/c/d", "linux//v7"};

    (void)unused;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        autofree char *copy = xstrdup(BAD[i]);
        struct platform p = {0};
        struct err e = {0};

        assert_int_equal(platform_parse(copy, &p, &e), -EINVAL);
        assert_non_null(strstr(e.msg, "is not OS/ARCH[/VARIANT]"));
    }
}

static int fit(const char *variant_asked, const char *architecture, const char *variant)
{
    const struct platform asked = {.os = "linux", .architecture = "arm", .variant = variant_asked};
    const struct platform made = {.os = "linux", .architecture = architecture, .variant = variant};

    return platform_fit(&asked, &made);
}

static void an_arm_runs_what_is_for_older_ones_best_for_the_newest(void **unused)
{
    (void)unused;
    assert_true(fit("v7", "arm", "v7") > fit("v7", "arm", "v6"));
    assert_true(fit("v7", "arm", "v6") > fit("v7", "arm", "v5"));
    assert_true(fit("v7", "arm", "v5") > fit("v7", "arm", NULL));
    assert_true(fit("v7", "arm", NULL) > 0);
    assert_int_equal(fit("v6", "arm", "v7"), 0);
    assert_true(fit(NULL, "arm", "v7") > 0);
    assert_int_equal(fit("v7", "arm64", "v7"), 0);
    assert_true(fit("v7", "", "") > 0); /* it does not say */
}

static void what_is_left_open_is_this_machine(void **unused)
{
    const struct platform here = {.architecture = platform_host_architecture()};
    const struct platform windows = {.os = "windows"};
    const struct platform nothing = {0};
    autofree char *text = platform_text(NULL);

    (void)unused;
    assert_true(platform_fit(NULL, &here) > 0);
    assert_int_equal(platform_fit(NULL, &windows), 0);
    assert_non_null(str_after(text, "linux/"));
    assert_false(platform_is_asked(NULL));
    assert_false(platform_is_asked(&nothing));
    assert_true(platform_is_asked(&windows));
    assert_true(platform_runs_here(here.architecture));
    assert_true(platform_runs_here(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(platforms_are_read_as_docker_writes_them),
        cmocka_unit_test(what_is_no_platform_is_refused),
        cmocka_unit_test(an_arm_runs_what_is_for_older_ones_best_for_the_newest),
        cmocka_unit_test(what_is_left_open_is_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
