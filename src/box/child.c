/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/child.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/hints.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/confine.h"
#include "box/exec.h"
#include "box/explain.h"
#include "box/net.h"
#include "box/process.h"
#include "box/protect.h"
#include "box/secrets.h"
#include "box/sync.h"
#include "box/user.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/path.h"
#include "sys/reach.h"
#include "sys/selinux.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SUPERVISOR[] = "the supervisor";

/* As the caller still: sources of volumes are reached with its ids and groups. */
static int open_sources(struct child *c, int *ret_rootfs_fd, struct err *e)
{
    autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r =
        root_fd < 0 ? err_set(e, errno, "cannot open '/'") : rootfs_open_dirs(c->spec, &c->dirs, e);

    c->dirs.sync_fd = c->sync_fd;

    /* Slave: nothing mounted here shows on the host, what the host unmounts goes here too. */
    if (r == 0) {
        r = mount_propagation(root_fd, MS_SLAVE, MOUNT_RECURSIVE, e);
        r = r == -EPERM ? err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL) : r;
    }
    if (r == 0 && c->spec->box.rootfs != NULL) {
        *ret_rootfs_fd = open(c->spec->box.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_rootfs_fd < 0) {
            (void)err_set(e, errno, "cannot use root folder '%s'", c->spec->box.rootfs);
            return reach_hint(c->spec->box.rootfs, e);
        }
    }
    r = r < 0 ? r : secrets_set_env(AT_FDCWD, c->spec, e);
    return r < 0 ? r : volumes_open(c->spec, &c->mounts, e);
}

/* Tell the supervisor where the network namespace is, and wait until the ids are mapped and the
 * cgroup stands. */
static int meet_host(const struct child *c, struct err *e)
{
    autoclose int netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    autoclose int cgroup_fd = -1;
    int r = sync_send(c->sync_fd, SYNC_CHILD_READY, netns_fd, e);

    if (r == 0) {
        r = sync_wait(c->sync_fd, SYNC_HOST_READY, SUPERVISOR, &cgroup_fd, e);
    }
    if (r == 0) {
        r = cgroup_join(cgroup_fd,
                        c->spec->linux_.namespaces[SPEC_NS_CGROUP].mode == SPEC_NS_PRIVATE, e);
    }
    return r;
}

static int set_names(const struct spec *s, struct err *e)
{
    const int is_own = s->linux_.namespaces[SPEC_NS_UTS].mode == SPEC_NS_PRIVATE;

    if (is_own && s->hostname != NULL && sethostname(s->hostname, strlen(s->hostname)) < 0) {
        (void)err_set(e, errno, "cannot set host name '%s'", s->hostname);
    } else if (is_own && s->domainname != NULL &&
               setdomainname(s->domainname, strlen(s->domainname)) < 0) {
        (void)err_set(e, errno, "cannot set domain name '%s'", s->domainname);
    } else {
        return 0;
    }
    /* Root of the namespace may: an outer filter does not let it. */
    return e->errnum == EPERM ? err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL) : -e->errnum;
}

static int build_root(struct child *c, int rootfs_fd, int *ret_root_fd, struct err *e)
{
    autoclose int mounted_fd = -1;
    int root_fd = -1;
    int r = rootfs_mount(c->spec, &c->dirs, rootfs_fd, &mounted_fd, e);

    if (r == 0) {
        r = volumes_prepare(c->spec, &c->mounts, c->dirs.fs_fd, e);
    }
    if (r == 0) {
        r = mounts_prepare(c->spec, &c->mounts, c->dirs.dir_fd, e);
    }
    if (r == 0) {
        r = oci_hooks_run(c->hooks, OCI_HOOK_CREATE_CONTAINER, e);
    }
    if (r == 0) {
        r = rootfs_pivot(mounted_fd, e);
    }
    if (r < 0) {
        return r;
    }
    root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0) {
        return err_set(e, errno, "cannot open the container's root");
    }
    *ret_root_fd = root_fd;
    return mounts_attach(c->spec, &c->mounts, root_fd, e);
}

/* The command, or rbox-init with the command behind it. The init keeps the socket until the command
 * is executed, and reports when it could not be. */
static int exec_spec(const struct child *c, struct err *e)
{
    const struct spec_process *p = &c->spec->process;
    autostrv struct strv argv = {0};

    if (!c->spec->box.init) {
        return process_exec(c->spec, p->args.v, e);
    }
    (void)fd_cloexec(c->sync_fd, 0);
    strv_push(&argv, SPEC_INIT_PATH);
    strv_pushf(&argv, "%d", c->sync_fd);
    strv_append(&argv, &p->args);
    return process_exec(c->spec, argv.v, e);
}

/* ---- the story */

/* The folders of a bundle may be of ids that have to be mapped first, those of podman's vfs are; of
 * others the caller's own rights count, and they are opened while the ids are mapped. */
static int open_world(struct child *c, int is_mapped, int *ret_rootfs_fd, struct err *e)
{
    int r = 0;

    if (is_mapped != c->spec->box.bundle) {
        return 0;
    }
    r = open_sources(c, ret_rootfs_fd, e);
    return r < 0 ? r : mounts_prepare_early(c->spec, &c->mounts, e);
}

static int build_world(struct child *c, int *ret_root_fd, struct err *e)
{
    autoclose int rootfs_fd = -1;
    int r = process_set_oom_score(c->spec, e);

    c->proc_fd = selinux_exec_open(c->spec->process.selinux_label);
    process_reset();
    r = r < 0 ? r : open_world(c, /* is_mapped= */ 0, &rootfs_fd, e);
    r = r < 0 ? r : net_device(c->spec, e);
    r = r < 0 ? r : meet_host(c, e);
    r = r < 0 ? r : open_world(c, /* is_mapped= */ 1, &rootfs_fd, e);
    r = r < 0 ? r : process_become_root(c->spec, e);
    r = r < 0 ? r : set_names(c->spec, e);
    r = r < 0 ? r : net_inside(c->spec, e);
    return r < 0 ? r : build_root(c, rootfs_fd, ret_root_fd, e);
}

/* Standard input, output and error: the container's own terminal, or the descriptors that came. */
static int set_stdio(const struct child *c, int root_fd, const struct user *user,
                     int *ret_master_fd, struct err *e)
{
    autoclose int slave_fd = -1;
    int r = c->spec->process.terminal ? mounts_console(root_fd, ret_master_fd, &slave_fd, e) : 0;

    return r < 0 ? r : process_set_stdio(c->spec, root_fd, slave_fd, &c->size, user, e);
}

/* The word to go on comes from the supervisor. For a bundle it says that the container's pid is
 * written down: one that nobody knew must end with its maker. Then it comes once more, from whoever
 * connects: `oci start`. */
static int await_exec(struct child *c, struct err *e)
{
    int r = sync_wait(c->sync_fd, SYNC_EXEC, SUPERVISOR, NULL, e);

    if (r < 0 || c->start_fd <= 0) {
        return r;
    }
    close_fd(&c->sync_fd);
    c->sync_fd = accept4(c->start_fd, NULL, NULL, SOCK_CLOEXEC);
    if (c->sync_fd < 0) {
        return err_set(e, errno, "cannot wait for the start");
    }
    close_fd(&c->start_fd);
    r = sync_wait(c->sync_fd, SYNC_EXEC, "the start", NULL, e);
    return r < 0 ? r : oci_hooks_run(c->hooks, OCI_HOOK_START_CONTAINER, e);
}

static int enter_world(struct child *c, int root_fd, struct err *e)
{
    autoclose int master_fd = -1;
    struct user user = {0};
    int r = user_resolve(root_fd, &c->spec->process, &user, e);

    if (r == 0 && spec_env_get(&c->spec->process.env, "HOME") == NULL) {
        spec_env_set(&c->spec->process.env, "HOME", user.home);
    }
    if (r == 0) {
        r = process_check_user(c->spec, &user, e);
    }
    if (r == 0) {
        r = volumes_chown(c->spec, &c->mounts, user.uid, user.gid, e);
    }
    if (r == 0) {
        r = set_stdio(c, root_fd, &user, &master_fd, e);
    }
    if (r == 0) {
        r = process_enter_cwd(c->spec, root_fd, /* make= */ 1, e);
    }
    if (r == 0) {
        r = protect(c->spec, root_fd, e);
    }
    if (r == 0 && c->start_fd > 0) { /* told now, not when it is started */
        r = exec_check(c->spec->process.args.v, c->spec->process.env.v, e);
    }
    if (r == 0) {
        r = sync_send(c->sync_fd, SYNC_ROOT_READY, master_fd, e);
    }
    if (r == 0) {
        close_fd(&master_fd);
        r = await_exec(c, e);
    }
    if (r == 0) { /* nothing else is executed any more, and Landlock still lets it be said */
        r = selinux_exec_as(c->proc_fd, c->spec->process.selinux_label, e);
    }
    if (r == 0) {
        process_close_descriptors(c->spec->box.preserve_fds, c->sync_fd);
        r = process_set_limits(&c->spec->process, e);
    }
    if (r == 0 && c->spec->box.explain) {
        r = explain_offer(c->sync_fd, e);
    }
    r = r < 0 ? r : confine_files(c->spec, e);
    if (r == 0) {
        (void)umask((mode_t)c->spec->process.umask);
        r = confine(c->spec, &user, c->filter, c->sync_fd, e);
    }
    /* Elsewhere the end of the supervisor's own PID namespace is its end. A change of ids clears
     * this. */
    if (r == 0 && c->spec->linux_.namespaces[SPEC_NS_PID].mode != SPEC_NS_PRIVATE &&
        !c->spec->box.bundle) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return r < 0 ? r : exec_spec(c, e);
}

_Noreturn void child_main(struct child *c)
{
    struct err e = {0};
    int root_fd = -1;
    int r = build_world(c, &root_fd, &e);

    if (r == 0) {
        r = enter_world(c, root_fd, &e);
    }
    sync_send_err(c->sync_fd, &e);
    _exit(e.exit_code != 0 ? e.exit_code : EXITCODE_RBOX);
}
