/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of a connection, for tests; static, so that it runs in any root.
 *
 *   netprobe serve tcp|udp ADDRESS PORT        answer everybody "from THEIR-ADDRESS", then echo
 *   netprobe ask tcp|udp ADDRESS PORT          say "hello"; print the answer; 1: none, and why
 *   netprobe dns ADDRESS NAME=ADDRESS…         a name server, TTL 1; prints what is asked
 *   netprobe ping ADDRESS                      an ICMP echo without a capability; "pong"
 *   netprobe notify TEXT                       say it to NOTIFY_SOCKET
 *
 * Servers print "ready" once they listen. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE_S = 5,
    DNS_HEADER = 12
};

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static void fail(const char *what)
{
    (void)printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static socklen_t parse(const char *ip, const char *port, union address *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->in.sin_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, ip, &ret->in.sin_addr) == 1) {
        ret->in.sin_family = AF_INET;
        return sizeof(ret->in);
    }
    memset(ret, 0, sizeof(*ret));
    ret->in6.sin6_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET6, ip, &ret->in6.sin6_addr) != 1) {
        errno = EINVAL;
        fail(ip);
    }
    ret->in6.sin6_family = AF_INET6;
    return sizeof(ret->in6);
}

static int say_from(const union address *who, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(who->any.sa_family,
                    who->any.sa_family == AF_INET ? (const void *)&who->in.sin_addr
                                                  : (const void *)&who->in6.sin6_addr,
                    text, sizeof(text));
    return snprintf(out, size, "from %s\n", text);
}

static int listen_on(int type, const char *ip, const char *port)
{
    union address a;
    socklen_t len = parse(ip, port, &a);
    const int on = 1;
    int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, &a.any, len) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0)) {
        fail("bind");
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    return fd;
}

static void serve_tcp(int fd)
{
    for (;;) {
        union address who;
        socklen_t len = sizeof(who);
        char bytes[4096];
        int c = accept(fd, &who.any, &len);
        ssize_t n = say_from(&who, bytes, sizeof(bytes));

        if (c < 0 || fork() != 0) {
            (void)close(c);
            continue;
        }
        while (n > 0 && write(c, bytes, (size_t)n) == n) {
            n = read(c, bytes, sizeof(bytes));
        }
        exit(0);
    }
}

static void serve_udp(int fd)
{
    for (;;) {
        union address who;
        socklen_t len = sizeof(who);
        char bytes[4096];

        if (recvfrom(fd, bytes, sizeof(bytes), 0, &who.any, &len) >= 0) {
            (void)sendto(fd, bytes, (size_t)say_from(&who, bytes, sizeof(bytes)), 0, &who.any, len);
        }
    }
}

static void ask(int type, const char *ip, const char *port)
{
    union address a;
    socklen_t len = parse(ip, port, &a);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    char bytes[4096];
    ssize_t n = 0;
    int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, &a.any, len) < 0) {
        fail("connect");
    }
    if (send(fd, "hello\n", 6, MSG_NOSIGNAL) != 6) {
        fail("send");
    }
    n = recv(fd, bytes, sizeof(bytes), 0);
    if (n < 0) {
        fail("receive");
    }
    (void)fwrite(bytes, 1, (size_t)n, stdout);
    if (n == 0) {
        (void)printf("closed\n");
        exit(1);
    }
}

static void ping(const char *ip)
{
    static const char ECHO_REQUEST[] = {8, 0, 0, 0, 0, 0, 0, 1, 'p'};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    union address a;
    socklen_t len = parse(ip, "0", &a);
    char bytes[64];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

    if (fd < 0) {
        fail("socket");
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (sendto(fd, ECHO_REQUEST, sizeof(ECHO_REQUEST), 0, &a.any, len) < 0) {
        fail("send");
    }
    if (recv(fd, bytes, sizeof(bytes), 0) < 1 || bytes[0] != 0) {
        fail("receive");
    }
    (void)printf("pong\n");
}

/* ---- names */

static size_t read_name(const unsigned char *m, size_t len, char *name, size_t size)
{
    size_t at = DNS_HEADER;
    size_t out = 0;

    while (at < len && m[at] != 0) {
        for (size_t i = 1; i <= m[at] && out + 2 < size && at + i < len; i++) {
            name[out++] = (char)m[at + i];
        }
        name[out++] = '.';
        at += 1 + m[at];
    }
    name[out > 0 ? out - 1 : 0] = '\0';
    return at + 5;
}

static const char *look_up(char **zone, const char *name)
{
    for (; *zone != NULL; zone++) {
        size_t len = strcspn(*zone, "=");

        if (strlen(name) == len && strncasecmp(*zone, name, len) == 0) {
            return *zone + len + 1;
        }
    }
    return NULL;
}

static void serve_names(int fd, char **zone)
{
    for (;;) {
        static const unsigned char RECORD[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4};
        union address who;
        socklen_t len = sizeof(who);
        unsigned char m[1024];
        char name[300];
        ssize_t n = recvfrom(fd, m, 512, 0, &who.any, &len);
        size_t end = n > DNS_HEADER ? read_name(m, (size_t)n, name, sizeof(name)) : 0;
        const char *ip = end > 0 && end <= (size_t)n ? look_up(zone, name) : NULL;

        if (end == 0 || end > (size_t)n) {
            continue;
        }
        (void)printf("%s\n", name);
        (void)fflush(stdout);
        m[2] = 0x81;
        m[3] = (unsigned char)(ip != NULL ? 0x80 : 0x83);
        memset(m + 6, 0, 6);
        if (ip != NULL && m[end - 3] == 1) { /* type A */
            m[7] = 1;
            memcpy(m + end, RECORD, sizeof(RECORD));
            (void)inet_pton(AF_INET, ip, m + end + sizeof(RECORD));
            end += sizeof(RECORD) + 4;
        }
        (void)sendto(fd, m, end, 0, &who.any, len);
    }
}

/* As sd_notify(3) does. */
static void notify(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path != NULL ? path : "");
    if (fd < 0 ||
        sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        fail("notify");
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "notify") == 0) {
        notify(argv[2]);
        return 0;
    }
    if (argc >= 3 && strcmp(argv[1], "dns") == 0) {
        serve_names(listen_on(SOCK_DGRAM, argv[2], "53"), argv + 3);
    }
    if (argc == 3 && strcmp(argv[1], "ping") == 0) {
        ping(argv[2]);
        return 0;
    }
    if (argc == 5) {
        const int udp = strcmp(argv[2], "udp") == 0;
        const int type = udp ? SOCK_DGRAM : SOCK_STREAM;

        if (strcmp(argv[1], "ask") == 0) {
            ask(type, argv[3], argv[4]);
            return 0;
        }
        if (strcmp(argv[1], "serve") == 0 && udp) {
            serve_udp(listen_on(type, argv[3], argv[4]));
        } else if (strcmp(argv[1], "serve") == 0) {
            (void)signal(SIGCHLD, SIG_IGN);
            serve_tcp(listen_on(type, argv[3], argv[4]));
        }
    }
    (void)fprintf(stderr, "usage: see the top of netprobe.c\n");
    return 2;
}
