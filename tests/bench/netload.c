/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of what tests/bench/net measures but iperf3 does not; static, so that it runs in any
 * root.
 *
 *   netload serve PORT                  "GET …": one short answer and the end; else an echo
 *   netload requests ADDRESS PORT N     N short requests, 8 at a time, each on a connection of its
 *                                       own; prints how many a second
 *   netload stop ADDRESS PORT           end the server
 *   netload latency ADDRESS PORT N      N times a byte there and back; prints the median in µs */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS = 8,
    CONNECTIONS_MAX = 64
};
static const char STOP[] = "stop";
static const char REQUEST[] = "GET / HTTP/1.0\r\n\r\n";
static const char ANSWER[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- the server: one process, so that forking is not what is measured */

static int serve_one(int fd)
{
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

    if (n <= 0) {
        return 0;
    }
    if (n == sizeof(STOP) - 1 && memcmp(bytes, STOP, sizeof(STOP) - 1) == 0) {
        exit(0);
    }
    if (n >= 4 && memcmp(bytes, "GET ", 4) == 0) {
        (void)send(fd, ANSWER, sizeof(ANSWER) - 1, MSG_NOSIGNAL);
        return 0;
    }
    return send(fd, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static _Noreturn void serve(int port)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct pollfd p[CONNECTIONS_MAX + 1] = {
        {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN}};
    const int on = 1;
    nfds_t count = 1;

    (void)setsockopt(p[0].fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(p[0].fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(p[0].fd, 512) < 0) {
        fail("listen");
    }
    (void)printf("listening\n");
    (void)fflush(stdout);
    for (;;) {
        (void)poll(p, count, -1);
        for (nfds_t i = count - 1; i > 0; i--) {
            if (p[i].revents != 0 && !serve_one(p[i].fd)) {
                (void)close(p[i].fd);
                p[i] = p[--count];
            }
        }
        if (p[0].revents != 0 && count <= CONNECTIONS_MAX) {
            p[count].fd = accept(p[0].fd, NULL, NULL);
            p[count].events = POLLIN;
            p[count].revents = 0;
            (void)setsockopt(p[count].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            count++;
        }
    }
}

/* ---- clients */

static int connect_to(const char *address, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)inet_pton(AF_INET, address, &a.sin_addr);
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        fail("connect");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void request(const char *address, int port)
{
    char bytes[256];
    size_t got = 0;
    ssize_t n = 0;
    int fd = connect_to(address, port);

    (void)send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL);
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        got += (size_t)n;
    }
    if (got != sizeof(ANSWER) - 1) {
        (void)fprintf(stderr, "an answer of %zu bytes\n", got);
        exit(1);
    }
    (void)close(fd);
}

static void requests(const char *address, int port, int count)
{
    const double start = now_us();
    int failed = 0;
    int status = 0;

    for (int i = 0; i < CLIENTS; i++) {
        if (fork() == 0) {
            for (int k = 0; k < count / CLIENTS; k++) {
                request(address, port);
            }
            exit(0);
        }
    }
    while (wait(&status) > 0) {
        failed += status != 0;
    }
    if (failed > 0) {
        exit(1);
    }
    (void)printf("%.0f\n", count / ((now_us() - start) / 1e6));
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void latency(const char *address, int port, int count)
{
    double *took = calloc((size_t)count, sizeof(*took));
    int fd = connect_to(address, port);
    char byte = 'x';

    for (int i = 0; took != NULL && i < count; i++) {
        const double start = now_us();

        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1) {
            fail("echo");
        }
        took[i] = now_us() - start;
    }
    if (took != NULL) {
        qsort(took, (size_t)count, sizeof(*took), by_value);
        (void)printf("%.1f\n", took[count / 2]);
    }
    free(took);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        serve(atoi(argv[2]));
    }
    if (argc == 4 && strcmp(argv[1], "stop") == 0) {
        (void)send(connect_to(argv[2], atoi(argv[3])), STOP, sizeof(STOP) - 1, MSG_NOSIGNAL);
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "requests") == 0) {
        requests(argv[2], atoi(argv[3]), atoi(argv[4]));
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "latency") == 0) {
        latency(argv[2], atoi(argv[3]), atoi(argv[4]));
        return 0;
    }
    (void)fprintf(stderr, "usage: see the top of netload.c\n");
    return 2;
}
