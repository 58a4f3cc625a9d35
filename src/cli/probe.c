/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe_rows.h"

#include "base/cleanup.h"
#include "box/cgroup.h"
#include "box/storage.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/subid.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    IDS_WANTED = 65536,
    FILE_BYTES_MAX = 16 << 20,
    SPACE_LOW_BYTES = 200 << 20
};

void probe_set(struct probe_result *r, enum probe_level level, char *evidence)
{
    r->level = level;
    r->evidence = evidence;
}

long probe_number(const char *path, long missing)
{
    autofree char *text = NULL;
    struct err ignored = {0};

    return file_read(AT_FDCWD, path, 64, &text, NULL, &ignored) < 0 ? missing
                                                                    : strtol(text, NULL, 10);
}

char *probe_user(void)
{
    const struct passwd *p = getpwuid(geteuid());

    return p != NULL ? xstrdup(p->pw_name) : xasprintf("%u", geteuid());
}

enum probe_level probe_lack(const struct probe_host *h)
{
    return h->wanted != NULL ? PROBE_FAIL : PROBE_WARN;
}

/* ---- user namespaces and ids */

static void probe_userns(const struct probe_host *h, struct probe_result *r)
{
    long limit = probe_number("/proc/sys/user/max_user_namespaces", -1);
    long clone = probe_number("/proc/sys/kernel/unprivileged_userns_clone", 1);
    int off = limit == 0 || (clone == 0 && geteuid() != 0);

    (void)h;
    probe_set(r, off ? PROBE_FAIL : PROBE_OK,
              xasprintf("user.max_user_namespaces = %ld%s", limit,
                        clone == 0 ? ", kernel.unprivileged_userns_clone = 0" : ""));
}

/* The errno with which this program is refused a user namespace; 0: it can have one. */
static int try_userns(void)
{
    autoclose int pidfd = -1;
    struct err e = {0};
    int status = 0;
    pid_t pid = ns_clone(CLONE_NEWUSER, -1, &pidfd, &e);

    if (pid == 0) {
        _exit(0);
    }
    if (pid > 0) {
        (void)proc_wait(pidfd, PROC_FOREVER, &status, &e);
    }
    return e.errnum;
}

static void probe_chroot(const struct probe_host *h, struct probe_result *r)
{
    int is_chroot = ns_is_chroot(try_userns());

    (void)h;
    probe_set(r, is_chroot ? PROBE_FAIL : PROBE_OK,
              xstrdup(is_chroot ? "you are in a chroot" : "no chroot"));
}

static void probe_apparmor(const struct probe_host *h, struct probe_result *r)
{
    long restricts = probe_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0);
    int is_denied = try_userns() == EACCES;
    autofree char *label = NULL;
    struct err ignored = {0};

    (void)h;
    if (restricts == 0 && !is_denied) {
        probe_set(r, PROBE_OK, xstrdup("not restricted"));
        return;
    }
    (void)file_read(AT_FDCWD, "/proc/self/attr/current", 4096, &label, NULL, &ignored);
    if (label != NULL) {
        label[strcspn(label, "\n")] = '\0';
    }
    probe_set(
        r, is_denied || label == NULL || strcmp(label, "unconfined") == 0 ? PROBE_FAIL : PROBE_OK,
        xasprintf("%s, and this program runs as '%s'", is_denied ? "denied" : "restricted",
                  label != NULL ? label : "?"));
}

static void probe_helpers(const struct probe_host *h, struct probe_result *r)
{
    struct err e = {0};

    (void)h;
    if (geteuid() == 0) {
        probe_set(r, PROBE_OK, xstrdup("not needed by root"));
    } else if (subid_check_helpers(&e) < 0) {
        probe_set(r, PROBE_WARN, xstrdup(e.msg));
    } else {
        probe_set(r, PROBE_OK, xstrdup("newuidmap and newgidmap are setuid root"));
    }
}

/* First id from which 65536 are free, for the command that gives them. */
static unsigned int free_start(void)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    unsigned int next = 100000;
    char *save = NULL;

    if (file_read(AT_FDCWD, "/etc/subuid", 16 << 20, &text, NULL, &ignored) < 0) {
        return next;
    }
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned int first = 0;
        unsigned int count = 0;

        if (sscanf(line, "%*[^:]:%u:%u", &first, &count) == 2 && first + count > next) {
            next = first + count;
        }
    }
    return next;
}

static void probe_subids(const struct probe_host *h, struct probe_result *r)
{
    struct subid ids = {0};
    struct err e = {0};
    uint64_t uids = 0;
    uint64_t gids = 0;

    (void)h;
    r->fix_arg0 = probe_user();
    r->fix_arg1 = xasprintf("%u-%u", free_start(), free_start() + IDS_WANTED - 1);
    if (subid_find(geteuid(), &ids, &e) < 0) {
        probe_set(r, PROBE_FAIL, xstrdup(e.msg));
        return;
    }
    for (size_t i = 0; i < ids.uid_count; i++) {
        uids += ids.uids[i].count;
    }
    for (size_t i = 0; i < ids.gid_count; i++) {
        gids += ids.gids[i].count;
    }
    probe_set(r, uids >= IDS_WANTED && gids >= IDS_WANTED ? PROBE_OK : PROBE_WARN,
              xasprintf("%llu user and %llu group ids for '%s'", (unsigned long long)uids,
                        (unsigned long long)gids, ids.owner != NULL ? ids.owner : r->fix_arg0));
    subid_done(&ids);
}

/* The line of /etc/subuid or /etc/subgid that gives another user ids of @ranges, or NULL. */
static char *overlapping_line(const char *path, const char *owner, const struct subid_range *ranges,
                              size_t count)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    char *save = NULL;
    size_t len = strlen(owner);

    if (file_read(AT_FDCWD, path, FILE_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return NULL;
    }
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned long first = 0;
        unsigned long size = 0;

        if ((strncmp(line, owner, len) == 0 && line[len] == ':') ||
            sscanf(line, "%*[^:]:%lu:%lu", &first, &size) != 2) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (first < (unsigned long)ranges[i].first + ranges[i].count &&
                ranges[i].first < first + size) {
                return xasprintf("%s: %s", path, line);
            }
        }
    }
    return NULL;
}

/* usermod's options that give up range @old and take a free one. The caller owns it. */
static char *exchange(const struct subid_range *old)
{
    autofree char *from = xasprintf("%u-%u", old->first, old->first + old->count - 1);
    autofree char *to = xasprintf("%u-%u", free_start(), free_start() + IDS_WANTED - 1);

    return xasprintf("--del-subuids %s --del-subgids %s --add-subuids %s --add-subgids %s", from,
                     from, to, to);
}

static void probe_overlap(const struct probe_host *h, struct probe_result *r)
{
    autofree char *line = NULL;
    struct subid ids = {0};
    struct err e = {0};

    (void)h;
    if (subid_find(geteuid(), &ids, &e) < 0 || ids.uid_count == 0) {
        subid_done(&ids);
        probe_set(r, e.errnum != 0 ? PROBE_FAIL : PROBE_OK,
                  xstrdup(e.errnum != 0 ? e.msg : "you have none"));
        return;
    }
    r->fix_arg0 = xstrdup(ids.owner);
    r->fix_arg1 = exchange(&ids.uids[0]);
    line = overlapping_line("/etc/subuid", ids.owner, ids.uids, ids.uid_count);
    line =
        line != NULL ? line : overlapping_line("/etc/subgid", ids.owner, ids.gids, ids.gid_count);
    probe_set(r, line != NULL ? PROBE_WARN : PROBE_OK,
              line != NULL ? xasprintf("also another's: %s", line)
                           : xstrdup("nobody else's range has yours"));
    subid_done(&ids);
}

/* ---- a trial: what a run does first, in a process that then ends */

static int mount_trial(void *arg, struct err *e)
{
    autoclose int fd = -1;
    const char *type = arg;

    if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET) < 0) {
        return err_set(e, errno, "cannot create namespaces");
    }
    return mount_new(type, NULL, 0, &fd, e);
}

/* proc wants a PID namespace of its own, which a process gets with its next child. */
static int proc_trial(void *arg, struct err *e)
{
    int pidfd = -1;
    pid_t pid = ns_clone(CLONE_NEWPID | CLONE_NEWNS, -1, &pidfd, e);
    int status = 0;

    (void)arg;
    if (pid == 0) {
        autoclose int fd = -1;

        _exit(mount_new("proc", NULL, 0, &fd, e) < 0 ? -e->errnum : 0);
    }
    if (pid < 0) {
        return (int)pid;
    }
    if (proc_wait(pidfd, PROC_FOREVER, &status, e) < 0) {
        return -e->errnum;
    }
    return status == 0 ? 0 : err_new(e, EPERM, "a fresh proc cannot be mounted here");
}

static void trial(userns_job *job, void *arg, const char *good, struct probe_result *r)
{
    struct spec s = {0};
    struct err e = {0};
    int result = userns_own_maps(&s, &e);

    result = result < 0 ? result
                        : userns_run(&s.linux_.uid_mappings, &s.linux_.gid_mappings, job, arg, &e);
    probe_set(r, result < 0 ? PROBE_FAIL : PROBE_OK, xstrdup(result < 0 ? e.msg : good));
    spec_done(&s);
}

static void probe_namespaces(const struct probe_host *h, struct probe_result *r)
{
    static char type[] = "tmpfs";

    (void)h;
    trial(mount_trial, type, "user, mount, pid, ipc and network namespaces can be created", r);
}

static void probe_proc(const struct probe_host *h, struct probe_result *r)
{
    (void)h;
    trial(proc_trial, NULL, "a fresh proc can be mounted", r);
}

static void probe_overlay(const struct probe_host *h, struct probe_result *r)
{
    struct utsname u = {0};
    int major = 0;
    int minor = 0;

    (void)h;
    (void)uname(&u);
    (void)sscanf(u.release, "%d.%d", &major, &minor);
    probe_set(r, major > 5 || (major == 5 && minor >= 11) ? PROBE_OK : PROBE_WARN,
              xasprintf("Linux %s", u.release));
}

/* ---- the store */

static void probe_store(const struct probe_host *h, struct probe_result *r)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } REMOTE[] = {{NFS_SUPER_MAGIC, "NFS"}, {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"}};
    struct statfs fs;

    if (h->store == NULL) {
        probe_set(r, PROBE_FAIL, xstrdup(h->store_error->msg));
        return;
    }
    if (fstatfs(h->store->dir_fd, &fs) < 0) {
        probe_set(r, PROBE_FAIL,
                  xasprintf("cannot examine '%s': %s", h->store->path, strerror(errno)));
        return;
    }
    for (size_t i = 0; i < sizeof(REMOTE) / sizeof(REMOTE[0]); i++) {
        if ((uint32_t)fs.f_type == REMOTE[i].magic) {
            probe_set(r, PROBE_WARN,
                      xasprintf("'%s' is on %s, which cannot hold owners", h->store->path,
                                REMOTE[i].name));
            return;
        }
    }
    probe_set(
        r, (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < SPACE_LOW_BYTES ? PROBE_WARN : PROBE_OK,
        xasprintf("'%s', %llu MB free", h->store->path,
                  (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize >> 20));
}

/* A driver that is asked for must work; one that is found is told, with the reason. */
static void probe_storage(const struct probe_host *h, struct probe_result *r)
{
    struct spec s = {0};
    struct err e = {0};
    const char *driver = NULL;
    autofree char *reason = NULL;
    int found = 0;

    if (h->store == NULL) {
        probe_set(r, PROBE_WARN, xstrdup("there is no store to try it in"));
        return;
    }
    found = userns_own_maps(&s, &e);
    found =
        found < 0 ? found : storage_find(h->store, &s, /* try_again= */ 1, &driver, &reason, &e);
    spec_done(&s);
    if (found < 0) {
        probe_set(r, PROBE_FAIL, xstrdup(e.msg));
    } else {
        probe_set(
            r, reason == NULL ? PROBE_OK : PROBE_WARN,
            xasprintf("%s%s%s", driver, reason != NULL ? ": " : "", reason != NULL ? reason : ""));
    }
}

/* ---- which a container needs */

static int needs_never(const struct spec *s)
{
    (void)s;
    return 0;
}

static int needs_slirp(const struct spec *s)
{
    return s->box.network.backend == SPEC_NET_SLIRP4NETNS;
}

static int needs_ports(const struct spec *s)
{
    return s->box.network.port_count > 0;
}

static int needs_bus(const struct spec *s)
{
    return cgroup_wanted(s) || s->box.detach;
}

static int needs_linger(const struct spec *s)
{
    return s->box.detach;
}

/* ---- the table */

static const struct probe PROBES[] = {
    {HINT_KERNEL_OVERLAY, "overlay in user namespaces", probe_overlay, NULL, PROBE_ALWAYS},
    {HINT_USERNS_LIMIT, "user namespaces", probe_userns, NULL, PROBE_ALWAYS},
    {HINT_CHROOT, "the root folder", probe_chroot, NULL, PROBE_ALWAYS},
    {HINT_APPARMOR_USERNS, "AppArmor", probe_apparmor, NULL, PROBE_ALWAYS},
    {HINT_NEWIDMAP, "id map helpers", probe_helpers, NULL, PROBE_ALWAYS},
    {HINT_SUBID, "subordinate ids", probe_subids, NULL, PROBE_ALWAYS},
    {HINT_SUBID_OVERLAP, "others' subordinate ids", probe_overlap, NULL, PROBE_ALWAYS},
    {HINT_SUBID_SOURCE, "their source", probe_subid_source, NULL, PROBE_ALWAYS},
    {HINT_TRIAL, "a trial of all namespaces", probe_namespaces, NULL, PROBE_ALWAYS},
    {HINT_PROC_MASKED, "/proc", probe_proc, NULL, PROBE_ALWAYS},
    {HINT_STORE_FS, "the store", probe_store, NULL, PROBE_ALWAYS},
    {HINT_OVERLAY, "storage driver", probe_storage, NULL, PROBE_ALWAYS},
    {HINT_FUSE, "fuse-overlayfs", probe_fuse, needs_never,
     PROBE_ALWAYS}, /* the driver's row says it */
    {HINT_NET_HELPER, "slirp4netns", probe_slirp, needs_slirp, PROBE_ALWAYS},
    {HINT_TUN, "/dev/net/tun", probe_tun, needs_slirp, PROBE_ALWAYS},
    {HINT_PING, "ping to the outside", probe_ping, needs_slirp, PROBE_ALWAYS},
    {HINT_LOW_PORT, "low ports", probe_ports, needs_ports, PROBE_ALWAYS},
    {HINT_CGROUP_V1, "cgroups", probe_cgroup, cgroup_wanted, PROBE_ALWAYS},
    {HINT_CONTROLLER, "limits", probe_controllers, cgroup_wanted, PROBE_ALWAYS},
    {HINT_NO_BUS, "the user's systemd", probe_bus, needs_bus, PROBE_ALWAYS},
    {HINT_RUNTIME_DIR, "runtime folder", probe_runtime_dir, NULL, PROBE_ALWAYS},
    {HINT_LINGER, "after the logout", probe_linger, needs_linger, PROBE_ALWAYS},
    {HINT_SOURCE_PATH, "paths of the host", probe_sources, NULL, PROBE_FOR_CONTAINER},
    {HINT_GROUP_PATH, "paths by groups", probe_group_paths, NULL, PROBE_FOR_CONTAINER},
    {HINT_RLIMIT, "resource limits", probe_rlimits, NULL, PROBE_ALWAYS},
    {HINT_OUTER_SECCOMP, "outer container", probe_outer, NULL, PROBE_ALWAYS},
    {HINT_SELINUX, "SELinux", probe_selinux, NULL, PROBE_ALWAYS},
    {HINT_LANDLOCK, "Landlock", probe_landlock, NULL, PROBE_ALWAYS},
    {HINT_LEFTOVERS, "leftovers", probe_leftovers, NULL, PROBE_ALWAYS},
    {HINT_FOREIGN_ARCH, "other processors", probe_emulators, NULL, PROBE_ALWAYS},
    {HINT_BOOT_ID, "this boot", probe_boot_id, NULL, PROBE_ALWAYS},
    {HINT_REGISTRY, "the registry", probe_registry, NULL, PROBE_FOR_REGISTRY},
};

const struct probe *probe_at(size_t i)
{
    return i < sizeof(PROBES) / sizeof(PROBES[0]) ? &PROBES[i] : NULL;
}

int probe_run(const struct probe *p, const struct probe_host *h, struct probe_result *ret)
{
    if ((p->when == PROBE_FOR_CONTAINER && h->wanted == NULL) ||
        (p->when == PROBE_FOR_REGISTRY && h->registry == NULL)) {
        return 0;
    }
    if (h->wanted != NULL && p->is_needed != NULL && !p->is_needed(h->wanted)) {
        return 0;
    }
    p->run(h, ret);
    return 1;
}

void probe_result_done(struct probe_result *r)
{
    free(r->evidence);
    free(r->fix_arg0);
    free(r->fix_arg1);
    memset(r, 0, sizeof(*r));
}
