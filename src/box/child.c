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
#include "box/net.h"
#include "box/protect.h"
#include "box/sync.h"
#include "box/user.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/path.h"
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
#include <sys/stat.h>
#include <unistd.h>

static const char SUPERVISOR[] = "the supervisor";

/* A session of its own, so that no terminal of the host is its controlling one (CVE-2017-5226), and
 * signals as a fresh program expects them: what the launcher blocked or its caller ignored is not
 * the command's business. */
static int reset_process(const struct spec *s, struct err *e)
{
    sigset_t none;

    for (int signo = 1; signo < _NSIG; signo++) {
        (void)signal(signo, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    /* While the ids are still the caller's: changing them makes /proc/self root's. */
    if (s->process.oom_score_adj_set) {
        autofree char *text = xasprintf("%d", s->process.oom_score_adj);
        int r = file_put(AT_FDCWD, "/proc/self/oom_score_adj", text);

        if (r == -EACCES) {
            return err_new(e, EACCES, "cannot set --oom-score-adj %s: it is below the caller's own",
                           text);
        }
        if (r < 0) {
            return err_set(e, -r, "cannot set --oom-score-adj %s", text);
        }
    }
    return 0;
}

/* Mounts want folders of this mount namespace, and the launcher's descriptors are of the host's.
 * The current folder, which the supervisor set to the store's top, came along (the kernel moves it
 * over): so the store is reached by no name, and as the caller still, who alone may enter it. */
static int open_store(struct child *c, struct err *e)
{
    static const int FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    autofree char *dir = xasprintf("containers/%s", c->spec->box.id);

    c->dirs.layers_fd = open("layers", FLAGS);
    c->dirs.dir_fd = open(dir, FLAGS);
    if (c->dirs.layers_fd < 0 || c->dirs.dir_fd < 0) {
        return err_set(e, errno, "cannot open the container's folders");
    }
    c->dirs.fs_fd = openat(c->dirs.dir_fd, "fs", FLAGS);
    return c->dirs.fs_fd < 0 ? err_set(e, errno, "cannot open the container's folders") : 0;
}

/* As the caller still: sources of volumes are reached with its ids and groups. */
static int open_sources(struct child *c, int *ret_rootfs_fd, struct err *e)
{
    autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = root_fd < 0 ? err_set(e, errno, "cannot open '/'") : open_store(c, e);

    /* Slave: nothing mounted here shows on the host, what the host unmounts goes here too. */
    if (r == 0) {
        r = mount_propagation(root_fd, MS_SLAVE, MOUNT_RECURSIVE, e);
        r = r == -EPERM ? err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL) : r;
    }
    if (r == 0 && c->spec->box.rootfs != NULL) {
        *ret_rootfs_fd = open(c->spec->box.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_rootfs_fd < 0) {
            (void)err_set(e, errno, "cannot use root folder '%s'", c->spec->box.rootfs);
            return err_hint_id(e, HINT_SOURCE_PATH, c->spec->box.rootfs, NULL);
        }
    }
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
        r = cgroup_join(cgroup_fd, c->spec->linux_.namespaces[SPEC_NS_CGROUP].mode != SPEC_NS_HOST,
                        e);
    }
    return r;
}

/* Root of the namespace makes what belongs to root in the container. Where 0 is not mapped (keep-id
 * with a single id) the caller's own id, which has all capabilities here too, must do. */
static int become_root(const struct spec *s, struct err *e)
{
    if (idmap_to_host(&s->linux_.gid_mappings, 0) >= 0 && setresgid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become group 0 of the container");
    }
    if (idmap_to_host(&s->linux_.uid_mappings, 0) >= 0 && setresuid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become user 0 of the container");
    }
    (void)umask(0);
    return 0;
}

static int set_hostname(const struct spec *s, struct err *e)
{
    if (s->linux_.namespaces[SPEC_NS_UTS].mode == SPEC_NS_PRIVATE && s->hostname != NULL &&
        sethostname(s->hostname, strlen(s->hostname)) < 0) {
        return err_set(e, errno, "cannot set host name '%s'", s->hostname);
    }
    return 0;
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

/* Standard input, output and error: the container's own terminal, or the caller's descriptors as
 * they came. */
static int set_stdio(const struct child *c, int root_fd, const struct user *user,
                     int *ret_master_fd, struct err *e)
{
    autoclose int slave_fd = -1;
    int r = 0;

    if (!c->spec->process.terminal) {
        autoclose int null_fd = -1;

        if (c->spec->box.interactive) {
            return 0;
        }
        r = path_open_in_root(root_fd, "/dev/null", O_RDONLY, &null_fd, e);
        return r < 0
                   ? r
                   : (dup2(null_fd, STDIN_FILENO) < 0 ? err_set(e, errno, "cannot set stdin") : 0);
    }
    r = mounts_console(root_fd, ret_master_fd, &slave_fd, e);
    if (r < 0) {
        return r;
    }
    (void)!fchown(slave_fd, user->uid,
                  (gid_t)-1); /* mesg and ssh inside want it; a single id can't */
    if (c->size.ws_row > 0 || c->size.ws_col > 0) {
        (void)ioctl(slave_fd, TIOCSWINSZ, &c->size);
    }
    if (ioctl(slave_fd, TIOCSCTTY, 0) < 0) {
        return err_set(e, errno, "cannot make the terminal the controlling one");
    }
    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(slave_fd, fd) < 0) {
            return err_set(e, errno, "cannot set the terminal as descriptor %d", fd);
        }
    }
    return 0;
}

static int set_rlimits(const struct spec_process *p, struct err *e)
{
    for (size_t i = 0; i < p->rlimit_count; i++) {
        const struct spec_rlimit *l = &p->rlimits[i];
        struct rlimit have;
        struct rlimit want = {.rlim_cur = l->soft, .rlim_max = l->hard};

        if (getrlimit((__rlimit_resource_t)l->resource, &have) < 0) {
            return err_set(e, errno, "cannot read limit %d", l->resource);
        }
        if (!l->asked && want.rlim_max > have.rlim_max) {
            want.rlim_max = have.rlim_max;
            want.rlim_cur = want.rlim_cur > have.rlim_max ? have.rlim_max : want.rlim_cur;
        }
        if (setrlimit((__rlimit_resource_t)l->resource, &want) < 0) {
            (void)err_new(e, errno,
                          "cannot set --ulimit to %llu:%llu: the caller's own hard limit is %llu",
                          (unsigned long long)l->soft, (unsigned long long)l->hard,
                          (unsigned long long)have.rlim_max);
            return err_hint_id(e, HINT_RLIMIT, NULL, NULL);
        }
    }
    return 0;
}

/* The working folder, beneath the root that is now the only one. A missing one of the image is
 * made, as docker does. The check is for a folder that a descriptor from outside led to
 * (CVE-2024-21626): none is open any more, so it can't be. */
static int enter_cwd(const struct spec *s, int root_fd, struct err *e)
{
    autofree char *cwd = NULL;
    autoclose int fd = -1;
    int r = path_open_in_root(root_fd, s->process.cwd, O_PATH | O_DIRECTORY, &fd, e);

    if (r == -ENOENT) {
        err_clear(e);
        r = path_make_dir_in_root(root_fd, s->process.cwd, &fd, e);
    }
    if (r < 0) {
        return err_wrap(e, "cannot use working folder '%s'", s->process.cwd);
    }
    if (fchdir(fd) < 0) {
        return err_set(e, errno, "cannot enter working folder '%s'", s->process.cwd);
    }
    cwd = getcwd(NULL, 0);
    if (cwd == NULL || cwd[0] != '/') {
        return err_new(e, EPERM, "working folder '%s' lies outside the container", s->process.cwd);
    }
    return 0;
}

static void close_descriptors(const struct child *c)
{
    int count = (int)c->spec->box.preserve_fds;
    int *keep = xcalloc((size_t)count + 1, sizeof(*keep));

    for (int i = 0; i < count; i++) {
        keep[i] = 3 + i;
        (void)fd_cloexec(keep[i], 0);
    }
    keep[count] = c->sync_fd;
    fd_close_except(keep, (size_t)count + 1);
    free(keep);
}

/* The command, or rbox-init with the command behind it. The init keeps the socket until the command
 * is executed, and reports when it could not be. */
static int exec_spec(const struct child *c, struct err *e)
{
    const struct spec_process *p = &c->spec->process;
    autostrv struct strv argv = {0};

    if (!c->spec->box.init) {
        return exec_command(p->args.v, p->env.v, e);
    }
    (void)fd_cloexec(c->sync_fd, 0);
    strv_push(&argv, SPEC_INIT_PATH);
    strv_pushf(&argv, "%d", c->sync_fd);
    strv_append(&argv, &p->args);
    return exec_command(argv.v, p->env.v, e);
}

/* ---- the story */

static int build_world(struct child *c, int *ret_root_fd, struct err *e)
{
    autoclose int rootfs_fd = -1;
    int r = reset_process(c->spec, e);

    if (r == 0) {
        r = open_sources(c, &rootfs_fd, e);
    }
    if (r == 0) {
        r = mounts_prepare_early(c->spec, &c->mounts, e);
    }
    if (r == 0) {
        r = meet_host(c, e);
    }
    if (r == 0) {
        r = become_root(c->spec, e);
    }
    if (r == 0) {
        r = set_hostname(c->spec, e);
    }
    if (r == 0) {
        r = net_inside(c->spec, e);
    }
    if (r == 0) {
        r = build_root(c, rootfs_fd, ret_root_fd, e);
    }
    return r;
}

static int check_mapped(const struct spec *s, const struct user *u, struct err *e)
{
    int is_user = idmap_to_host(&s->linux_.uid_mappings, u->uid) < 0;

    if (!is_user && idmap_to_host(&s->linux_.gid_mappings, u->gid) >= 0) {
        return 0;
    }
    (void)err_new(e, EINVAL, "%s id %u is not mapped in this container, which has %llu ids",
                  is_user ? "user" : "group", is_user ? u->uid : u->gid,
                  (unsigned long long)idmap_size(&s->linux_.uid_mappings));
    return err_hint(e, "rbox doctor   (subordinate ids), or another --userns");
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
        r = check_mapped(c->spec, &user, e);
    }
    if (r == 0) {
        r = volumes_chown(c->spec, &c->mounts, user.uid, user.gid, e);
    }
    if (r == 0) {
        r = set_stdio(c, root_fd, &user, &master_fd, e);
    }
    if (r == 0) {
        r = enter_cwd(c->spec, root_fd, e);
    }
    if (r == 0) {
        r = protect(c->spec, root_fd, e);
    }
    if (r == 0) {
        r = sync_send(c->sync_fd, SYNC_ROOT_READY, master_fd, e);
    }
    if (r == 0) {
        r = sync_wait(c->sync_fd, SYNC_EXEC, SUPERVISOR, NULL, e);
    }
    if (r == 0) {
        close_fd(&master_fd);
        close_descriptors(c);
        r = set_rlimits(&c->spec->process, e);
    }
    if (r == 0) {
        (void)umask((mode_t)c->spec->process.umask);
        r = confine(c->spec, &user, c->filter, e);
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
