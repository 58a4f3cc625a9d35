/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks: subnets, and how networks stand in a spec. */
#include "base/cleanup.h"
#include "box/network_subnet.h"
#include "spec/spec_join.h"
#include "spec/spec_json.h"
#include "spec/spec_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* ---- subnets */

static struct network_subnet subnet(const char *text)
{
    struct network_subnet s = {0};
    struct err e = {0};

    assert_int_equal(network_subnet_parse(text, &s, &e), 0);
    return s;
}

static void assert_address(int family, const uint8_t address[16], const char *expected)
{
    autofree char *text = network_address_text(family, address);

    assert_string_equal(text, expected);
}

static void a_subnet_is_read(void **state)
{
    struct network_subnet s = subnet("10.89.3.77/24");
    autofree char *text = network_subnet_text(&s);

    (void)state;
    assert_string_equal(text, "10.89.3.0/24");
    assert_address(AF_INET, s.gateway, "10.89.3.1");
    assert_address(AF_INET, s.first, "10.89.3.1");
    assert_address(AF_INET, s.last, "10.89.3.254");
    s = subnet("fd00:1::/64");
    assert_address(AF_INET6, s.gateway, "fd00:1::1");
    assert_address(AF_INET6, s.last, "fd00:1::ffff:ffff:ffff:ffff");
}

static void nonsense_is_no_subnet(void **state)
{
    static const char *const BAD[] = {"",
                                      "10.0.0.0",
                                      "10.0.0.0/0",
                                      "10.0.0.0/31",
                                      "10.0.0.0/33",
                                      "10.0.0/24",
                                      "127.0.0.0/8",
                                      "224.0.0.0/4",
                                      "0.0.0.0/8",
                                      "10.0.0.0/24x",
                                      "fe80::/64",
                                      "::/64",
                                      "fd00::/127",
                                      "ff02::/16",
                                      "10.0.0.0/-1",
                                      "::ffff:10.0.0.0/120"};

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct network_subnet s = {0};
        struct err e = {0};

        assert_int_equal(network_subnet_parse(BAD[i], &s, &e), -EINVAL);
        assert_int_equal(s.family, 0);
    }
}

static void gateways_and_ranges_are_inside(void **state)
{
    struct network_subnet s = subnet("10.90.0.0/24");
    struct err e = {0};

    (void)state;
    assert_int_equal(network_subnet_gateway(&s, "10.91.0.1", &e), -EINVAL);
    assert_int_equal(network_subnet_gateway(&s, "10.90.0.255", &e), -EINVAL);
    assert_int_equal(network_subnet_gateway(&s, "10.90.0.254", &e), 0);
    assert_int_equal(network_subnet_range(&s, "10.90.1.0/25", &e), -EINVAL);
    assert_int_equal(network_subnet_range(&s, "10.90.0.20-10.90.0.10", &e), -EINVAL);
    assert_int_equal(network_subnet_range(&s, "10.90.0.128/25", &e), 0);
    assert_address(AF_INET, s.first, "10.90.0.128");
    assert_address(AF_INET, s.last, "10.90.0.255");
    assert_int_equal(network_subnet_range(&s, "10.90.0.10-10.90.0.20", &e), 0);
    assert_int_equal(network_subnet_size(&s), 11);
}

static void addresses_go_round(void **state)
{
    struct network_subnet s = subnet("10.90.0.0/29"); /* 1 the gateway, 2 to 6, 7 the end */
    uint8_t a[16] = {0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        network_subnet_next(&s, a);
    }
    assert_address(AF_INET, a, "10.90.0.6");
    network_subnet_next(&s, a);
    assert_address(AF_INET, a, "10.90.0.1");
    assert_false(network_subnet_has(&s, a));
    network_subnet_next(&s, a);
    assert_true(network_subnet_has(&s, a));
    assert_false(network_subnet_has(&s, (const uint8_t[16]){10, 90, 0, 0}));
    assert_false(network_subnet_has(&s, (const uint8_t[16]){10, 90, 0, 7}));
    assert_false(network_subnet_has(&s, (const uint8_t[16]){10, 90, 0, 8}));
}

static void overlaps_are_seen(void **state)
{
    struct network_subnet a = subnet("10.90.0.0/24");
    struct network_subnet around = subnet("10.0.0.0/8");
    struct network_subnet next = subnet("10.90.1.0/24");
    struct network_subnet other = subnet("fd00::/64");

    (void)state;
    assert_true(network_subnet_overlaps(&a, &around));
    assert_true(network_subnet_overlaps(&around, &a));
    assert_false(network_subnet_overlaps(&a, &next));
    assert_false(network_subnet_overlaps(&a, &other));
    assert_false(network_subnet_overlaps(&(struct network_subnet){0}, &a));
}

/* ---- in a spec */

static void networks_are_options(void **state)
{
    struct spec s = {0};
    struct err e = {0};
    const struct spec_network *n = &s.box.network;

    (void)state;
    spec_init(&s);
    assert_int_equal(
        spec_parse_network("back:ip=10.89.0.9,alias=DB,alias=cache,mac=02:00:00:00:00:0A", &s, &e),
        0);
    assert_int_equal(spec_parse_network("front,edge", &s, &e), 0);
    assert_int_equal(n->backend, SPEC_NET_USER);
    assert_int_equal(n->join_count, 3);
    assert_string_equal(n->joins[0].ip, "10.89.0.9");
    assert_string_equal(n->joins[0].mac, "02:00:00:00:00:0a");
    assert_true(strv_has(&n->joins[0].aliases, "db"));
    assert_true(strv_has(&n->joins[0].aliases, "cache"));
    assert_ptr_equal(spec_join_find(n, "edge"), &n->joins[2]);
    strv_push(&s.box.network.aliases, "all");
    assert_int_equal(spec_join_settle(&s, &e), 0);
    assert_true(strv_has(&n->joins[1].aliases, "all"));
    spec_join_remove(&s.box.network, &s.box.network.joins[1]);
    assert_int_equal(n->join_count, 2);
    assert_string_equal(n->joins[1].network, "edge");
    spec_done(&s);
}

static void joins_survive_config_json(void **state)
{
    struct spec s = {0};
    struct spec back = {0};
    struct err e = {0};
    autofree char *text = NULL;

    (void)state;
    spec_init(&s);
    assert_int_equal(spec_parse_network("back:ip=10.89.0.9,alias=db", &s, &e), 0);
    s.box.network.joins[0].address = xstrdup("10.89.0.9");
    s.box.network.joins[0].prefix = 24;
    s.box.network.joins[0].has_dns = 1;
    text = spec_json_write(&s);
    assert_int_equal(spec_json_read(text, strlen(text), &back, &e), 0);
    assert_int_equal(back.box.network.backend, SPEC_NET_USER);
    assert_int_equal(back.box.network.join_count, 1);
    assert_string_equal(back.box.network.joins[0].ip, "10.89.0.9");
    assert_string_equal(back.box.network.joins[0].address, "10.89.0.9");
    assert_int_equal(back.box.network.joins[0].prefix, 24);
    assert_true(back.box.network.joins[0].has_dns);
    assert_true(strv_has(&back.box.network.joins[0].aliases, "db"));
    spec_join_forget(&back.box.network.joins[0]);
    assert_null(back.box.network.joins[0].address);
    assert_string_equal(back.box.network.joins[0].ip, "10.89.0.9");
    spec_done(&s);
    spec_done(&back);
}

static void names_that_mean_something_else(void **state)
{
    (void)state;
    assert_true(spec_network_name_is_good("back"));
    assert_true(spec_network_name_is_good("bridge"));
    assert_false(spec_network_name_is_good("host"));
    assert_false(spec_network_name_is_good("container"));
    assert_false(spec_network_name_is_good("../x"));
    assert_false(spec_network_name_is_good(".hidden"));
    assert_false(spec_network_name_is_good(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subnet_is_read),
        cmocka_unit_test(nonsense_is_no_subnet),
        cmocka_unit_test(gateways_and_ranges_are_inside),
        cmocka_unit_test(addresses_go_round),
        cmocka_unit_test(overlaps_are_seen),
        cmocka_unit_test(networks_are_options),
        cmocka_unit_test(joins_survive_config_json),
        cmocka_unit_test(names_that_mean_something_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
