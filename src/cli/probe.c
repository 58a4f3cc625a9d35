/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe_rows.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "box/cgroup.h"
#include "box/storage.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    SPACE_LOW_BYTES = 200 << 20
};

void probe_set(struct probe_result *r, enum probe_level level, char *evidence)
{
    r->level = level;
    r->evidence = evidence;
}

void probe_take_fix(struct probe_result *r, const struct err *e)
{
    const char *mark = strstr(e->hint, HINT_ID_MARK);

    if (mark != NULL) {
        r->fix = xstrndup(e->hint, (size_t)(mark - e->hint));
    }
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

/* ---- user namespaces */

static void probe_userns(const struct probe_host *h, struct probe_result *r)
{
    char *seen = NULL;
    int is_off = ns_limits_in_the_way(&seen, &r->fix_arg0);

    (void)h;
    probe_set(r, is_off ? PROBE_FAIL : PROBE_OK,
              is_off ? seen
                     : xasprintf("user.max_user_namespaces = %ld",
                                 probe_number("/proc/sys/user/max_user_namespaces", -1)));
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

/* ---- a trial: what a run does first, in a process that then ends */

static int mount_trial(void *arg, struct err *e)
{
    autoclose int fd = -1;
    const char *type = arg;

    if (ns_unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                       CLONE_NEWCGROUP,
                   "namespaces", e) < 0) {
        return -e->errnum;
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

        _exit(mount_new("proc", NULL, 0, &fd, e) < 0);
    }
    if (pid < 0) {
        return (int)pid;
    }
    if (proc_wait(pidfd, PROC_FOREVER, &status, e) < 0) {
        return -e->errnum;
    }
    if (status != 0) {
        (void)err_new(e, EPERM, "a fresh proc cannot be mounted here");
        return mount_proc_hint(e);
    }
    return 0;
}

static void trial(userns_job *job, void *arg, const char *good, struct probe_result *r)
{
    struct spec s = {0};
    struct err e = {0};
    int result = userns_own_maps(&s, &e);

    result = result < 0 ? result
                        : userns_run(&s.linux_.uid_mappings, &s.linux_.gid_mappings, job, arg, &e);
    probe_set(r, result < 0 ? PROBE_FAIL : PROBE_OK, xstrdup(result < 0 ? e.msg : good));
    probe_take_fix(r, &e);
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

static int kernel_has_overlay(const char *release)
{
    int major = 0;
    int minor = 0;

    (void)sscanf(release, "%d.%d", &major, &minor);
    return major > 5 || (major == 5 && minor >= 11);
}

static void probe_overlay(const struct probe_host *h, struct probe_result *r)
{
    struct utsname u = {0};
    struct err e = {0};
    int has = 0;

    (void)h;
    (void)uname(&u);
    has = kernel_has_overlay(u.release);
    if (has || storage_check_fuse(&e) < 0) {
        probe_set(r, has ? PROBE_OK : PROBE_WARN,
                  xasprintf("Linux %s%s%s", u.release, has ? "" : ": ", e.msg));
    } else {
        probe_set(r, PROBE_OK, xasprintf("Linux %s: fuse-overlayfs does it", u.release));
    }
}

/* ---- the store */

/* What keeps the store from serving @h at all: a new string, or NULL. */
static char *store_trouble(const struct probe_host *h)
{
    int is_copy = h->wanted != NULL && str_eq(h->wanted->box.storage_driver, STORAGE_COPY);
    const char *lack = NULL;
    struct err e = {0};

    if (h->store == NULL) {
        return xstrdup(h->store_error->msg);
    }
    lack = store_lack(h->store);
    if (lack != NULL) {
        return xasprintf("'%s' %s", h->store->path, lack);
    }
    if (store_check_folders(h->store, &e) < 0) {
        return xasprintf("%s: %s", e.msg, e.hint);
    }
    return is_copy && storage_check_copy(h->store, &e) < 0 ? xstrdup(e.msg) : NULL;
}

static void probe_store(const struct probe_host *h, struct probe_result *r)
{
    char *trouble = store_trouble(h);
    struct spec s = {0};
    struct err e = {0};
    struct statfs fs = {0};
    int found = 0;

    if (trouble != NULL) {
        probe_set(r, PROBE_FAIL, trouble);
        return;
    }
    found = userns_own_maps(&s, &e);
    if (found == 0 && storage_check_owners(h->store, &s, &e) == -ENOTSUP) {
        probe_set(r, PROBE_WARN, xstrdup(e.msg));
    } else {
        (void)fstatfs(h->store->dir_fd, &fs);
        probe_set(
            r,
            (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < SPACE_LOW_BYTES ? PROBE_WARN : PROBE_OK,
            xasprintf("'%s', %llu MB free", h->store->path,
                      (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize >> 20));
    }
    spec_done(&s);
}

/* A driver that is asked for must work; one that is found is told, with the reason. */
static void probe_storage(const struct probe_host *h, struct probe_result *r)
{
    struct utsname u = {0};
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
        probe_take_fix(r, &e);
    } else {
        (void)uname(&u); /* an old kernel is another row's, and no other store would help */
        probe_set(
            r, reason == NULL || !kernel_has_overlay(u.release) ? PROBE_OK : PROBE_WARN,
            xasprintf("%s%s%s", driver, reason != NULL ? ": " : "", reason != NULL ? reason : ""));
    }
}

/* ---- which a container needs */

/* Only where it is asked for: what else takes it is the driver's row. */
static int needs_fuse(const struct spec *s)
{
    return str_eq(s->box.storage_driver, STORAGE_FUSE);
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
    {HINT_FUSE, "fuse-overlayfs", probe_fuse, needs_fuse, PROBE_ALWAYS},
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

char *probe_fix(const struct probe *p, const struct probe_result *r)
{
    return r->fix != NULL ? xstrdup(r->fix) : hint_fix(p->id, r->fix_arg0, r->fix_arg1);
}

void probe_result_done(struct probe_result *r)
{
    free(r->evidence);
    free(r->fix_arg0);
    free(r->fix_arg1);
    free(r->fix);
    memset(r, 0, sizeof(*r));
}

int probe_notice(enum hint_id id, const struct probe_host *h, const char *text)
{
    const struct probe *p = NULL;
    int told = 0;

    for (size_t i = 0; (p = probe_at(i)) != NULL; i++) {
        struct probe_result r = {0};

        if (p->id == id && probe_run(p, h, &r) && r.level != PROBE_OK) {
            autofree char *fix = probe_fix(p, &r);

            autofree char *line = hint_line(id, fix);

            notice("%s: %s", text != NULL ? text : r.evidence, line);
            told = 1;
        }
        probe_result_done(&r);
    }
    return told;
}
