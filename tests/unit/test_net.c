/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts of the network: options, addresses, and the texts of name files. */
#include "base/cleanup.h"
#include "box/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void resolv_conf_points_at_the_forwarder(void **state)
{
    static const char HOST[] = "# made by hand\ndomain old.example\nsearch lan.example\n"
                               "nameserver 127.0.0.53\nnameserver ::1\noptions edns0 trust-ad\n";
    struct spec_network n = {0};
    autofree char *text = net_resolv_conf(HOST, "10.0.2.3", &n);
    autofree char *kept = net_resolv_conf(HOST, NULL, &n);
    autofree char *asked = NULL;

    (void)state;
    assert_string_equal(text, "nameserver 10.0.2.3\ndomain old.example\nsearch lan.example\n"
                              "options edns0 trust-ad\n");
    assert_non_null(strstr(kept, "nameserver 127.0.0.53\nnameserver ::1\n"));
    strv_push(&n.dns, "192.0.2.53");
    strv_push(&n.dns_search, "a.example");
    strv_push(&n.dns_search, "b.example");
    strv_push(&n.dns_options, "ndots:2");
    asked = net_resolv_conf(HOST, "10.0.2.3", &n);
    assert_string_equal(asked, "search a.example b.example\nnameserver 192.0.2.53\n"
                               "options ndots:2\n");
    strv_done(&n.dns);
    strv_done(&n.dns_search);
    strv_done(&n.dns_options);
}

static void entries_of_the_hosts_loopback_stay_outside(void **state)
{
    autofree char *text =
        net_host_entries("127.0.0.1 localhost\n127.0.1.1\tmyhost\n::1 localhost ip6-localhost\n"
                         "ff02::1 ip6-allnodes\n# 192.0.2.9 comment\n192.0.2.8\tnas nas.lan\n"
                         "2001:db8::1 six\nfe80::1 link\nnonsense\n\n0.0.0.0 blocked.example\n");

    (void)state;
    assert_string_equal(text, "192.0.2.8\tnas nas.lan\n2001:db8::1 six\n");
}

static struct spec *slirp_with(const char *option)
{
    struct spec *s = xcalloc(1, sizeof(*s));

    if (option != NULL) {
        strv_push(&s->box.network.options, option);
    }
    return s;
}

static void spec_drop(struct spec *s)
{
    spec_done(s);
    free(s);
}

static void addresses_follow_the_cidr(void **state)
{
    static const struct {
        const char *option;
        const char *address;
        const char *gateway;
        const char *dns;
    } CASES[] = {
        {NULL, "10.0.2.100", "10.0.2.2", "10.0.2.3"},
        {"cidr=10.9.8.7/24", "10.9.8.100", "10.9.8.2", "10.9.8.3"},
        {"cidr=172.20.0.0/16", "172.20.0.100", "172.20.0.2", "172.20.0.3"},
        {"cidr=192.0.2.128/25", "192.0.2.228", "192.0.2.130", "192.0.2.131"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct spec *s = slirp_with(CASES[i].option);
        const struct net_info info = NET_SLIRP4NETNS.info(s);

        assert_int_equal(info.address.s_addr, inet_addr(CASES[i].address));
        assert_int_equal(info.gateway.s_addr, inet_addr(CASES[i].gateway));
        assert_int_equal(info.dns.s_addr, inet_addr(CASES[i].dns));
        spec_drop(s);
    }
}

static void wrong_options_are_named(void **state)
{
    static const char *const WRONG[] = {
        "cidr=10.0.2.0",
        "cidr=10.0.2.0/26",
        "cidr=10.0.2.0/0",
        "cidr=10.0.2/24",
        "cidr=10.0.2.0/x",
        "cidr=::1/24",
        "cidr=",
        "cdir=10.0.2.0/24",
        "cidr",
        "mtu=0",
        "mtu=-1",
        "mtu=65522",
        "mtu=1500x",
        "enable_ipv6=maybe",
        "allow_host_loopback=ja",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct spec *s = slirp_with(WRONG[i]);
        struct err e = {0};
        autofree char *key = xstrndup(WRONG[i], strcspn(WRONG[i], "="));

        assert_int_equal(NET_SLIRP4NETNS.check(s, &e), -EINVAL);
        assert_non_null(strstr(e.msg, key));
        spec_drop(s);
    }
}

static void hosts_names_everybody(void **state)
{
    struct spec *s = slirp_with("cidr=10.9.8.0/24");
    struct net_files files = {0};
    struct err e = {0};

    (void)state;
    s->hostname = xstrdup("box");
    s->box.name = xstrdup("web");
    strv_push(&s->box.network.add_hosts, "db;db.lan:192.0.2.4");
    strv_push(&s->box.network.add_hosts, "me:host-gateway");
    assert_int_equal(net_files(s, &files, &e), 0);
    assert_ptr_equal(strstr(files.hosts, "192.0.2.4\tdb db.lan\n10.9.8.2\tme\n"), files.hosts);
    assert_non_null(strstr(files.hosts, "\n127.0.0.1\tlocalhost\n::1\tlocalhost"));
    assert_non_null(strstr(files.hosts, "\n10.9.8.100\tbox web\n"));
    assert_non_null(strstr(files.hosts, "\n10.9.8.2\thost.containers.internal"));
    assert_non_null(strstr(files.resolv_conf, "nameserver 10.9.8.3\n"));
    assert_string_equal(files.hostname, "box\n");
    free(files.hosts);
    free(files.resolv_conf);
    free(files.hostname);
    spec_drop(s);
}

static void none_has_no_way_to_the_host(void **state)
{
    struct spec *s = slirp_with(NULL);
    struct net_files files = {0};
    struct err e = {0};

    (void)state;
    s->box.network.backend = SPEC_NET_NONE;
    s->box.network.no_hosts = 1;
    strv_push(&s->box.network.dns, "none");
    assert_int_equal(net_files(s, &files, &e), 0);
    assert_null(files.hosts);
    assert_null(files.resolv_conf);
    s->box.network.no_hosts = 0;
    strv_push(&s->box.network.add_hosts, "me:host-gateway");
    assert_int_equal(net_files(s, &files, &e), -EINVAL);
    spec_drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolv_conf_points_at_the_forwarder),
        cmocka_unit_test(entries_of_the_hosts_loopback_stay_outside),
        cmocka_unit_test(addresses_follow_the_cidr),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(hosts_names_everybody),
        cmocka_unit_test(none_has_no_way_to_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
