/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --allow-net: the list, and the messages of the name system that its resolver reads. */
#include "base/cleanup.h"
#include "box/dns_message.h"
#include "box/egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* ---- the list */

static void entries_are_read(void **state)
{
    struct egress_rules r = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(egress_parse("GitHub.com:443,*.pypi.org.,10.1.2.3/8:5432-5440,"
                                  "udp:[2001:db8::1]:53,,192.0.2.1",
                                  &r, &e),
                     0);
    assert_int_equal(r.count, 5);
    assert_string_equal(r.v[0].name, "github.com");
    assert_int_equal(r.v[0].port, 443);
    assert_int_equal(r.v[0].protocol, IPPROTO_TCP);
    assert_string_equal(r.v[1].name, "pypi.org");
    assert_true(r.v[1].below);
    assert_int_equal(r.v[1].port, 0);
    assert_null(r.v[2].name);
    assert_memory_equal(r.v[2].prefix.address, ((uint8_t[16]){10}), 16);
    assert_int_equal(r.v[2].prefix.length, 8);
    assert_int_equal(r.v[2].port_last, 5440);
    assert_int_equal(r.v[3].family, AF_INET6);
    assert_int_equal(r.v[3].protocol, IPPROTO_UDP);
    assert_int_equal(r.v[4].prefix.length, 32);
    egress_rules_done(&r);
}

static void all_ports_need_no_range(void **state)
{
    struct egress_rules r = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(egress_parse("a:1-65535,b:1024-65535", &r, &e), 0);
    assert_int_equal(r.v[0].port, 0);
    assert_int_equal(r.v[1].port, 1024);
    assert_int_equal(r.v[1].port_last, 65534);
    egress_rules_done(&r);
}

static void nonsense_is_refused(void **state)
{
    static const char *const WRONG[] = {
        "host:0",      "host:65536",  "host:9-8",     "host:x",      "host:",   ":443",
        "10.0.0:80",   "10.0.0.0/33", "1.2.3.4.5",    "[::1",        "[::1]80", "[name]:80",
        "*.",          "*",           "a..b",         ".a",          "a b",     "*.*.a",
        "icmp:host:1", "host:65535",  "http://a/:80", "[::1/129]:1", "a.b*:80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct egress_rules r = {0};
        struct err e = {0};

        assert_int_equal(egress_parse(WRONG[i], &r, &e), -EINVAL);
        assert_non_null(strstr(e.msg, WRONG[i]));
        assert_int_equal(r.count, 0);
    }
}

static void names_match_whole_labels(void **state)
{
    static const struct {
        const char *entry;
        const char *name;
        int matches;
    } CASES[] = {
        {"pypi.org", "pypi.org", 1},       {"pypi.org", "files.pypi.org", 0},
        {"pypi.org", "pypi.org.evil", 0},  {"*.pypi.org", "files.pypi.org", 1},
        {"*.pypi.org", "a.b.pypi.org", 1}, {"*.pypi.org", "pypi.org", 0},
        {"*.pypi.org", "evilpypi.org", 0}, {"*.pypi.org", ".pypi.org", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct egress_rules r = {0};
        struct err e = {0};

        assert_int_equal(egress_parse(CASES[i].entry, &r, &e), 0);
        assert_int_equal(egress_matches(&r.v[0], CASES[i].name), CASES[i].matches);
        egress_rules_done(&r);
    }
}

static void a_name_opens_no_place_of_ours(void **state)
{
    static const struct {
        const char *address;
        int may;
    } CASES[] = {
        {"192.0.2.1", 1},        {"10.1.2.3", 1},         {"127.0.0.1", 0}, {"0.0.0.0", 0},
        {"10.0.2.2", 0},         {"10.0.2.3", 0},         {"224.0.0.1", 0}, {"169.254.169.254", 0},
        {"255.255.255.255", 0},  {"2001:db8::1", 1},      {"::1", 0},       {"::", 0},
        {"fe80::1", 0},          {"ff02::1", 0},          {"fd00::2", 0},   {"fd12::1", 1},
        {"::ffff:127.0.0.1", 0}, {"::ffff:192.0.2.1", 1},
    };
    const struct in_addr gateway = {.s_addr = inet_addr("10.0.2.2")};

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const int family = strchr(CASES[i].address, ':') != NULL ? AF_INET6 : AF_INET;
        uint8_t address[16];

        assert_int_equal(inet_pton(family, CASES[i].address, address), 1);
        assert_int_equal(egress_may_open(family, address, gateway), CASES[i].may);
    }
}

/* ---- messages */

static const uint8_t QUERY[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                               "\x03WwW\x07"
                               "example\x00\x00\x01\x00\x01";
enum {
    QUERY_LEN = sizeof(QUERY) - 1
};

static void a_query_is_read_and_written_anew(void **state)
{
    struct dns_question q;
    uint8_t out[DNS_MESSAGE_MAX];
    size_t len = 0;

    (void)state;
    assert_int_equal(dns_read_query(QUERY, QUERY_LEN, &q), 0);
    assert_string_equal(q.name, "www.example");
    assert_int_equal(q.type, DNS_TYPE_A);
    assert_int_equal(q.answer_max, DNS_PLAIN_MAX);
    len = dns_write_query(QUERY, &q, 0xabcd, out);
    assert_int_equal(len, QUERY_LEN);
    assert_memory_equal(out, "\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03WwW", 16);
    len = dns_write_verdict(QUERY, &q, DNS_NO_SUCH_NAME, 0, out);
    assert_int_equal(len, QUERY_LEN);
    assert_memory_equal(out, "\x12\x34\x81\x83\x00\x01\x00\x00", 8);
}

/* Every shortening of a query, and every byte of its head and lengths turned. */
static void broken_queries_are_dropped(void **state)
{
    struct dns_question q;
    uint8_t message[QUERY_LEN];

    (void)state;
    for (size_t len = 0; len < QUERY_LEN; len++) {
        assert_int_equal(dns_read_query(QUERY, len, &q), -EBADMSG);
    }
    memcpy(message, QUERY, QUERY_LEN);
    message[DNS_HEADER_BYTES] = 0xc0; /* a pointer to itself */
    message[DNS_HEADER_BYTES + 1] = DNS_HEADER_BYTES;
    assert_int_equal(dns_read_query(message, QUERY_LEN, &q), -EBADMSG);
    memcpy(message, QUERY, QUERY_LEN);
    message[2] |= 0x80; /* an answer */
    assert_int_equal(dns_read_query(message, QUERY_LEN, &q), -EBADMSG);
    memcpy(message, QUERY, QUERY_LEN);
    message[DNS_HEADER_BYTES + 2] = '.'; /* "w.w", one label: not the name "w.w" */
    assert_int_equal(dns_read_query(message, QUERY_LEN, &q), 0);
    assert_string_equal(q.name, "w?w.example");
}

struct seen {
    int count;
    uint8_t last[16];
    uint32_t ttl_s;
};

static void see(void *arg, int family, const uint8_t *address, uint32_t ttl_s)
{
    struct seen *s = arg;

    s->count++;
    s->ttl_s = ttl_s;
    memcpy(s->last, address, family == AF_INET ? 4 : 16);
}

static size_t make_answer(uint8_t *out)
{
    static const uint8_t RECORDS[] =
        "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01x\xc0\x10" /* CNAME x.example */
        "\x01x\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x09";
    struct dns_question q;

    assert_int_equal(dns_read_query(QUERY, QUERY_LEN, &q), 0);
    (void)dns_write_verdict(QUERY, &q, 0, 0, out);
    out[7] = 2;
    memcpy(out + QUERY_LEN, RECORDS, sizeof(RECORDS) - 1);
    return QUERY_LEN + sizeof(RECORDS) - 1;
}

static void addresses_are_found_behind_aliases(void **state)
{
    struct dns_question q;
    uint8_t answer[DNS_MESSAGE_MAX];
    size_t len = make_answer(answer);
    struct seen s = {0};

    (void)state;
    (void)dns_read_query(QUERY, QUERY_LEN, &q);
    assert_true(dns_is_answer(answer, len, QUERY, &q));
    assert_int_equal(dns_each_address(answer, len, &q, see, &s), 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.ttl_s, 30);
    assert_memory_equal(s.last, "\xc0\x00\x02\x09", 4);
    for (size_t cut = QUERY_LEN; cut < len; cut++) {
        assert_int_equal(dns_each_address(answer, cut, &q, see, &s), -EBADMSG);
    }
}

static void answers_to_other_questions_are_not_ours(void **state)
{
    struct dns_question q;
    uint8_t answer[DNS_MESSAGE_MAX];
    size_t len = make_answer(answer);

    (void)state;
    (void)dns_read_query(QUERY, QUERY_LEN, &q);
    answer[0]++;
    assert_false(dns_is_answer(answer, len, QUERY, &q));
    answer[0]--;
    answer[DNS_HEADER_BYTES + 1] = 'x';
    assert_false(dns_is_answer(answer, len, QUERY, &q));
    assert_false(dns_is_answer(QUERY, QUERY_LEN, QUERY, &q));
    assert_false(dns_is_answer(answer, DNS_HEADER_BYTES, QUERY, &q));
}

static void count_address(void *arg, int family, const uint8_t *address, uint32_t ttl_s)
{
    size_t *count = arg;

    assert_int_equal(family, AF_INET);
    assert_memory_equal(address, ((uint8_t[4]){10, 89, 0, 2}), 4);
    assert_int_equal(ttl_s, 66000);
    (*count)++;
}

/* What is written can be read again, and never more than a message holds. */
static void own_answers_are_written(void **state)
{
    const uint8_t address[16] = {10, 89, 0, 2};
    struct dns_question q;
    uint8_t answer[DNS_MESSAGE_MAX];
    size_t count = 0;
    size_t len = 0;

    (void)state;
    assert_int_equal(dns_read_query(QUERY, QUERY_LEN, &q), 0);
    len = dns_write_verdict(QUERY, &q, 0, /* truncated= */ 0, answer);
    len = dns_add_address(answer, len, AF_INET, address, 66000);
    assert_true(dns_is_answer(answer, len, QUERY, &q));
    assert_int_equal(dns_each_address(answer, len, &q, count_address, &count), 0);
    assert_int_equal(count, 1);
    for (int i = 0; i < 1000; i++) {
        len = dns_add_address(answer, len, AF_INET6, address, 1);
        assert_true(len <= sizeof(answer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(all_ports_need_no_range),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(names_match_whole_labels),
        cmocka_unit_test(a_name_opens_no_place_of_ours),
        cmocka_unit_test(a_query_is_read_and_written_anew),
        cmocka_unit_test(broken_queries_are_dropped),
        cmocka_unit_test(addresses_are_found_behind_aliases),
        cmocka_unit_test(answers_to_other_questions_are_not_ours),
        cmocka_unit_test(own_answers_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
