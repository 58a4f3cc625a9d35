/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/user.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char PASSWD[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# a comment\n"
                             "broken line\n"
                             "www-data:x:33:33:www:/var/www:/bin/false\n"
                             "nohome:x:44:44::\n"
                             "negative:x:-1:0::/x:\n"
                             "wraps:x:4294967296:0::/x:\n";
static const char GROUP[] =
    "root:x:0:\nadm:x:4:www-data,root\nwww-data:x:33:\nvideo:x:44:www-data\n";

static int resolve(const char *user, struct user *u, struct err *e)
{
    struct spec_process p = {0};
    int r = 0;

    p.user = user != NULL ? xstrdup(user) : NULL;
    memset(u, 0, sizeof(*u));
    r = user_resolve_in(PASSWD, GROUP, &p, u, e);
    free(p.user);
    return r;
}

static void names_and_numbers(void **unused)
{
    static const struct {
        const char *given;
        uint32_t uid;
        uint32_t gid;
        size_t groups;
        const char *home;
    } ROWS[] = {
        {NULL, 0, 0, 1, "/root"},
        {"", 0, 0, 1, "/root"},
        {"www-data", 33, 33, 2, "/var/www"},
        {"33", 33, 33, 2, "/var/www"},
        {"1234", 1234, 0, 0, "/"},
        {"1234:5678", 1234, 5678, 0, "/"},
        {"www-data:adm", 33, 4, 0, "/var/www"},
        {"nohome", 44, 44, 0, "/"},
        {"4294967294", 4294967294U, 0, 0, "/"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct user u;
        struct err e = {0};

        assert_int_equal(resolve(ROWS[i].given, &u, &e), 0);
        assert_int_equal(u.uid, ROWS[i].uid);
        assert_int_equal(u.gid, ROWS[i].gid);
        assert_int_equal(u.group_count, ROWS[i].groups);
        assert_string_equal(u.home, ROWS[i].home);
        user_done(&u);
    }
}

static void what_is_refused(void **unused)
{
    static const struct {
        const char *given;
        int errnum;
    } ROWS[] = {
        {"nobody-here", ENOENT}, {"33:nogroup-here", ENOENT}, {"4294967296", ERANGE},
        {"4294967295", ERANGE},  {"33:4294967295", ERANGE},   {"99999999999999999999", ERANGE},
        {"negative", ENOENT},    {"wraps", ENOENT},           {"broken line", ENOENT},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct user u;
        struct err e = {0};

        assert_int_equal(resolve(ROWS[i].given, &u, &e), -ROWS[i].errnum);
        assert_non_null(strstr(e.msg, "id") != NULL ? e.msg : strstr(e.msg, "cannot find"));
    }
}

static void added_groups(void **unused)
{
    struct spec_process p = {0};
    struct user u = {0};
    struct err e = {0};

    (void)unused;
    p.user = xstrdup("www-data");
    strv_push(&p.additional_groups, "video");
    strv_push(&p.additional_groups, "7");
    assert_int_equal(user_resolve_in(PASSWD, GROUP, &p, &u, &e), 0);
    assert_int_equal(u.group_count, 3); /* adm, video (once), 7 */
    user_done(&u);
    strv_push(&p.additional_groups, "none-such");
    assert_int_equal(user_resolve_in(PASSWD, GROUP, &p, &u, &e), -ENOENT);
    strv_done(&p.additional_groups);
    free(p.user);
}

static void without_files_only_numbers(void **unused)
{
    struct spec_process p = {0};
    struct user u = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(user_resolve_in(NULL, NULL, &p, &u, &e), 0);
    assert_int_equal(u.uid, 0);
    assert_string_equal(u.home, "/");
    user_done(&u);
    p.user = xstrdup("root");
    assert_int_equal(user_resolve_in(NULL, NULL, &p, &u, &e), -ENOENT);
    free(p.user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(added_groups),
        cmocka_unit_test(without_files_only_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
