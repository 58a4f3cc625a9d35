/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/box.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/anonymous.h"
#include "box/attach.h"
#include "box/cgroup.h"
#include "box/label.h"
#include "box/net.h"
#include "box/scope.h"
#include "box/seccomp.h"
#include "box/state.h"
#include "box/supervise.h"
#include "box/sync.h"
#include "box/tty.h"
#include "box/undo.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the launcher holds between the steps. */
struct launch {
    const struct store *store;
    struct spec *spec;
    struct state state;
    struct seccomp_filter filter;
    struct cgroup cgroup;
    struct supervise supervise;
    int control_fd;
    int supervisor_pidfd;
    pid_t supervisor_pid;
    pid_t anchor_pid; /* 0: none */
};

static int launch_prepare(struct launch *l, struct err *e)
{
    struct net_files files = {0};
    struct mounts *m = &l->supervise.child.mounts;
    int r = label_start(l->store, l->spec, e);

    r = r < 0 ? r : join_open(l->store, l->spec, &l->supervise.join, e);

    r = r < 0 ? r : network_enter(l->store, l->spec, /* upper_fd= */ -1, &l->supervise.seat, e);
    r = r < 0 ? r : network_check_user(&l->supervise.seat, l->supervise.join.user_fd, e);
    r = r < 0 ? r : net_open(l->spec, &l->supervise.seat, &l->supervise.net, e);
    if (r == 0) {
        r = seccomp_prepare(l->spec, &l->filter, e);
    }
    if (r == 0) {
        r = net_files(l->spec, &files, e);
    }
    if (r < 0) {
        return r;
    }
    mounts_init(m);
    mounts_add_file(m, "/etc/hosts", NULL, files.hosts);
    mounts_add_file(m, "/etc/resolv.conf", NULL, files.resolv_conf);
    mounts_add_file(m, "/etc/hostname", NULL, files.hostname);
    mounts_add_file(m, "/run/.containerenv", NULL, xstrdup(""));
    join_lend(&l->supervise.join, m);
    /* apt drops to a user of its own for downloads and checks that it did, which one id can't give.
     */
    if (idmap_is_single(&l->spec->linux_.uid_mappings)) {
        mounts_add_file(m, "/etc/apt/apt.conf.d/90rbox-one-id", "/etc/apt/apt.conf.d",
                        xstrdup("APT::Sandbox::User \"root\";\n"));
    }
    return 0;
}

/* An error of the supervisor's death is worth less than the one it sent before. */
static void undo_supervisor(void *arg)
{
    struct launch *l = arg;

    proc_kill_reap(&l->supervisor_pidfd);
}

static void undo_cgroup(void *arg)
{
    const struct launch *l = arg;

    cgroup_remove(&l->cgroup);
}

/* The supervisor removes the container, unless it was killed. */
static void undo_state(void *arg)
{
    struct launch *l = arg;
    struct err ignored = {0};

    if (!l->supervise.is_new) {
        state_release(&l->state);
        return;
    }
    if (faccessat(l->store->containers_fd, l->state.id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        (void)state_remove(&l->state, l->spec, /* with_volumes= */ 1, &ignored);
    }
}

/* Fork the supervisor into its user namespace and outer PID namespace. With --pid host there is no
 * outer one: the container's processes are to see, and be seen in, the host's. Nor with another
 * container's, which lies below no namespace but the host's. */
static int launch_supervisor(struct launch *l, const struct box_options *o, struct err *e)
{
    uint64_t flags = CLONE_NEWUSER;
    int pair[2] = {-1, -1};
    int r = l->supervise.seat.fd >= 0
                ? network_anchor_start(l->store, l->state.id, &l->supervise.seat, &l->anchor_pid, e)
                : 0;

    r = r < 0 ? r : sync_pair(pair, e);
    if (r < 0) {
        return r;
    }
    if (l->supervise.join.user_fd >= 0) {
        flags = 0;
    }
    if (l->spec->linux_.namespaces[SPEC_NS_PID].mode == SPEC_NS_PRIVATE) {
        flags |= CLONE_NEWPID;
    }
    l->supervisor_pid =
        l->supervise.join.user_fd < 0 && l->supervise.seat.userns_fd >= 0
            ? userns_clone_below(l->supervise.seat.userns_fd, flags, &l->spec->linux_.uid_mappings,
                                 &l->spec->linux_.gid_mappings, &l->supervisor_pidfd, e)
            : join_clone(&l->supervise.join, JOIN_SUPERVISOR, flags, &l->supervisor_pidfd, e);
    if (l->supervisor_pid == 0) {
        (void)close(pair[0]);
        if (o->image_lock_fd != NULL) {
            close_fd(o->image_lock_fd); /* the lock lasts as long as any copy is open */
        }
        l->supervise.state = &l->state;
        l->supervise.control_fd = pair[1];
        l->supervise.child.filter = &l->filter;
        l->supervise.child.size = tty_size();
        supervise_main(&l->supervise);
    }
    (void)close(pair[1]);
    l->control_fd = pair[0];
    net_done(&l->supervise.net);
    close_fd(&l->supervise.seat.fd); /* whose end must be the supervisor's */
    close_fd(&l->supervise.seat.anchor_fd);
    return l->supervisor_pid < 0 ? (int)l->supervisor_pid : 0;
}

static int write_cidfile(const struct box_options *o, const char *id, struct err *e)
{
    autoclose int fd = -1;
    int r = 0;

    if (o->cidfile == NULL) {
        return 0;
    }
    fd = open(o->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    r = fd < 0 ? -errno : fd_write_all(fd, id, strlen(id));
    return r < 0 ? err_set(e, -r, "cannot write --cidfile '%s'", o->cidfile) : 0;
}

/* From here the lock is the supervisor's: it must fall when that dies, whatever the launcher does.
 */
static int hand_over(struct launch *l, const struct box_options *o, struct err *e)
{
    const struct sync_host host = {.nproc_limit = l->cgroup.nproc_limit};
    int r = 0;

    if (l->cgroup.way != CGROUP_NONE || l->cgroup.limit_count > 0) {
        r = cgroup_save(&l->cgroup, l->state.lock_fd, e);
    }
    if (r == 0) {
        r = sync_send_host(l->control_fd, &host, l->cgroup.join_fd, e);
    }
    close_fd(&l->state.lock_fd);
    return r < 0 ? r : write_cidfile(o, l->state.id, e);
}

static const char *second_stage_option(const struct spec *s)
{
    return s->linux_.no_nested_userns ? "--security-opt no-nested-userns"
                                      : "--pids-limit without a cgroup";
}

/* A user namespace can only be made by an id that is mapped where it is made (user_namespaces(7)):
 * not by root's supervisor, which is mapped nowhere. And nothing can be joined from one below. */
static int check_second_stage(const struct launch *l, struct err *e)
{
    int wanted = l->spec->linux_.no_nested_userns || l->cgroup.nproc_limit > 0;

    if (wanted && join_is_used(&l->supervise.join)) {
        return err_new(e, EINVAL, "%s cannot hold a container that joins another's namespaces",
                       second_stage_option(l->spec));
    }
    if (!wanted || idmap_to_container(&l->spec->linux_.uid_mappings, geteuid()) >= 0) {
        return 0;
    }
    (void)err_new(e, ENOTSUP,
                  "%s needs a second user namespace, and you are not mapped in the first",
                  second_stage_option(l->spec));
    return err_hint(e, "run it as a normal user");
}

/* What the launcher does while the supervisor clones the child. */
static int launch_serve(struct launch *l, const struct box_options *o, struct err *e)
{
    /* Before the ids let the child go on: a short command may have ended, and its folder be gone,
     * the next moment. */
    int r = state_write_config(&l->state, l->spec, e);

    if (r == 0 && o->image_lock_fd != NULL) {
        close_fd(o->image_lock_fd); /* rmi and prune find the reference from now on */
    }
    if (r == 0 && l->supervise.join.user_fd < 0 && l->supervise.seat.userns_fd < 0) {
        r = userns_map(l->supervisor_pid, &l->spec->linux_.uid_mappings,
                       &l->spec->linux_.gid_mappings, e);
    }
    if (r == 0 && cgroup_wanted(l->spec)) {
        r = cgroup_prepare(l->spec, l->supervisor_pid, &l->cgroup, e);
    }
    if (r == 0 && l->anchor_pid > 0 && l->cgroup.unit != NULL) {
        struct err ignored = {0};

        /* Or a manager might end it with the caller's session. */
        (void)scope_attach(l->cgroup.unit, "/supervisor", l->anchor_pid, &ignored);
    }
    r = r < 0 ? r : check_second_stage(l, e);
    return r < 0 ? r : hand_over(l, o, e);
}

static int launch_start(struct launch *l, const struct box_options *o, struct undo *undo,
                        struct err *e)
{
    int r = launch_prepare(l, e);

    if (r == 0 && l->supervise.is_new) {
        attach_block_signals(); /* or one would end the launcher with the container half-made */
        r = state_create(l->store, l->spec, &l->state, e);
    } else if (r == 0) {
        r = state_open(l->store, l->spec, &l->state, e); /* may wait for a cp */
        attach_block_signals();
    }
    if (r == 0) {
        undo_push(undo, undo_state, l);
        r = l->supervise.is_new ? anonymous_make(l->store, l->spec, e) : 0;
    }
    if (r == 0) {
        r = launch_supervisor(l, o, e);
    }
    if (r == 0) {
        undo_push(undo, undo_cgroup, l);
        undo_push(undo, undo_supervisor, l);
        r = launch_serve(l, o, e);
        if (r < 0) {
            r = sync_prefer_its_error(l->control_fd, e);
        }
    }
    return r;
}

static int launch(struct launch *l, const struct box_options *o, struct err *e)
{
    struct report report = {0};
    struct attach attach = {.terminal = l->spec->process.terminal,
                            .interactive = l->spec->box.interactive,
                            .detach_keys = o->detach_keys,
                            .is_owner = o->mode == SUPERVISE_FOREGROUND,
                            .only_start = o->mode == SUPERVISE_DETACHED,
                            .pidfile = o->pidfile,
                            .ret_report = &report};
    struct undo undo = {0};
    int r = launch_start(l, o, &undo, e);

    if (r == 0) {
        attach.control_fd = l->control_fd;
        attach.has_streams = supervise_has_streams(&l->supervise);
        r = attach_run(&attach, e);
    }
    close_fd(&l->control_fd);
    if (r >= 0) {
        undo_forget(&undo);
        close_fd(&l->supervisor_pidfd);
    }
    undo_run(&undo);
    join_done(&l->supervise.join);
    network_seat_done(&l->supervise.seat);
    state_done(&l->state);
    cgroup_done(&l->cgroup);
    seccomp_done(&l->filter);
    state_sweep(l->store);
    if (r >= 0 && o->mode != SUPERVISE_DETACHED && l->spec->box.report != NULL &&
        report_write(&report, r, l->spec->box.report, e) < 0) {
        return -e->errnum;
    }
    return r;
}

static struct launch launch_init(const struct store *store, struct spec *s,
                                 const struct box_options *o, int is_new)
{
    struct launch l = {.store = store,
                       .spec = s,
                       .supervise = {.spec = s,
                                     .caller_uid = geteuid(),
                                     .mode = o->mode,
                                     .is_new = is_new,
                                     .net = NET_INIT,
                                     .seat = NETWORK_SEAT_INIT},
                       .state = {.dir_fd = -1, .lock_fd = -1},
                       .cgroup = CGROUP_INIT,
                       .control_fd = -1,
                       .supervisor_pidfd = -1};

    join_init(&l.supervise.join);
    return l;
}

int box_run(const struct store *store, struct spec *s, const struct box_options *o, struct err *e)
{
    struct launch l = launch_init(store, s, o, /* is_new= */ 1);

    return launch(&l, o, e);
}

int box_start(const struct store *store, struct spec *s, const struct box_options *o, struct err *e)
{
    struct launch l = launch_init(store, s, o, /* is_new= */ 0);

    return launch(&l, o, e);
}

int box_create(const struct store *store, struct spec *s, const struct box_options *o,
               struct err *e)
{
    struct state st;
    struct err ignored = {0};
    int r = 0;

    attach_block_signals(); /* as in launch_start() */
    r = state_create(store, s, &st, e);
    if (r < 0) {
        return r;
    }
    r = anonymous_make(store, s, e);
    r = r < 0 ? r : state_write_config(&st, s, e);
    r = r < 0 ? r : write_cidfile(o, st.id, e);
    if (r == 0) {
        state_release(&st);
    } else {
        (void)state_remove(&st, s, /* with_volumes= */ 1, &ignored);
    }
    state_done(&st);
    return r;
}
