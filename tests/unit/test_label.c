/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_label.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char PROCESS[] = "system_u:system_r:container_t:s0:c1,c600";
static const char FILES[] = "system_u:object_r:container_file_t:s0:c1,c600";

static void options(void **unused)
{
    static const char *const GOOD[] = {"disable",
                                       "nested",
                                       "user:u_u",
                                       "role:r_r",
                                       "type:spc_t",
                                       "level:s0:c1,c2",
                                       "level:s0-s0:c0.c1023",
                                       "filetype:usr_t"};
    static const char *const BAD[] = {"",         "type",       "type:",     "type:a b",
                                      "type:a:b", "Disable",    "size:x",    "disable:x",
                                      "user:a,b", "level:s0\"", "unconfined"};
    autostrv struct strv list = {0};
    struct err e = {0};

    (void)unused;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        assert_int_equal(spec_label_option(GOOD[i], &list, &e), 0);
        assert_string_equal(list.v[i], GOOD[i]);
    }
    assert_int_equal(spec_label_option("disable", &list, &e), 0); /* once is enough */
    assert_int_equal(list.len, sizeof(GOOD) / sizeof(GOOD[0]));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        err_clear(&e);
        assert_true(spec_label_option(BAD[i], &list, &e) < 0);
        assert_non_null(strstr(e.msg, "is not disable, nested"));
    }
    assert_true(spec_label_option(NULL, &list, &e) < 0);
    assert_int_equal(list.len, sizeof(GOOD) / sizeof(GOOD[0]));
}

static void asked(void **unused)
{
    autostrv struct strv list = {0};

    (void)unused;
    assert_false(spec_label_is_asked(&list));
    strv_push(&list, "disable");
    assert_false(spec_label_is_asked(&list));
    strv_push(&list, "type:spc_t");
    assert_true(spec_label_is_asked(&list));
}

static void levels(void **unused)
{
    static const struct {
        const char *label;
        const char *level;
        const char *made;
    } ROWS[] = {
        {"u:r:t:s0", "s0:c1,c2", "u:r:t:s0:c1,c2"},
        {"u:r:t:s0-s0:c0.c1023", "s0", "u:r:t:s0"},
        {"u:r:t", "s0:c1,c2", "u:r:t"}, /* a policy without levels */
        {"u:r:t:s0", NULL, "u:r:t:s0"},
        {"nonsense", NULL, "nonsense"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        autofree char *made = spec_label_with_level(ROWS[i].label, ROWS[i].level);

        assert_string_equal(made, ROWS[i].made);
    }
}

/* Two categories below 1024 that differ, whatever the id. */
static void level_of_an_id(void **unused)
{
    static const struct {
        const char *id;
        const char *level;
    } ROWS[] = {
        {"0000000000000000", "s0:c0,c512"},
        {"ffffffffffffffff", "s0:c511,c1023"},
        {"000000000201ffff", "s0:c1,c513"}, /* the first twelve digits count */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        autofree char *level = spec_label_level(ROWS[i].id);

        assert_string_equal(level, ROWS[i].level);
    }
}

static void applied(void **unused)
{
    static const struct {
        const char *options;
        const char *process;
        const char *files;
    } ROWS[] = {
        {"", PROCESS, FILES},
        {"nested", PROCESS, FILES},
        {"type:spc_t", "system_u:system_r:spc_t:s0:c1,c600", FILES},
        {"role:x_r", "system_u:x_r:container_t:s0:c1,c600", FILES},
        {"filetype:usr_t", PROCESS, "system_u:object_r:usr_t:s0:c1,c600"},
        {"level:s0:c7,c8", "system_u:system_r:container_t:s0:c7,c8",
         "system_u:object_r:container_file_t:s0:c7,c8"},
        {"user:x_u", "x_u:system_r:container_t:s0:c1,c600",
         "x_u:object_r:container_file_t:s0:c1,c600"},
        {"type:a_t type:b_t", "system_u:system_r:b_t:s0:c1,c600", FILES}, /* the last one */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        autostrv struct strv list = {0};
        autofree char *process = xstrdup(PROCESS);
        autofree char *files = xstrdup(FILES);

        strv_split(&list, ROWS[i].options, ' ');
        spec_label_apply(&list, /* is_file= */ 0, &process);
        spec_label_apply(&list, /* is_file= */ 1, &files);
        assert_string_equal(process, ROWS[i].process);
        assert_string_equal(files, ROWS[i].files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),        cmocka_unit_test(asked),   cmocka_unit_test(levels),
        cmocka_unit_test(level_of_an_id), cmocka_unit_test(applied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
