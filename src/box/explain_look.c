/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that the profile allows and something else may deny; declared in explain.h.
 *
 * What they point to is read from the memory of a process of the container: foreign bytes, which
 * another thread may change the next moment. They are good for a line of text and for nothing
 * else. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/caps.h"
#include "box/explain.h"
#include "box/net.h"
#include "box/signals.h"
#include "spec/spec_parse.h"
#include "sys/compat.h"
#include "sys/fd.h"
#include "sys/netlink.h"
#include "sys/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct look {
    struct explain *x;
    const struct spec *spec;
    const struct seccomp_notif *n;
};

/* ---- what the process has */

/* Returns how many bytes could be read. */
static size_t read_memory(const struct look *l, uint64_t address, void *data, size_t len)
{
    struct iovec local = {.iov_base = data, .iov_len = len};
    struct iovec remote = {.iov_len = len};
    uintptr_t at = (uintptr_t)address;
    ssize_t n = 0;

    memcpy(&remote.iov_base, &at, sizeof(at)); /* an address over there, no pointer here */
    n = process_vm_readv((pid_t)l->n->pid, &local, 1, &remote, 1, 0);
    return n > 0 ? (size_t)n : 0;
}

/* Page by page: what follows a string need not be there. */
static int read_string(const struct look *l, uint64_t address, char text[PATH_MAX])
{
    size_t len = 0;

    while (len < PATH_MAX) {
        size_t left = 4096 - (address + len) % 4096;
        size_t n = read_memory(l, address + len, text + len,
                               left < PATH_MAX - len ? left : PATH_MAX - len);

        if (n == 0) {
            return -EFAULT;
        }
        if (memchr(text + len, '\0', n) != NULL) {
            return 0;
        }
        len += n;
    }
    return -ENAMETOOLONG;
}

/* Of its main thread only: another one has no pidfd. */
static pid_t host_pid(const struct look *l)
{
    autoclose int pidfd = proc_open((pid_t)l->n->pid);

    return pidfd < 0 ? -1 : signals_host_pid(pidfd);
}

/* Row @key of /proc/PID/status: four ids as this namespace has them. */
static int read_ids(const struct look *l, const char *key, unsigned int ids[4])
{
    autofree char *path = xasprintf("/proc/%d/status", (int)host_pid(l));
    autofree char *text = NULL;
    struct err ignored = {0};
    const char *row = NULL;

    if (file_read(AT_FDCWD, path, 65536, &text, NULL, &ignored) < 0) {
        return -ESRCH;
    }
    row = strstr(text, key);
    return row != NULL &&
                   sscanf(row + strlen(key), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4
               ? 0
               : -EINVAL;
}

/* ---- paths */

/* Where the name at @address leads, links aside. NULL: not to be told. The caller owns it. */
static char *absolute_path(const struct look *l, int dir_fd, uint64_t address)
{
    char text[PATH_MAX];
    char folder[PATH_MAX];
    autofree char *link = NULL;
    autofree char *joined = NULL;
    ssize_t len = 0;

    if (read_string(l, address, text) < 0) {
        return NULL;
    }
    if (text[0] == '/') {
        return spec_clean_path(text);
    }
    link = dir_fd == AT_FDCWD ? xasprintf("/proc/%d/cwd", (int)host_pid(l))
                              : xasprintf("/proc/%d/fd/%d", (int)host_pid(l), dir_fd);
    len = readlink(link, folder, sizeof(folder) - 1);
    if (len <= 0 || folder[0] != '/') {
        return NULL;
    }
    folder[len] = '\0';
    joined = xasprintf("%s/%s", folder, text);
    return spec_clean_path(joined);
}

/* The row of @list that @path is at or below; the kernel's files are the host's, too, so that what
 * is not there is not said to be hidden. */
static const char *find_protected(const struct strv *list, const char *path)
{
    for (size_t i = 0; i < list->len; i++) {
        if (fnmatch(list->v[i], path, FNM_PATHNAME | FNM_LEADING_DIR) == 0 &&
            faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
            return list->v[i];
        }
    }
    return NULL;
}

/* Is writing @path refused by what it is mounted on? */
static void look_at_mount(const struct look *l, const char *path)
{
    static const char *const OTHERS[] = {"/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp"};
    const struct spec_mount *found = NULL;
    autofree char *what = NULL;
    size_t others = l->spec->box.read_only_tmpfs ? 6 : 3;

    for (size_t i = 0; i < l->spec->mount_count; i++) {
        const struct spec_mount *m = &l->spec->mounts[i];

        if (str_is_below(path, m->destination) &&
            (found == NULL || strlen(m->destination) > strlen(found->destination))) {
            found = m;
        }
    }
    if (found != NULL && strv_has(&found->options, "ro")) {
        what = xasprintf("writing to '%s', a read-only path: '%s' is mounted so", path,
                         found->destination);
        explain_count(l->x, what, "-v without :ro");
    }
    for (size_t i = 0; i < others; i++) {
        if (found != NULL || str_is_below(path, OTHERS[i])) {
            return;
        }
    }
    if (l->spec->root_readonly) {
        what = xasprintf("writing to '%s', a read-only path: the root is so", path);
        explain_count(l->x, what, "--tmpfs or -v for its folder, or without --read-only");
    }
}

static void look_at_path(const struct look *l, int dir_fd, uint64_t address, uint64_t flags)
{
    autofree char *path = absolute_path(l, dir_fd, address);
    autofree char *what = NULL;
    autofree char *how = NULL;
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
    const char *found = path == NULL ? NULL : find_protected(&l->spec->linux_.masked_paths, path);

    if (found != NULL) {
        what = xasprintf("'%s', a masked path", path);
    } else if (path != NULL && writes) {
        found = find_protected(&l->spec->linux_.readonly_paths, path);
        what = xasprintf("writing to '%s', a read-only path", path);
    }
    if (found != NULL) {
        how = xasprintf("--security-opt unmask=%s", found);
        explain_count(l->x, what, how);
    } else if (path != NULL && writes) {
        look_at_mount(l, path);
    }
}

static void look_openat(const struct look *l)
{
    const uint64_t *args = (const uint64_t *)l->n->data.args;

    look_at_path(l, (int)args[0], args[1], args[2]);
}

static void look_openat2(const struct look *l)
{
    const uint64_t *args = (const uint64_t *)l->n->data.args;
    uint64_t flags = 0;

    if (read_memory(l, args[2], &flags, sizeof(flags)) == sizeof(flags)) {
        look_at_path(l, (int)args[0], args[1], flags);
    }
}

#ifdef SYS_open
static void look_open(const struct look *l)
{
    look_at_path(l, AT_FDCWD, l->n->data.args[0], l->n->data.args[1]);
}

static void look_creat(const struct look *l)
{
    look_at_path(l, AT_FDCWD, l->n->data.args[0], O_WRONLY | O_CREAT | O_TRUNC);
}
#endif

/* ---- addresses */

/* IPPROTO_… of socket @fd of the process; where it can't be had, @guess. */
static uint8_t protocol_of(const struct look *l, int fd, uint8_t guess)
{
    autoclose int pidfd = proc_open((pid_t)l->n->pid);
    autoclose int socket_fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    int protocol = 0;
    socklen_t len = sizeof(protocol);

    return socket_fd >= 0 && getsockopt(socket_fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0
               ? (uint8_t)protocol
               : guess;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* The words for an address that nothing is sent to. */
static void count_address(const struct look *l, const union address *a, uint8_t protocol, int r)
{
    char host[INET6_ADDRSTRLEN] = "";
    autofree char *place = NULL;
    autofree char *what = NULL;
    autofree char *how = NULL;
    int is_v6 = a->any.sa_family == AF_INET6;

    (void)inet_ntop(a->any.sa_family,
                    is_v6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr, host,
                    sizeof(host));
    place = xasprintf(is_v6 ? "%s[%s]:%u" : "%s%s:%u", protocol == IPPROTO_UDP ? "udp:" : "", host,
                      ntohs(is_v6 ? a->v6.sin6_port : a->v4.sin_port));
    if (r == -EACCES) {
        what = xasprintf("%s, an address that --allow-net does not list", place);
        how = xasprintf("--allow-net %s", place);
    } else if (r == -ENETUNREACH && l->spec->box.network.backend == SPEC_NET_NONE) {
        what = xasprintf("%s, an address outside, by --network none", place);
        how = xstrdup("--network slirp4netns");
    } else if (r == -ECONNREFUSED) {
        what = xasprintf("%s, an address of the host, whose loopback is closed", place);
        how = xstrdup("--network slirp4netns:allow_host_loopback=true");
    }
    if (what != NULL) {
        explain_count(l->x, what, how);
    }
}

static int is_closed_host(const struct spec *s, const union address *a)
{
    const struct net_backend *backend = net_backend(s);
    const char *open = net_option(s, "allow_host_loopback");

    return backend != NULL && a->any.sa_family == AF_INET && !str_eq(open, "true") &&
           backend->info(s).gateway.s_addr == a->v4.sin_addr.s_addr;
}

static void look_at_address(const struct look *l, int fd, uint64_t at, uint64_t len, uint8_t guess)
{
    union address a = {0};
    uint8_t protocol = 0;
    int is_v6 = 0;
    int r = 0;

    len = len < sizeof(a) ? len : sizeof(a);
    if (at == 0 || len < sizeof(a.v4) || read_memory(l, at, &a, len) != len) {
        return;
    }
    is_v6 = a.any.sa_family == AF_INET6;
    if ((!is_v6 && a.any.sa_family != AF_INET) || (is_v6 && len < sizeof(a.v6))) {
        return;
    }
    protocol = protocol_of(l, fd, guess);
    r = netlink_find_route(explain_routes_fd(l->x), a.any.sa_family,
                           is_v6 ? (const uint8_t *)&a.v6.sin6_addr
                                 : (const uint8_t *)&a.v4.sin_addr,
                           protocol, ntohs(is_v6 ? a.v6.sin6_port : a.v4.sin_port));
    r = r == 0 && is_closed_host(l->spec, &a) ? -ECONNREFUSED : r;
    if (r < 0) {
        count_address(l, &a, protocol, r);
    }
}

static void look_connect(const struct look *l)
{
    const uint64_t *args = (const uint64_t *)l->n->data.args;

    look_at_address(l, (int)args[0], args[1], args[2], IPPROTO_TCP);
}

static void look_sendto(const struct look *l)
{
    const uint64_t *args = (const uint64_t *)l->n->data.args;

    look_at_address(l, (int)args[0], args[4], args[5], IPPROTO_UDP);
}

/* ---- capabilities that no option gave */

static void lacks(const struct look *l, const char *call, int cap)
{
    autofree char *what = NULL;
    autofree char *how = NULL;

    if (!caps_has(l->spec->process.capabilities.bounding, cap)) {
        what = xasprintf("%s for lack of %s", call, caps_name(cap));
        how = explain_cap_option(cap);
        explain_count(l->x, what, how);
    }
}

static void look_socket(const struct look *l)
{
    uint32_t family = (uint32_t)l->n->data.args[0];
    uint32_t type = (uint32_t)l->n->data.args[1] & 0xf;

    if (family == AF_PACKET || ((family == AF_INET || family == AF_INET6) && type == SOCK_RAW)) {
        lacks(l, "socket(2) of raw packets", CAP_NET_RAW);
    }
}

static void look_mode(const struct look *l, uint64_t mode)
{
    if (S_ISCHR((mode_t)mode) || S_ISBLK((mode_t)mode)) {
        explain_count(l->x, "mknod(2) of a device, which no user namespace can make",
                      "--device DEVICE");
    }
}

#ifdef SYS_mknod
static void look_mknod(const struct look *l)
{
    look_mode(l, l->n->data.args[1]);
}
#endif

static void look_mknodat(const struct look *l)
{
    look_mode(l, l->n->data.args[2]);
}

static void look_setgroups(const struct look *l)
{
    lacks(l, "setgroups(2)", CAP_SETGID);
}

/* To an id that is none of its own. */
static void look_ids(const struct look *l, const char *call, unsigned int count, int cap)
{
    unsigned int ids[4];

    if (caps_has(l->spec->process.capabilities.bounding, cap) ||
        read_ids(l, cap == CAP_SETGID ? "\nGid:" : "\nUid:", ids) < 0) {
        return;
    }
    for (unsigned int i = 0; i < count; i++) {
        unsigned int id = (unsigned int)l->n->data.args[i];

        if (id != UINT_MAX && id != ids[0] && id != ids[1] && id != ids[2]) {
            lacks(l, call, cap);
            return;
        }
    }
}

static void look_setuid(const struct look *l)
{
    look_ids(l, "setuid(2)", 1, CAP_SETUID);
}

static void look_setreuid(const struct look *l)
{
    look_ids(l, "setreuid(2)", 2, CAP_SETUID);
}

static void look_setresuid(const struct look *l)
{
    look_ids(l, "setresuid(2)", 3, CAP_SETUID);
}

static void look_setgid(const struct look *l)
{
    look_ids(l, "setgid(2)", 1, CAP_SETGID);
}

static void look_setregid(const struct look *l)
{
    look_ids(l, "setregid(2)", 2, CAP_SETGID);
}

static void look_setresgid(const struct look *l)
{
    look_ids(l, "setresgid(2)", 3, CAP_SETGID);
}

/* Another owner than oneself always needs the capability. */
static void look_owner(const struct look *l, uint64_t uid)
{
    unsigned int ids[4];

    if (!caps_has(l->spec->process.capabilities.bounding, CAP_CHOWN) &&
        (unsigned int)uid != UINT_MAX && read_ids(l, "\nUid:", ids) == 0 &&
        ids[3] != (unsigned int)uid) {
        lacks(l, "chown(2)", CAP_CHOWN);
    }
}

static void look_chown(const struct look *l)
{
    look_owner(l, l->n->data.args[1]);
}

static void look_fchownat(const struct look *l)
{
    look_owner(l, l->n->data.args[2]);
}

/* ---- the table */

static const struct {
    int number;
    void (*look)(const struct look *l);
} WATCHED[] = {
#ifdef SYS_open
    {SYS_open, look_open},           {SYS_creat, look_creat},     {SYS_mknod, look_mknod},
    {SYS_chown, look_chown},         {SYS_lchown, look_chown},
#endif
    {SYS_openat, look_openat},       {SYS_openat2, look_openat2}, {SYS_connect, look_connect},
    {SYS_sendto, look_sendto},       {SYS_socket, look_socket},   {SYS_mknodat, look_mknodat},
    {SYS_setgroups, look_setgroups}, {SYS_setuid, look_setuid},   {SYS_setreuid, look_setreuid},
    {SYS_setresuid, look_setresuid}, {SYS_setgid, look_setgid},   {SYS_setregid, look_setregid},
    {SYS_setresgid, look_setresgid}, {SYS_fchown, look_chown},    {SYS_fchownat, look_fchownat},
};
enum {
    WATCHED_COUNT = sizeof(WATCHED) / sizeof(WATCHED[0])
};
_Static_assert(WATCHED_COUNT <= (size_t)EXPLAIN_WATCHED_MAX, "explain_watched() has room for all");

size_t explain_watched(int ret[EXPLAIN_WATCHED_MAX])
{
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        ret[i] = WATCHED[i].number;
    }
    return WATCHED_COUNT;
}

void explain_look(struct explain *x, const struct spec *s, const struct seccomp_notif *n)
{
    const struct look l = {.x = x, .spec = s, .n = n};

    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        if (WATCHED[i].number == n->data.nr) {
            WATCHED[i].look(&l);
            return;
        }
    }
}
