/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on what is installed, on the host's settings and on how the user logged in. */
#include "base/cleanup.h"
#include "box/cgroup.h"
#include "box/storage.h"
#include "cli/probe_rows.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    PROCESSES_FEW = 256,
    FILES_FEW = 1024
};

/* ---- helpers and devices */

void probe_slirp(const struct probe_host *h, struct probe_result *r)
{
    autofree char *path = NULL;
    struct err e = {0};

    (void)h;
    if (proc_find("slirp4netns", &path, &e) < 0) {
        probe_set(r, PROBE_FAIL, xstrdup("slirp4netns is not installed"));
    } else {
        probe_set(r, PROBE_OK, steal_ptr(&path));
    }
}

void probe_tun(const struct probe_host *h, struct probe_result *r)
{
    static const char PATH[] = "/dev/net/tun";
    autoclose int fd = open(PATH, O_RDWR | O_CLOEXEC);

    (void)h;
    probe_set(r, fd < 0 ? PROBE_FAIL : PROBE_OK,
              fd < 0 ? xasprintf("%s: %s", PATH, strerror(errno))
                     : xasprintf("%s can be opened", PATH));
}

void probe_fuse(const struct probe_host *h, struct probe_result *r)
{
    struct err e = {0};
    int lacks = storage_check_fuse(&e) < 0;

    probe_set(r, lacks ? probe_lack(h) : PROBE_OK,
              xstrdup(lacks ? e.msg : "installed, and /dev/fuse can be opened"));
}

/* ---- network */

void probe_ping(const struct probe_host *h, struct probe_result *r)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    unsigned long low = 1;
    unsigned long high = 0;

    (void)h;
    (void)file_read(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", 64, &text, NULL, &ignored);
    (void)(text != NULL && sscanf(text, "%lu %lu", &low, &high));
    probe_set(r, getegid() >= low && getegid() <= high ? PROBE_OK : PROBE_WARN,
              xasprintf("groups %lu to %lu may send pings, yours is %u", low, high, getegid()));
}

/* The lowest published port that the caller may not listen on, or 0. */
static unsigned int reserved_port(const struct spec *wanted, long start)
{
    unsigned int lowest = 0;

    for (size_t i = 0; wanted != NULL && i < wanted->box.network.port_count; i++) {
        unsigned int port = wanted->box.network.ports[i].host_port;

        if (port > 0 && port < start && (lowest == 0 || port < lowest)) {
            lowest = port;
        }
    }
    return lowest;
}

void probe_ports(const struct probe_host *h, struct probe_result *r)
{
    long start =
        geteuid() == 0 ? 1 : probe_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024);
    unsigned int reserved = reserved_port(h->wanted, start);
    int lacks = h->wanted != NULL ? reserved > 0 : start > 80;

    r->fix_arg0 = xasprintf("%u", reserved > 0 ? reserved : 80);
    probe_set(r, lacks ? probe_lack(h) : PROBE_OK,
              xasprintf("ports from %ld on can be published", start));
}

/* ---- limits */

void probe_cgroup(const struct probe_host *h, struct probe_result *r)
{
    struct statfs fs;
    int unified = statfs("/sys/fs/cgroup", &fs) == 0 && (uint32_t)fs.f_type == CGROUP2_SUPER_MAGIC;

    probe_set(r, unified ? PROBE_OK : probe_lack(h),
              xstrdup(unified ? "cgroup v2"
                              : "the controllers are on cgroup v1: no limits but --pids-limit"));
}

void probe_controllers(const struct probe_host *h, struct probe_result *r)
{
    char *found = NULL;
    struct err e = {0};

    if (cgroup_check(h->wanted, &found, &e) < 0) {
        autofree char *had = found;

        probe_take_fix(r, &e); /* without the unified hierarchy another one */
        probe_set(r, probe_lack(h),
                  xasprintf("%s%s%s", e.msg, had != NULL ? "; " : "", had != NULL ? had : ""));
        return;
    }
    probe_set(r, PROBE_OK, found);
}

/* ---- the session */

void probe_bus(const struct probe_host *h, struct probe_result *r)
{
    autofree char *path = xasprintf("/run/user/%u/bus", geteuid());
    const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");

    r->fix_arg0 = probe_user();
    if (geteuid() == 0) {
        int has_bus = access("/run/dbus/system_bus_socket", F_OK) == 0;

        probe_set(r, has_bus ? PROBE_OK : probe_lack(h),
                  xstrdup(has_bus ? "root uses the system's manager"
                                  : "no bus at /run/dbus/system_bus_socket: limits need one"));
        return;
    }
    if (address != NULL || access(path, W_OK) == 0) {
        probe_set(r, PROBE_OK, xstrdup(address != NULL ? address : path));
        return;
    }
    probe_set(r, h->wanted != NULL && cgroup_wanted(h->wanted) ? PROBE_FAIL : PROBE_WARN,
              xasprintf("no bus at %s: limits need one", path));
}

void probe_runtime_dir(const struct probe_host *h, struct probe_result *r)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    struct stat st;

    (void)h;
    if (dir == NULL) {
        probe_set(r, PROBE_OK, xstrdup("not set; rbox makes do"));
    } else if (stat(dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 0077) != 0) {
        probe_set(
            r, PROBE_WARN,
            xasprintf("XDG_RUNTIME_DIR is '%s', which is not a private folder of yours", dir));
    } else {
        probe_set(r, PROBE_OK, xstrdup(dir));
    }
}

void probe_linger(const struct probe_host *h, struct probe_result *r)
{
    autofree char *name = probe_user();
    autofree char *path = xasprintf("/var/lib/systemd/linger/%s", name);
    int has_logind = access("/run/systemd/system", F_OK) == 0;
    int stays = geteuid() == 0 || !has_logind || access(path, F_OK) == 0;

    (void)h;
    r->fix_arg0 = steal_ptr(&name);
    probe_set(r, stays ? PROBE_OK : PROBE_WARN,
              xstrdup(stays ? "what you start stays"
                            : "systemd may end your containers when you log out"));
}

/* What a container asks for that the caller's hard limits do not allow, for prlimit(1); NULL:
 * nothing. The caller owns it. */
static char *limits_too_low(const struct spec *wanted)
{
    static const struct spec_rlimit ANY[] = {
        {.resource = RLIMIT_NPROC, .soft = PROCESSES_FEW, .hard = PROCESSES_FEW},
        {.resource = RLIMIT_NOFILE, .soft = FILES_FEW, .hard = FILES_FEW}};
    const size_t any_count = sizeof(ANY) / sizeof(ANY[0]);
    size_t asked = wanted != NULL ? wanted->process.rlimit_count : 0;
    struct buf b = {0};

    for (size_t i = 0; i < any_count + asked; i++) {
        const struct spec_rlimit *l =
            i < any_count ? &ANY[i] : &wanted->process.rlimits[i - any_count];
        struct rlimit have = {.rlim_max = RLIM_INFINITY};

        (void)getrlimit((__rlimit_resource_t)l->resource, &have);
        if ((i < any_count || l->asked) && have.rlim_max < l->hard) {
            autofree char *text = spec_rlimit_text(l);

            buf_printf(&b, "%s--%s", b.len > 0 ? " " : "", text);
        }
    }
    return b.data;
}

void probe_rlimits(const struct probe_host *h, struct probe_result *r)
{
    r->fix_arg0 = limits_too_low(h->wanted);
    probe_set(r, r->fix_arg0 == NULL ? PROBE_OK : probe_lack(h),
              r->fix_arg0 == NULL ? xstrdup("enough processes and open files")
                                  : xasprintf("your hard limits are lower than %s", r->fix_arg0));
}

void probe_outer(const struct probe_host *h, struct probe_result *r)
{
    autofree char *status = NULL;
    struct err ignored = {0};
    int filtered = 0;

    (void)h;
    (void)file_read(AT_FDCWD, "/proc/self/status", 65536, &status, NULL, &ignored);
    filtered = status != NULL && strstr(status, "\nSeccomp:\t2") != NULL;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        probe_set(r, PROBE_WARN, xstrdup("no_new_privs is set: newuidmap cannot work"));
    } else {
        probe_set(r, filtered ? PROBE_WARN : PROBE_OK,
                  xstrdup(filtered ? "a system call filter is on: this is inside another container"
                                   : "not inside another container's filter"));
    }
}
