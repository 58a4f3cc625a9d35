/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/http_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void reads_what_registries_send(void **state)
{
    struct http_auth a;

    (void)state;
    http_auth_parse("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                    "scope=\"repository:library/busybox:pull,push\"",
                    &a);
    assert_int_equal(a.scheme, HTTP_AUTH_BEARER);
    assert_string_equal(a.realm, "https://auth.docker.io/token");
    assert_string_equal(a.service, "registry.docker.io");
    assert_string_equal(a.scope, "repository:library/busybox:pull,push");
    http_auth_done(&a);
    http_auth_parse("basic Realm=\"a \\\"quoted\\\" realm\"", &a);
    assert_int_equal(a.scheme, HTTP_AUTH_BASIC);
    assert_string_equal(a.realm, "a \"quoted\" realm");
    http_auth_done(&a);
}

static void prefers_bearer_among_several(void **state)
{
    struct http_auth a;

    (void)state;
    http_auth_parse("Basic realm=x, Bearer realm=\"https://t\", service=s, Digest realm=z", &a);
    assert_int_equal(a.scheme, HTTP_AUTH_BEARER);
    assert_string_equal(a.realm, "https://t");
    assert_string_equal(a.service, "s");
    http_auth_done(&a);
}

static void survives_nonsense(void **state)
{
    static const char *const VALUES[] = {"",
                                         ",,,",
                                         "Bearer",
                                         "Bearer realm",
                                         "Bearer =x",
                                         "Bearer a=\"",
                                         "Bearer a=\"\\",
                                         "Negotiate abc==",
                                         "\"\"\"\"",
                                         "Bearer realm=,scope=",
                                         "\x01\x02 \xff",
                                         "Basic Basic Basic Basic"};

    (void)state;
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        struct http_auth a;

        http_auth_parse(VALUES[i], &a);
        http_auth_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_registries_send),
        cmocka_unit_test(prefers_bearer_among_several),
        cmocka_unit_test(survives_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
