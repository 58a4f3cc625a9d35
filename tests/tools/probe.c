/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static, for use inside a container.
 *
 *   probe denied    one call after another that the defaults deny, each with its errno: what
 *                   `rbox run --explain` must name */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *name, long r)
{
    printf("%s %s\n", name, r < 0 ? strerrorname_np(errno) : "ok");
}

static long reach(int type, const char *ip, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    long r = -1;

    (void)inet_pton(AF_INET, ip, &a.sin_addr);
    r = type == SOCK_STREAM ? connect(fd, (struct sockaddr *)&a, sizeof(a))
                            : sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
    (void)close(fd);
    return r;
}

static int denied(void)
{
    char zero[256] = {0};

    for (int i = 0; i < 3; i++) {
        say("io_uring_setup", syscall(SYS_io_uring_setup, 1, zero));
    }
    say("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    say("unshare", unshare(CLONE_NEWUSER));
    say("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    say("raw", socket(AF_INET, SOCK_RAW, 1));
    say("tiocsti", ioctl(0, TIOCSTI, "a"));
    say("tiocsti-high", syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, "a"));
    say("keyctl", syscall(SYS_keyctl, 0, 0, 0));
    say("clone3", syscall(SYS_clone3, zero, 64));
    say("unknown", syscall(999));
    say("masked", open("/proc/timer_list", O_RDONLY));
    (void)chdir("/proc/sys/kernel");
    say("read-only", open("hostname", O_WRONLY));
    say("new-file", open("/etc/new", O_WRONLY | O_CREAT, 0600));
    say("chown", chown("/tmp", 33, 33));
    say("setuid", setuid(33));
    say("tcp", reach(SOCK_STREAM, "192.0.2.1", 80));
    say("udp", reach(SOCK_DGRAM, "192.0.2.1", 53));
    say("host", reach(SOCK_STREAM, "10.0.2.2", 9));
    say("device", mknod("/tmp/device", S_IFCHR | 0600, 0x103));
    return 0;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "denied") == 0) {
        return denied();
    }
    (void)fprintf(stderr, "usage: probe denied\n");
    return 2;
}
