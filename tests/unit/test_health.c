/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks: how they are asked for, and what results make of a container (issue 5). */
#include "base/json.h"
#include "box/health.h"
#include "spec/spec_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *joined(const struct strv *l)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < l->len; i++) {
        buf_printf(&b, "%s%s", i > 0 ? "|" : "", l->v[i]);
    }
    return b.data;
}

static void a_command_is_said_in_several_ways(void **unused)
{
    static const struct {
        const char *value;
        const char *test; /* NULL: refused */
        const char *command;
    } CASES[] = {
        {"curl -f http://x", "CMD-SHELL|curl -f http://x", "/bin/sh|-c|curl -f http://x"},
        {"CMD-SHELL a && b", "CMD-SHELL|a && b", "/bin/sh|-c|a && b"},
        {"CMD /check now", "CMD|/check|now", "/check|now"},
        {"[\"CMD\", \"/a b\", \"c\"]", "CMD|/a b|c", "/a b|c"},
        {"[\"CMD-SHELL\", \"a | b\"]", "CMD-SHELL|a | b", "/bin/sh|-c|a | b"},
        {"[\"/a\", \"c\"]", "CMD|/a|c", "/a|c"},
        {"none", "NONE", NULL},
        {"[\"NONE\"]", "NONE", NULL},
        {"", NULL, NULL},
        {"  ", NULL, NULL},
        {"[]", NULL, NULL},
        {"[\"a\", 1]", NULL, NULL},
        {"[\"a\"", NULL, NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct spec_health h = {0};
        struct strv words = {0};
        struct err e = {0};
        char *test = NULL;
        int r = spec_parse_health_cmd(CASES[i].value, &h, &e);

        assert_int_equal(r == 0, CASES[i].test != NULL);
        test = joined(&h.test);
        if (CASES[i].test != NULL) {
            assert_string_equal(test, CASES[i].test);
            assert_int_equal(spec_health_is_on(&h), CASES[i].command != NULL);
        }
        if (CASES[i].command != NULL) {
            char *command = NULL;

            spec_health_command(&h, &words);
            command = joined(&words);
            assert_string_equal(command, CASES[i].command);
            free(command);
        }
        free(test);
        strv_done(&words);
        spec_health_done(&h);
    }
}

static void what_is_not_said_is_the_images_then_the_usual(void **unused)
{
    struct spec_health image = {.interval_ms = 5000, .retries = 7};
    struct spec_health h = {.timeout_ms = 100};

    (void)unused;
    strv_push(&image.test, "CMD");
    strv_push(&image.test, "/check");
    spec_health_complete(&h, &image);
    assert_string_equal(h.test.v[1], "/check");
    assert_int_equal(h.interval_ms, 5000);
    assert_int_equal(h.timeout_ms, 100);
    assert_int_equal(h.retries, 7);
    assert_int_equal(h.start_period_ms, 0);
    spec_health_done(&h);
    spec_health_switch_off(&h);
    spec_health_complete(&h, &image);
    assert_false(spec_health_is_on(&h));
    spec_health_done(&h);
    spec_health_done(&image);
}

static int read_text(const char *text, struct spec_health *h)
{
    struct err e = {0};
    json_t *o = NULL;
    int r = json_parse(text, strlen(text), "a test", &o, &e);

    assert_int_equal(r, 0);
    r = spec_health_read(o, h);
    json_decref(o);
    return r;
}

static void an_images_check_is_read_and_nonsense_refused(void **unused)
{
    static const char *const BAD[] = {"[]",
                                      "{\"Test\": \"x\"}",
                                      "{\"Test\": [1]}",
                                      "{\"Interval\": \"30s\"}",
                                      "{\"Retries\": -99999999}",
                                      "{\"OnFailure\": \"explode\"}"};
    struct spec_health h = {0};

    (void)unused;
    assert_int_equal(read_text("{\"Test\": [\"CMD-SHELL\", \"x\"], \"Interval\": 1500000000, "
                               "\"Timeout\": 10, \"StartPeriod\": null, \"Retries\": 2}",
                               &h),
                     0);
    assert_int_equal(h.interval_ms, 1500);
    assert_int_equal(h.timeout_ms, 1);
    assert_int_equal(h.start_period_ms, 0);
    assert_int_equal(h.retries, 2);
    spec_health_done(&h);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(read_text(BAD[i], &h), -22);
        spec_health_done(&h);
    }
}

static void results_make_a_container_healthy_or_not(void **unused)
{
    /* Each character a result: + passed, - failed, e failed in the start period. */
    static const struct {
        const char *results;
        const char *status;
        int streak;
    } CASES[] = {
        {"", HEALTH_STARTING, 0},     {"-", HEALTH_STARTING, 1},   {"--", HEALTH_STARTING, 2},
        {"---", HEALTH_UNHEALTHY, 3}, {"+", HEALTH_HEALTHY, 0},    {"+--", HEALTH_HEALTHY, 2},
        {"--+-", HEALTH_HEALTHY, 1},  {"---+", HEALTH_HEALTHY, 0}, {"eeee", HEALTH_STARTING, 0},
        {"ee--", HEALTH_STARTING, 2}, {"+ee", HEALTH_HEALTHY, 2},  {"+eee", HEALTH_UNHEALTHY, 3},
    };
    const struct spec_health h = {.retries = 3};

    (void)unused;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        json_t *state =
            json_pack("{s:s, s:i, s:[]}", "Status", HEALTH_STARTING, "FailingStreak", 0, "Log");

        for (const char *c = CASES[i].results; *c != '\0'; c++) {
            health_take(state, &h,
                        &(struct health_result){.status = *c == '+' ? 0 : 1,
                                                .output = "x",
                                                .in_start_period = *c == 'e'});
        }
        assert_string_equal(json_string_value(json_object_get(state, "Status")), CASES[i].status);
        assert_int_equal(json_integer_value(json_object_get(state, "FailingStreak")),
                         CASES[i].streak);
        json_decref(state);
    }
}

static void the_log_keeps_the_last_five(void **unused)
{
    const struct spec_health h = {.retries = 3};
    json_t *state = json_object();
    json_t *log = NULL;

    (void)unused;
    for (int i = 0; i < 9; i++) {
        health_take(state, &h, &(struct health_result){.status = i, .output = ""});
    }
    log = json_object_get(state, "Log");
    assert_int_equal(json_array_size(log), 5);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(log, 4), "ExitCode")), 8);
    json_decref(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_said_in_several_ways),
        cmocka_unit_test(what_is_not_said_is_the_images_then_the_usual),
        cmocka_unit_test(an_images_check_is_read_and_nonsense_refused),
        cmocka_unit_test(results_make_a_container_healthy_or_not),
        cmocka_unit_test(the_log_keeps_the_last_five),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
