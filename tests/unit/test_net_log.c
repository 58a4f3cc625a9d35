/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --net-log: packets to connections, connections to the list. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/net_log.h"
#include "sys/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct net_log *log;
    int read_fd;
    int write_fd;
};

static struct fixture begin(void)
{
    struct fixture f = {0};
    struct err e = {0};

    assert_int_equal(fd_pipe(&f.read_fd, &f.write_fd, &e), 0);
    f.log = net_log_new(f.write_fd);
    return f;
}

/* What was written, without the times. */
static char *end(struct fixture *f)
{
    struct err e = {0};
    char *text = NULL;

    net_log_free(f->log);
    (void)close(f->write_fd);
    assert_int_equal(fd_read_all(f->read_fd, 65536, &text, NULL, &e), 0);
    (void)close(f->read_fd);
    return text;
}

static void send4(struct fixture *f, int protocol, const char *to, int from_port, int port)
{
    uint8_t p[40] = {[0] = 0x45, [9] = (uint8_t)protocol, [33] = 2};

    assert_int_equal(inet_pton(AF_INET, to, p + 16), 1);
    p[20] = (uint8_t)(from_port >> 8);
    p[21] = (uint8_t)from_port;
    p[22] = (uint8_t)(port >> 8);
    p[23] = (uint8_t)port;
    net_log_packet(f->log, p, sizeof(p));
}

static void send6(struct fixture *f, const char *to, int port)
{
    uint8_t p[60] = {[0] = 0x60, [6] = IPPROTO_TCP, [40] = 9};

    assert_int_equal(inet_pton(AF_INET6, to, p + 24), 1);
    p[42] = (uint8_t)(port >> 8);
    p[43] = (uint8_t)port;
    net_log_packet(f->log, p, sizeof(p));
}

static void connections_become_the_list_that_allows_them(void **unused)
{
    static const uint8_t ADDRESS[] = {192, 0, 2, 7};
    struct fixture f = begin();
    autofree char *list = NULL;
    autofree char *text = NULL;

    (void)unused;
    send4(&f, IPPROTO_TCP, "192.0.2.9", 1000, 443);
    net_log_asked(f.log, "b.example", 1);
    net_log_named(f.log, "b.example", AF_INET, ADDRESS);
    send4(&f, IPPROTO_TCP, "192.0.2.7", 1001, 443);
    send4(&f, IPPROTO_TCP, "192.0.2.7", 1002, 443);
    send4(&f, IPPROTO_UDP, "192.0.2.7", 1003, 53);
    send6(&f, "2001:db8::1", 80);
    net_log_asked(f.log, "c.example", 0);
    list = net_log_list(f.log);
    assert_string_equal(list, "192.0.2.9:443,[2001:db8::1]:80,b.example:443,udp:b.example:53");
    text = end(&f);
    assert_non_null(strstr(text, " name b.example\n"));
    assert_non_null(strstr(text, " answer b.example 192.0.2.7\n"));
    assert_non_null(strstr(text, " connect tcp 192.0.2.7 port 443 b.example:443\n"));
    assert_non_null(strstr(text, " connect udp 192.0.2.7 port 53 udp:b.example:53\n"));
    assert_non_null(strstr(text, " name c.example refused\n"));
}

static void a_flow_counts_once_and_links_not_at_all(void **unused)
{
    struct fixture f = begin();
    autofree char *list = NULL;
    autofree char *text = NULL;
    size_t lines = 0;

    (void)unused;
    for (int i = 0; i < 5; i++) {
        send4(&f, IPPROTO_UDP, "192.0.2.7", 1003, 443);
    }
    send4(&f, IPPROTO_UDP, "224.0.0.251", 5353, 5353);
    send4(&f, IPPROTO_UDP, "169.254.169.254", 1, 80);
    send6(&f, "fe80::2", 80);
    send6(&f, "ff02::1", 80);
    list = net_log_list(f.log);
    assert_string_equal(list, "udp:192.0.2.7:443");
    text = end(&f);
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 1);
}

static void what_is_no_packet_is_nothing(void **unused)
{
    static const uint8_t SHORT_HEADER[40] = {[0] = 0x41, [9] = IPPROTO_TCP};
    static const uint8_t LONG_HEADER[24] = {[0] = 0x4f, [9] = IPPROTO_TCP};
    static const uint8_t FRAGMENT[40] = {[0] = 0x45, [7] = 1, [9] = IPPROTO_UDP, [16] = 192};
    struct fixture f = begin();
    autofree char *list = NULL;
    autofree char *text = NULL;

    (void)unused;
    net_log_packet(f.log, SHORT_HEADER, 0);
    net_log_packet(f.log, SHORT_HEADER, sizeof(SHORT_HEADER));
    net_log_packet(f.log, LONG_HEADER, sizeof(LONG_HEADER));
    net_log_packet(f.log, FRAGMENT, sizeof(FRAGMENT));
    list = net_log_list(f.log);
    assert_string_equal(list, "");
    text = end(&f);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_become_the_list_that_allows_them),
        cmocka_unit_test(a_flow_counts_once_and_links_not_at_all),
        cmocka_unit_test(what_is_no_packet_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
