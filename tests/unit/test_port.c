/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports: the checks, and the forwarder between two network namespaces of this process,
 * one playing the host and one the container. */
#include "base/cleanup.h"
#include "box/port.h"
#include "box/port_forward.h"
#include "sys/fd.h"
#include "sys/netlink.h"
#include "sys/netlink_request.h"
#include "sys/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char HOST_IP[] = "192.0.2.7";
static const char HOST_IP6[] = "2001:db8::7";
static const char TAP_IP[] = "10.0.2.100";
static const char GATEWAY[] = "10.0.2.2";

enum {
    HOST_PORT = 18080,
    SERVICE_PORT = 80,
    PATIENCE_MS = 5000
};

/* ---- pure */

static void publish(struct spec *s, const char *ip, int host_port, int port, int count)
{
    struct spec_port *p = spec_add_port(s);

    p->host_ip = xstrdup_null(ip);
    p->host_port = (uint16_t)host_port;
    p->container_port = (uint16_t)port;
    p->count = (uint16_t)count;
}

static void overlapping_ranges_are_refused(void **state)
{
    static const struct {
        const char *ip[2];
        int from[2];
        int result;
    } CASES[] = {
        {{NULL, NULL}, {8080, 8085}, -EINVAL},
        {{NULL, NULL}, {8080, 8090}, 0},
        {{"127.0.0.1", "127.0.0.2"}, {8080, 8080}, 0},
        {{"127.0.0.1", NULL}, {8089, 8080}, -EINVAL},
        {{NULL, NULL}, {0, 0}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct spec s = {0};
        struct err e = {0};

        publish(&s, CASES[i].ip[0], CASES[i].from[0], 1, 10);
        publish(&s, CASES[i].ip[1], CASES[i].from[1], 101, 10);
        assert_int_equal(ports_check(&s.box.network, &e), CASES[i].result);
        spec_done(&s);
    }
}

static void callers_never_look_like_loopback(void **state)
{
    const struct port_inside inside = {.address.s_addr = inet_addr(TAP_IP),
                                       .gateway.s_addr = inet_addr(GATEWAY)};
    union port_address client = {
        .in = {.sin_family = AF_INET, .sin_port = htons(5), .sin_addr.s_addr = inet_addr(HOST_IP)}};
    struct port_attempt a[PORT_ATTEMPTS_MAX];

    (void)state;
    assert_int_equal(port_attempts_tcp(&inside, 80, &client, a), 3);
    assert_false(a[0].plain);
    assert_int_equal(a[0].from.in.sin_addr.s_addr, inet_addr(HOST_IP));
    assert_int_equal(a[0].from.in.sin_port, htons(5));
    assert_true(a[1].plain);
    client.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)port_attempts_tcp(&inside, 80, &client, a);
    assert_false(a[0].plain);
    assert_int_equal(a[0].from.in.sin_addr.s_addr, inet_addr(GATEWAY));
}

/* ---- the forwarder */

struct world {
    int host_ns;
    int box_ns;
    int run_fd;
    int record_fd;
    char run_path[64];
    struct ports ports;
    struct net_helper forwarder;
};

/* The kernel gives an IPv6 address its local route a little later, from a worker: wait until what
 * is sent to it arrives. */
static void await_address(int family, const uint8_t *ip)
{
    union port_address a = {.any.sa_family = (sa_family_t)family};
    struct pollfd p = {.fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = POLLIN};
    int left_ms = PATIENCE_MS;

    memcpy(family == AF_INET6 ? (void *)&a.in6.sin6_addr : (void *)&a.in.sin_addr, ip,
           netlink_address_size(family));
    a.in.sin_port = htons(HOST_PORT);
    assert_return_code(bind(p.fd, &a.any, port_address_len(&a)), errno);
    do {
        (void)sendto(p.fd, "", 1, 0, &a.any, port_address_len(&a));
    } while (poll(&p, 1, 1) == 0 && --left_ms > 0);
    assert_true(left_ms > 0);
    (void)close(p.fd);
}

/* By netlink: an IPv6 address that is set in the old way cannot be bound until that worker has come
 * by. */
static void loopback_with(const char *const *extra)
{
    autoclose int fd = -1;
    struct err e = {0};

    assert_int_equal(netlink_open(&fd, &e), 0);
    assert_int_equal(netlink_link_up(fd, if_nametoindex("lo")), 0);
    for (; *extra != NULL; extra++) {
        int family = strchr(*extra, ':') != NULL ? AF_INET6 : AF_INET;
        uint8_t ip[16];

        assert_int_equal(inet_pton(family, *extra, ip), 1);
        assert_int_equal(netlink_address_add(fd, if_nametoindex("lo"), family, ip,
                                             (unsigned int)netlink_address_size(family) * 8),
                         0);
        await_address(family, ip);
    }
}

static void go(int ns)
{
    assert_return_code(setns(ns, CLONE_NEWNET), errno);
}

static void become_root(void)
{
    char map[64];

    (void)snprintf(map, sizeof(map), "0 %u 1", geteuid());
    assert_return_code(unshare(CLONE_NEWUSER | CLONE_NEWNET), errno);
    (void)file_put(AT_FDCWD, "/proc/self/setgroups", "deny");
    assert_int_equal(file_put(AT_FDCWD, "/proc/self/uid_map", map), 0);
}

static int world_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct port_place place = {
        .inside = {.address.s_addr = inet_addr(TAP_IP), .gateway.s_addr = inet_addr(GATEWAY)}};
    struct spec s = {0};
    struct err e = {0};

    *state = w;
    become_root();
    loopback_with((const char *const[]){HOST_IP, HOST_IP6, NULL});
    w->host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    loopback_with((const char *const[]){TAP_IP, NULL});
    w->box_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    go(w->host_ns);
    (void)strcpy(w->run_path, "/tmp/rbox-test-port-XXXXXX");
    assert_non_null(mkdtemp(w->run_path));
    w->run_fd = open(w->run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    publish(&s, NULL, HOST_PORT, SERVICE_PORT, 1);
    publish(&s, NULL, HOST_PORT, SERVICE_PORT, 1);
    s.box.network.ports[1].udp = 1;
    assert_int_equal(ports_open(&s, &w->ports, &e), 0);
    assert_int_equal(w->ports.count, 4);
    w->record_fd = memfd_create("record", MFD_CLOEXEC);
    place.netns_fd = w->box_ns;
    place.run_fd = w->run_fd;
    place.record_fd = w->record_fd;
    assert_int_equal(ports_start(&w->ports, &place, &w->forwarder, &e), 0);
    assert_int_equal(net_fork_wait(&w->forwarder, &e), 0);
    ports_done(&w->ports);
    spec_done(&s);
    return 0;
}

static int world_down(void **state)
{
    struct world *w = *state;

    proc_kill_reap(&w->forwarder.pidfd);
    (void)unlinkat(w->run_fd, "port.sock", 0);
    (void)rmdir(w->run_path);
    (void)close(w->run_fd);
    (void)close(w->record_fd);
    (void)close(w->host_ns);
    (void)close(w->box_ns);
    free(w);
    return 0;
}

static union port_address address(const char *ip, int port)
{
    union port_address a = {0};

    if (inet_pton(AF_INET, ip, &a.in.sin_addr) == 1) {
        a.in.sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &a.in6.sin6_addr), 1);
        a.in6.sin6_family = AF_INET6;
    }
    a.in.sin_port = htons((uint16_t)port);
    return a;
}

static int bound(const char *ip, int type, int port)
{
    union port_address a = address(ip, port);
    const int on = 1;
    int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);
    int r = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a.any.sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    r = bind(fd, &a.any, port_address_len(&a));
    assert_return_code(r, errno);
    return fd;
}

/* A service inside. */
static int serve(const struct world *w, const char *ip, int type)
{
    int fd = -1;

    go(w->box_ns);
    fd = bound(ip, type, SERVICE_PORT);
    if (type == SOCK_STREAM) {
        assert_return_code(listen(fd, 16), errno);
    }
    go(w->host_ns);
    return fd;
}

static int call_from(const char *source, const char *ip, int type)
{
    union port_address a = address(ip, HOST_PORT);
    int fd = bound(source, type, 0);
    int r = 0;

    r = connect(fd, &a.any, port_address_len(&a));
    assert_return_code(r, errno);
    return fd;
}

static int readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, PATIENCE_MS) == 1;
}

/* Accept, and give the caller's address as text. */
static int answer(int fd, char who[INET6_ADDRSTRLEN])
{
    union port_address a;
    socklen_t len = sizeof(a);
    int c = -1;

    assert_true(readable(fd));
    c = accept(fd, &a.any, &len);
    assert_return_code(c, errno);
    (void)inet_ntop(a.any.sa_family,
                    a.any.sa_family == AF_INET ? (void *)&a.in.sin_addr : (void *)&a.in6.sin6_addr,
                    who, INET6_ADDRSTRLEN);
    return c;
}

static void assert_text(int fd, const char *text)
{
    char got[64] = "";

    assert_true(readable(fd));
    assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
    assert_string_equal(got, text);
}

static void services_see_their_caller(void **state)
{
    static const struct {
        const char *service;
        const char *source;
        const char *target;
        const char *seen;
    } CASES[] = {
        {"0.0.0.0", HOST_IP, HOST_IP, HOST_IP},
        {"127.0.0.1", HOST_IP, HOST_IP, HOST_IP},
        {"0.0.0.0", "127.0.0.1", "127.0.0.1", GATEWAY},
        {TAP_IP, HOST_IP, HOST_IP, TAP_IP},
        {"::1", HOST_IP, HOST_IP, "::"},
        {"0.0.0.0", "::1", "::1", GATEWAY},
        {"::1", HOST_IP6, HOST_IP6, HOST_IP6},
        {"::", HOST_IP6, HOST_IP6, HOST_IP6},
        {"127.0.0.1", HOST_IP6, HOST_IP6, GATEWAY},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        int service = serve(*state, CASES[i].service, SOCK_STREAM);
        int caller = call_from(CASES[i].source, CASES[i].target, SOCK_STREAM);
        char who[INET6_ADDRSTRLEN];
        int called = answer(service, who);

        if (strcmp(CASES[i].seen, "::") != 0) {
            assert_string_equal(who, CASES[i].seen);
        }
        assert_int_equal(write(caller, "ping", 4), 4);
        assert_text(called, "ping");
        assert_int_equal(write(called, "pong", 4), 4);
        assert_text(caller, "pong");
        (void)close(caller);
        (void)close(called);
        (void)close(service);
    }
}

static void an_end_is_passed_on_by_halves(void **state)
{
    int service = serve(*state, "127.0.0.1", SOCK_STREAM);
    int caller = call_from(HOST_IP, HOST_IP, SOCK_STREAM);
    char who[INET6_ADDRSTRLEN];
    char byte = 0;
    int called = answer(service, who);

    assert_int_equal(write(caller, "question", 8), 8);
    assert_return_code(shutdown(caller, SHUT_WR), errno);
    assert_text(called, "question");
    assert_true(readable(called));
    assert_int_equal(read(called, &byte, 1), 0);
    assert_int_equal(write(called, "answer", 6), 6);
    assert_text(caller, "answer");
    (void)close(called);
    assert_true(readable(caller));
    assert_int_equal(read(caller, &byte, 1), 0);
    (void)close(caller);
    (void)close(service);
}

static void a_missing_service_resets_the_caller(void **state)
{
    int caller = call_from(HOST_IP, HOST_IP, SOCK_STREAM);
    char byte = 0;

    (void)state;
    assert_true(readable(caller));
    assert_int_equal(read(caller, &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(caller);
}

/* More than any buffer on the way holds, to a service that reads late. */
static void much_arrives_whole(void **state)
{
    enum {
        CHUNK = 1 << 16,
        CHUNKS = 512
    };
    int service = serve(*state, "0.0.0.0", SOCK_STREAM);
    int caller = call_from(HOST_IP, HOST_IP, SOCK_STREAM);
    char who[INET6_ADDRSTRLEN];
    int called = answer(service, who);
    unsigned char *out = xmalloc(CHUNK);
    unsigned char *in = xmalloc(CHUNK);
    size_t sent = 0;
    size_t got = 0;

    for (size_t i = 0; i < CHUNK; i++) {
        out[i] = (unsigned char)(i * 7 + i / 256);
    }
    (void)fcntl(caller, F_SETFL, O_NONBLOCK);
    while (got < (size_t)CHUNK * CHUNKS) {
        ssize_t n = 1;

        while (n > 0 && sent < (size_t)CHUNK * CHUNKS) {
            n = write(caller, out + sent % CHUNK, CHUNK - sent % CHUNK);
            sent += n > 0 ? (size_t)n : 0;
        }
        assert_true(readable(called));
        n = read(called, in, CHUNK - got % CHUNK);
        assert_true(n > 0);
        assert_memory_equal(in, out + got % CHUNK, (size_t)n);
        got += (size_t)n;
    }
    free(out);
    free(in);
    (void)close(caller);
    (void)close(called);
    (void)close(service);
}

/* The forwarder holds two descriptors for each, and no pipe while nothing is stuck. */
static void thousands_of_connections_stand(void **state)
{
    enum {
        COUNT = 3000
    };
    struct rlimit limit;
    int service = serve(*state, "127.0.0.1", SOCK_STREAM);
    int *caller = xcalloc(COUNT, sizeof(*caller));
    int *called = xcalloc(COUNT, sizeof(*called));
    char who[INET6_ADDRSTRLEN];

    assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
    limit.rlim_cur = limit.rlim_max;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
    if (limit.rlim_max < 2 * COUNT + 100) {
        skip();
    }
    for (int i = 0; i < COUNT; i++) {
        caller[i] = call_from(HOST_IP, HOST_IP, SOCK_STREAM);
        called[i] = answer(service, who);
        assert_string_equal(who, HOST_IP);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(write(caller[i], "ping", 4), 4);
        assert_text(called[i], "ping");
        (void)close(caller[i]);
        (void)close(called[i]);
    }
    free(caller);
    free(called);
    (void)close(service);
}

static void datagrams_find_their_way_back(void **state)
{
    static const char *const SERVICES[] = {"0.0.0.0", "127.0.0.1", "::1", TAP_IP};

    for (size_t i = 0; i < sizeof(SERVICES) / sizeof(SERVICES[0]); i++) {
        int service = serve(*state, SERVICES[i], SOCK_DGRAM);
        int caller = call_from(HOST_IP, HOST_IP, SOCK_DGRAM);
        union port_address from;
        socklen_t len = sizeof(from);
        char text[16] = "";

        assert_int_equal(send(caller, "ask", 3, 0), 3);
        assert_true(readable(service));
        assert_int_equal(recvfrom(service, text, sizeof(text), 0, &from.any, &len), 3);
        assert_int_equal(sendto(service, "told", 4, 0, &from.any, len), 4);
        assert_text(caller, "told");
        (void)close(caller);
        (void)close(service);
    }
}

static void ports_come_and_go(void **state)
{
    struct world *w = *state;
    struct port_row *rows = NULL;
    struct spec s = {0};
    struct ports more = {0};
    struct err e = {0};
    size_t count = 0;
    int again = -1;

    assert_int_equal(ports_request(w->run_fd, PORT_LIST, NULL, &rows, &count, &e), 0);
    assert_int_equal(count, 4);
    free(rows);
    publish(&s, "127.0.0.1", 0, 81, 1);
    assert_int_equal(ports_open(&s, &more, &e), 0);
    assert_int_not_equal(s.box.network.ports[0].host_port, 0);
    assert_int_equal(ports_request(w->run_fd, PORT_ADD, &more.v[0], &rows, &count, &e), 0);
    assert_int_equal(count, 5);
    free(rows);
    close_fd(&more.v[0].fd);
    assert_int_equal(ports_request(w->run_fd, PORT_REMOVE, &more.v[0], &rows, &count, &e), 0);
    assert_int_equal(count, 4);
    free(rows);
    assert_int_equal(ports_request(w->run_fd, PORT_REMOVE, &more.v[0], &rows, &count, &e), -ENOENT);
    again = bound("127.0.0.1", SOCK_STREAM, more.v[0].row.host_port);
    (void)close(again);
    ports_done(&more);
    spec_done(&s);
}

static void a_taken_port_names_its_owner(void **state)
{
    struct spec s = {0};
    struct ports p = {0};
    struct err e = {0};
    char expected[64];

    (void)state;
    publish(&s, NULL, HOST_PORT, 80, 1);
    assert_int_equal(ports_open(&s, &p, &e), -EADDRINUSE);
    (void)snprintf(expected, sizeof(expected), "0.0.0.0:%d/tcp", HOST_PORT);
    assert_non_null(strstr(e.msg, expected));
    assert_non_null(strstr(e.msg, "'rbox-ports' (pid "));
    spec_done(&s);
}

static void an_address_of_elsewhere_is_refused(void **state)
{
    struct spec s = {0};
    struct ports p = {0};
    struct err e = {0};

    (void)state;
    publish(&s, "203.0.113.1", 8080, 80, 1);
    assert_int_equal(ports_open(&s, &p, &e), -EADDRNOTAVAIL);
    assert_non_null(strstr(e.msg, "203.0.113.1:8080/tcp"));
    spec_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlapping_ranges_are_refused),
        cmocka_unit_test(callers_never_look_like_loopback),
        cmocka_unit_test(services_see_their_caller),
        cmocka_unit_test(an_end_is_passed_on_by_halves),
        cmocka_unit_test(a_missing_service_resets_the_caller),
        cmocka_unit_test(much_arrives_whole),
        cmocka_unit_test(thousands_of_connections_stand),
        cmocka_unit_test(datagrams_find_their_way_back),
        cmocka_unit_test(ports_come_and_go),
        cmocka_unit_test(a_taken_port_names_its_owner),
        cmocka_unit_test(an_address_of_elsewhere_is_refused),
    };

    return cmocka_run_group_tests(tests, world_up, world_down);
}
