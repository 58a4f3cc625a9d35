/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"
#include "base/mem.h"
#include "image/auth_file.h"
#include "image/registries.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char CONF[] = "# a comment\n"
                           "unqualified-search-registries = ['first.example', # here\n"
                           "  \"second.example\",\n]\n"
                           "short-name-mode = \"enforcing\"\n"
                           "[[registry]]\n"
                           "prefix = \"docker.io\"\n"
                           "location = \"cache.example/hub\"\n"
                           "  [[registry.mirror]]\n"
                           "  location = \"m.example:5000/a\"\n"
                           "  insecure = true\n"
                           "[[registry]]\n"
                           "prefix = \"docker.io/library\"\n"
                           "blocked = true\n"
                           "[[registry]]\n"
                           "prefix = \"*.corp.example\"\n"
                           "insecure = true\n"
                           "[aliases]\n"
                           "\"nick\" = \"q.example/x/nick\"\n";

static void parse(struct registries *r, const char *text)
{
    struct err e = {0};

    memset(r, 0, sizeof(*r));
    assert_int_equal(registries_parse(r, text, "test.conf", &e), 0);
}

static void assert_split(const struct registries *r, const char *name, int mirror, const char *host,
                         const char *repository)
{
    struct image_ref ref = {0};
    struct err e = {0};
    const struct registry_rule *rule = NULL;
    char *found_host = NULL;
    char *found_repository = NULL;

    assert_int_equal(image_ref_parse(name, &ref, &e), 0);
    rule = registries_rule(r, &ref);
    assert_non_null(rule);
    registries_split(rule, mirror ? &rule->mirrors[0] : &rule->place, &ref, &found_host,
                     &found_repository);
    assert_string_equal(found_host, host);
    assert_string_equal(found_repository, repository);
    free(found_host);
    free(found_repository);
    image_ref_done(&ref);
}

static void reads_registries_conf(void **state)
{
    struct registries r;

    (void)state;
    parse(&r, CONF);
    assert_int_equal(r.search.len, 2);
    assert_string_equal(r.search.v[1], "second.example");
    assert_int_equal(r.rule_count, 3);
    assert_int_equal(r.rules[0].mirrors[0].insecure, 1);
    assert_split(&r, "docker.io/a/b:1", 0, "cache.example", "hub/a/b");
    assert_split(&r, "docker.io/a/b:1", 1, "m.example:5000", "a/a/b");
    assert_split(&r, "r.corp.example:5000/x", 0, "r.corp.example:5000", "x");
    registries_done(&r);
}

static void the_longest_prefix_counts(void **state)
{
    struct registries r;
    struct image_ref ref = {0};
    struct err e = {0};

    (void)state;
    parse(&r, CONF);
    assert_int_equal(image_ref_parse("busybox", &ref, &e), 0);
    assert_int_equal(registries_rule(&r, &ref)->blocked, 1);
    image_ref_done(&ref);
    assert_int_equal(image_ref_parse("docker.io/librarything/x", &ref, &e), 0);
    assert_int_equal(registries_rule(&r, &ref)->blocked, 0);
    image_ref_done(&ref);
    /* A prefix ends where a part of the name does. */
    assert_int_equal(image_ref_parse("corp.example/x", &ref, &e), 0);
    assert_null(registries_rule(&r, &ref));
    image_ref_done(&ref);
    registries_done(&r);
}

static void short_names_mean(void **state)
{
    struct registries r;
    struct registries none = {0};
    struct image_ref ref = {0};
    struct strv names = {0};
    struct err e = {0};

    (void)state;
    unsetenv("RBOX_DEFAULT_REGISTRY");
    parse(&r, CONF);
    assert_int_equal(image_ref_parse("box:2", &ref, &e), 0);
    registries_names(&r, &ref, &names);
    assert_int_equal(names.len, 2);
    assert_string_equal(names.v[0], "first.example/box:2");
    strv_done(&names);
    registries_names(&none, &ref, &names);
    assert_string_equal(names.v[0], "docker.io/library/box:2");
    strv_done(&names);
    setenv("RBOX_DEFAULT_REGISTRY", "mine.example", 1);
    registries_names(&r, &ref, &names);
    assert_int_equal(names.len, 1);
    assert_string_equal(names.v[0], "mine.example/box:2");
    unsetenv("RBOX_DEFAULT_REGISTRY");
    strv_done(&names);
    image_ref_done(&ref);
    assert_int_equal(image_ref_parse("nick:3", &ref, &e), 0);
    registries_names(&r, &ref, &names);
    assert_string_equal(names.v[0], "q.example/x/nick:3");
    strv_done(&names);
    image_ref_done(&ref);
    registries_done(&r);
}

static void nonsense_is_refused_with_its_line(void **state)
{
    static const char *const TEXTS[] = {
        "a = 1\nwhat\n",          "a = 1\n[[registry]\n",
        "a = 1\nb = \"x\n",       "a = 1\nc = [1]\n",
        "a = 1\nd = [\"x\" y]\n", "a = 1\n[[registry.mirror]]\nlocation=\"x\"\n",
        "a = 1\ne = \"x\" y\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct registries r = {0};
        struct err e = {0};

        assert_int_equal(registries_parse(&r, TEXTS[i], "test.conf", &e), -EINVAL);
        assert_non_null(strstr(e.msg, "test.conf, line 2"));
        registries_done(&r);
    }
}

static void a_value_of_a_wrong_type_is_refused_by_its_key(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } ROWS[] = {
        {"\n[[registry]]\ninsecure = \"yes\"\n", "line 3: 'insecure' must be true or false"},
        {"[[registry]]\ninsecure = True\n", "line 2: 'insecure' must be true or false"},
        {"[[registry]]\nlocation = 5\n", "line 2: 'location' must be a string, in quotes"},
        {"[[registry]]\nlocation = [\"a\"]\n", "line 2: 'location' must be a string"},
        {"[[registry]]\nprefix = true\n", "line 2: 'prefix' must be a string"},
        {"[[registry]]\nprefix = {}\n", "line 2: 'prefix' must be a string"},
        {"[[registry]]\nblocked = 1\n", "line 2: 'blocked' must be true or false"},
        {"[[registry]]\n[[registry.mirror]]\nlocation = false\n", "line 3: 'location' must be"},
        {"[[registry]]\n[[registry.mirror]]\ninsecure = [\"x\"]\n", "line 3: 'insecure' must be"},
        {"[aliases]\nnick = 3\n", "line 2: 'nick' must be a string"},
        {"unqualified-search-registries = \"docker.io\"\n",
         "line 1: 'unqualified-search-registries' must be a list of strings, in square brackets"},
        {"[registries.insecure]\nregistries = true\n", "line 2: 'registries' must be a list"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct registries r = {0};
        struct err e = {0};

        assert_int_equal(registries_parse(&r, ROWS[i].text, "test.conf", &e), -EINVAL);
        assert_non_null(strstr(e.msg, "test.conf, "));
        assert_non_null(strstr(e.msg, ROWS[i].says));
        registries_done(&r);
    }
}

static void base64_goes_there_and_back(void **state)
{
    static const char *const TEXTS[] = {"", "a", "ab", "abc", "user:p\xc3\xa4ss"};

    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        char *code = base64_encode(TEXTS[i], strlen(TEXTS[i]));
        size_t len = 0;
        char *back = base64_decode(code, &len);

        assert_string_equal(back, TEXTS[i]);
        assert_int_equal(len, strlen(TEXTS[i]));
        free(code);
        free(back);
    }
    {
        size_t len = 0;

        assert_null(base64_decode("a b", &len));
        assert_null(base64_decode("Zm9v=Zm9v", &len));
    }
}

static void credentials_are_user_and_password(void **state)
{
    struct credentials c = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(credentials_parse("me:a:b", &c, &e), 0);
    assert_string_equal(c.user, "me");
    assert_string_equal(c.password, "a:b");
    credentials_done(&c);
    assert_int_equal(credentials_parse("me", &c, &e), -EINVAL);
    assert_int_equal(credentials_parse(":x", &c, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_registries_conf),
        cmocka_unit_test(the_longest_prefix_counts),
        cmocka_unit_test(short_names_mean),
        cmocka_unit_test(nonsense_is_refused_with_its_line),
        cmocka_unit_test(a_value_of_a_wrong_type_is_refused_by_its_key),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(credentials_are_user_and_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
