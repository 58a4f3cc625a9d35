/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/child.h"
#include "box/label.h"
#include "box/limits.h"
#include "box/oci.h"
#include "box/process.h"
#include "box/seccomp.h"
#include "box/sync.h"
#include "spec/bundle.h"
#include "spec/spec_json.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static const char CHILD[] = "the container's first process";

enum {
    CONFIG_BYTES_MAX = 16 << 20,
    NS_MAX = SPEC_NS_COUNT + 1 /* the user's, too */
};

struct create {
    const struct oci_options *options;
    struct bundle bundle;
    struct oci_state state;
    struct oci_hooks hooks;
    struct child child;
    struct seccomp_filter filter;
    struct cgroup cgroup;
    int ns_fds[NS_MAX]; /* to be joined; the user's first */
    size_t ns_count;
    int start_fd;
    int sync_fd;
    int pidfd;
    pid_t pid;
};

/* ---- reading */

static int read_bundle(struct create *c, char **ret_path, struct err *e)
{
    const char *given = c->options->bundle != NULL ? c->options->bundle : ".";
    autofree char *path = realpath(given, NULL);
    autofree char *config = NULL;
    autofree char *text = NULL;
    size_t len = 0;
    int r = 0;

    if (path == NULL) {
        return err_set(e, errno, "cannot use bundle '%s'", given);
    }
    config = xasprintf("%s/config.json", path);
    r = file_read_followed(AT_FDCWD, config, CONFIG_BYTES_MAX, &text, &len, e);
    r = r < 0 ? r : bundle_read(text, len, path, &c->bundle, e);
    r = r < 0 ? r : oci_hooks_check(c->bundle.hooks, e);
    if (r == 0) {
        *ret_path = steal_ptr(&path);
    }
    return r;
}

/* Without maps in config.json: those of the caller's own user namespace as they are, which a
 * container without one has, too; for a normal user, who is not root there, those of a run. */
static int choose_maps(struct create *c, struct err *e)
{
    struct spec *s = &c->bundle.spec;
    int r = 0;

    if (s->linux_.uid_mappings.count > 0) {
        return 0;
    }
    if (c->bundle.user_ns.mode == SPEC_NS_PRIVATE && geteuid() != 0) {
        return userns_own_maps(s, e);
    }
    r = userns_read_identities("/proc/self/uid_map", &s->linux_.uid_mappings, e);
    return r < 0 ? r : userns_read_identities("/proc/self/gid_map", &s->linux_.gid_mappings, e);
}

static int check(struct create *c, struct err *e)
{
    const struct spec *s = &c->bundle.spec;

    if (s->process.terminal && c->options->console_socket == NULL) {
        return err_new(e, EINVAL, "config.json: process.terminal needs --console-socket");
    }
    if (!s->process.terminal && c->options->console_socket != NULL) {
        return err_new(e, EINVAL, "--console-socket without process.terminal in config.json");
    }
    return 0;
}

/* The part of the spec that only the command line and this host know. */
static int complete_spec(struct create *c, const char *id, struct err *e)
{
    struct spec *s = &c->bundle.spec;
    autofree char *cgroups_path = steal_ptr(&s->box.cgroup_parent);
    struct sysinfo info;
    int r = 0;

    s->box.id = xstrdup(id);
    s->box.name = xstrdup(id);
    s->box.preserve_fds = c->options->preserve_fds;
    r = choose_maps(c, e);
    if (sysinfo(&info) == 0 && info.totalswap == 0) {
        s->linux_.resources.memory_swap_max_bytes = -1; /* there is none to be limited */
    }
    s->box.cgroup_manager = xstrdup(c->options->systemd_cgroup ? "systemd" : "cgroupfs");
    if (r == 0 && cgroups_path != NULL && *cgroups_path != '\0') {
        r = bundle_set_cgroup(s, cgroups_path, c->options->systemd_cgroup, e);
        s->box.cgroups = xstrdup("enabled");
    }
    return r;
}

/* Whose it is, as `rbox oci list` names him: a user that nobody knows by his number. */
static json_t *owner(void)
{
    const struct passwd *user = getpwuid(geteuid());
    autofree char *name =
        user != NULL ? xstrdup(user->pw_name) : xasprintf("%u", (unsigned int)geteuid());

    return json_str(name);
}

/* Where the state of a container that is being made is: its config, and its filter's source. */
static int write_files(struct create *c, const char *bundle_path, struct err *e)
{
    struct spec *s = &c->bundle.spec;
    autofree char *seccomp = c->bundle.seccomp != NULL ? json_dumps(c->bundle.seccomp, 0) : NULL;
    autofree char *text = NULL;
    int r = 0;

    if (seccomp != NULL) {
        s->linux_.seccomp.mode = SPEC_SECCOMP_FILE;
        s->linux_.seccomp.profile = oci_state_seccomp(&c->state);
        r = file_write(c->state.dir_fd, "seccomp.json", seccomp, strlen(seccomp), FILE_PRIVATE, e);
    }
    text = spec_json_write(s);
    r = r < 0 ? r : file_write(c->state.dir_fd, "config.json", text, strlen(text), FILE_PRIVATE, e);
    (void)json_object_update_new(
        c->state.o, json_pack("{s:s, s:s, s:o, s:o, s:O*}", "bundle", bundle_path, "rootfs",
                              s->box.rootfs, "owner", owner(), "annotations",
                              json_from_pairs(&s->box.annotations), "hooks", c->bundle.hooks));
    c->hooks = oci_state_hooks(&c->state);
    return r;
}

/* ---- the process */

static int open_namespace(struct create *c, const struct spec_namespace *n, struct err *e)
{
    if (n->mode != SPEC_NS_PATH) {
        return 0;
    }
    c->ns_fds[c->ns_count] = open(n->target, O_RDONLY | O_CLOEXEC);
    if (c->ns_fds[c->ns_count] < 0) {
        return err_set(e, errno, "config.json: linux.namespaces: cannot open '%s'", n->target);
    }
    c->ns_count++;
    return 0;
}

/* The user namespace first: the others may be its, and joining them takes its capabilities. */
static int open_namespaces(struct create *c, struct err *e)
{
    int r = open_namespace(c, &c->bundle.user_ns, e);

    for (size_t i = 0; r == 0 && i < SPEC_NS_COUNT; i++) {
        r = open_namespace(c, &c->bundle.spec.linux_.namespaces[i], e);
    }
    return r;
}

static int join_namespaces(void *arg, pid_t pid, struct err *e)
{
    const struct create *c = arg;

    (void)pid;
    /* It comes along into the child's mount namespace, see rootfs_open_dirs(). */
    if (fchdir(c->state.root_fd) < 0) {
        return err_set(e, errno, "cannot enter the folder of states");
    }
    for (size_t i = 0; i < c->ns_count; i++) {
        if (setns(c->ns_fds[i], 0) < 0) {
            return err_set(e, errno, "cannot join a namespace that config.json names");
        }
    }
    return 0;
}

/* Its own pid, for hooks that it runs: as the runtime counts, whose /proc is still here. */
static pid_t pid_outside(void)
{
    char text[32] = "";

    return readlink("/proc/self", text, sizeof(text) - 1) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static _Noreturn void become_child(struct create *c, int sync_fd)
{
    c->hooks.pid = pid_outside();
    c->child.sync_fd = sync_fd;
    c->child.start_fd = c->start_fd;
    c->child.spec = &c->bundle.spec;
    c->child.filter = &c->filter;
    c->child.hooks = &c->hooks;
    child_main(&c->child);
}

static int clone_child(struct create *c, struct err *e)
{
    uint64_t flags =
        process_namespaces(&c->bundle.spec, /* only_new= */ 1) & ~(uint64_t)CLONE_NEWCGROUP;
    int pair[2] = {-1, -1};
    int r = sync_pair(pair, e);

    if (r < 0) {
        return r;
    }
    flags |= c->bundle.user_ns.mode == SPEC_NS_PRIVATE ? CLONE_NEWUSER : 0;
    c->pid = c->ns_count > 0 ? ns_clone_between(join_namespaces, NULL, c, flags, &c->pidfd, e)
                             : ns_clone_in(c->state.root_fd, flags, &c->pidfd, e);
    if (c->pid == 0) {
        (void)close(pair[0]);
        become_child(c, pair[1]);
    }
    (void)close(pair[1]);
    c->sync_fd = pair[0];
    return c->pid < 0 ? (int)c->pid : 0;
}

/* Folders above the cgroup of linux.cgroupsPath are the runtime's to make. */
static int make_cgroup_parent(const struct spec *s, struct err *e)
{
    int fd = -1;
    int r = 0;

    if (s->box.cgroup_parent == NULL || !str_eq(s->box.cgroup_manager, "cgroupfs")) {
        return 0;
    }
    r = cgroup_tree_make_path(s->box.cgroup_parent, &fd, e);
    close_fd(&fd);
    return r;
}

/* Engines name a cgroup whether they may make it or not, and podman is 0 of a user namespace: where
 * no limit wants it, one whom it is refused does without, as with other runtimes. */
static int is_dispensable(const struct spec *s, int error)
{
    return !limits_asked(s) && str_eq(s->box.cgroup_manager, "cgroupfs") &&
           (error == -EACCES || error == -EPERM || error == -EROFS);
}

/* Without linux.cgroupsPath and without limits it stays in the caller's. */
static int prepare_cgroup(struct create *c, struct err *e)
{
    const struct spec *s = &c->bundle.spec;
    int r = cgroup_wanted(s) ? make_cgroup_parent(s, e) : 0;

    if (is_dispensable(s, r)) {
        err_clear(e);
        return 0;
    }
    r = r < 0 || !cgroup_wanted(s) ? r : cgroup_prepare(s, c->pid, &c->cgroup, e);
    if (r == 0 && c->cgroup.nproc_limit > 0) {
        r = err_new(e, ENOTSUP, "config.json: linux.resources.pids.limit needs a cgroup");
    }
    if (r == 0 && c->cgroup.way != CGROUP_NONE) {
        r = cgroup_save(&c->cgroup, c->state.dir_fd, e);
    }
    return r;
}

static int build(struct create *c, int *ret_master_fd, struct err *e)
{
    const struct spec *s = &c->bundle.spec;
    int r = 0;

    if (c->bundle.user_ns.mode == SPEC_NS_PRIVATE) {
        r = userns_map(c->pid, &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
    }
    r = r < 0 ? r : prepare_cgroup(c, e);
    r = r < 0 ? r : sync_wait(c->sync_fd, SYNC_CHILD_READY, CHILD, NULL, e);
    c->hooks.pid = c->pid;
    r = r < 0 ? r : oci_hooks_run(&c->hooks, OCI_HOOK_PRESTART, e);
    r = r < 0 ? r : oci_hooks_run(&c->hooks, OCI_HOOK_CREATE_RUNTIME, e);
    r = r < 0 ? r : sync_send(c->sync_fd, SYNC_HOST_READY, c->cgroup.join_fd, e);
    return r < 0 ? r : sync_wait(c->sync_fd, SYNC_ROOT_READY, CHILD, ret_master_fd, e);
}

/* ---- the story */

static int make(struct create *c, struct err *e)
{
    autoclose int master_fd = -1;
    int r = label_check(&c->bundle.spec, e);

    r = r < 0 ? r : open_namespaces(c, e);
    r = r < 0 ? r : seccomp_prepare(&c->bundle.spec, &c->filter, e);
    r = r < 0 ? r : oci_state_listen(&c->state, &c->start_fd, e);
    r = r < 0 ? r : clone_child(c, e);
    if (r == 0 && build(c, &master_fd, e) < 0) {
        r = sync_prefer_its_error(c->sync_fd, e);
    }
    r = r < 0 ? r : oci_send_console(c->options->console_socket, master_fd, e);
    r = r < 0 ? r : oci_write_pid(c->options->pid_file, c->pid, e);
    r = r < 0 ? r : oci_state_write(&c->state, c->pid, e);
    return r < 0 ? r : sync_send(c->sync_fd, SYNC_EXEC, -1, e);
}

static void undo(struct create *c)
{
    struct err ignored = {0};

    proc_kill_reap(&c->pidfd);
    cgroup_remove(&c->cgroup);
    if (c->options->pid_file != NULL) {
        (void)unlink(c->options->pid_file);
    }
    (void)oci_state_remove(&c->state, &ignored);
}

static void create_done(struct create *c)
{
    for (size_t i = 0; i < c->ns_count; i++) {
        close_fd(&c->ns_fds[i]);
    }
    close_fd(&c->start_fd);
    close_fd(&c->sync_fd);
    close_fd(&c->pidfd);
    cgroup_done(&c->cgroup);
    seccomp_done(&c->filter);
    oci_hooks_done(&c->hooks);
    oci_state_done(&c->state);
    bundle_done(&c->bundle);
}

int oci_create(int root_fd, const char *id, const struct oci_options *o, int *ret_pidfd,
               struct err *e)
{
    struct create c = {.options = o,
                       .state = OCI_STATE_INIT,
                       .cgroup = CGROUP_INIT,
                       .start_fd = -1,
                       .sync_fd = -1,
                       .pidfd = -1};
    autofree char *path = NULL;
    int r = read_bundle(&c, &path, e);

    mounts_init(&c.child.mounts);
    r = r < 0 ? r : check(&c, e);
    r = r < 0 ? r : complete_spec(&c, id, e);
    r = r < 0 ? r : oci_state_new(root_fd, id, &c.state, e);
    if (r == 0) {
        r = write_files(&c, path, e);
        r = r < 0 ? r : oci_explain(make(&c, e), e);
        if (r < 0) {
            undo(&c);
        } else {
            *ret_pidfd = steal_fd(&c.pidfd);
        }
    }
    create_done(&c);
    return r;
}
