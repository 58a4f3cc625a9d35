/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper's start, loop and end; requests are network_request.c's. */
#include "box/network_keeper.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "box/net.h"
#include "box/process.h"
#include "box/scope.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    START_MS = 10000,
    FIRST_MS = 10000,   /* for the one who started it to come */
    LOOK_AGAIN_MS = 20, /* somebody starts a container right now: will it come here? */
    FOLDER_TRIES = 50,
    FIRST_NUMBER = 100, /* above the interfaces that are there already */
    AGAIN_MS = 1000,    /* between two starts of slirp4netns, or of the resolver */
    EXPECT_MS = 5000,   /* those who lost the keeper before to come */
};

struct sockaddr_un keeper_address(int folder_fd)
{
    return path_socket_address(folder_fd, KEEPER_SOCKET);
}

/* ---- start */

/* A new folder, or that of a keeper that died. A sweep may take it away at the same time. */
static int lock_folder(struct keeper *k, struct err *e)
{
    for (int i = 0; i < FOLDER_TRIES; i++) {
        struct stat st;

        if (dir_make(k->store->run_fd, KEEPER_FOLDER, 0700, &k->folder_fd, e) < 0) {
            return -e->errnum;
        }
        if (flock(k->folder_fd, LOCK_EX | LOCK_NB) == 0 && fstat(k->folder_fd, &st) == 0 &&
            st.st_nlink > 0) {
            return 0;
        }
        close_fd(&k->folder_fd);
        clock_sleep_ms(LOOK_AGAIN_MS);
    }
    return err_new(e, EBUSY, "another process keeps the networks, and does not answer");
}

static int open_socket(struct keeper *k, struct err *e)
{
    const struct sockaddr_un a = keeper_address(k->folder_fd);

    (void)unlinkat(k->folder_fd, KEEPER_SOCKET, 0);
    k->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (k->listen_fd < 0 || bind(k->listen_fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(k->listen_fd, SOMAXCONN) < 0) {
        return err_set(e, errno, "cannot listen for containers of the networks");
    }
    return 0;
}

static int start_slirp(struct keeper *k, struct err *e)
{
    return NET_SLIRP4NETNS.start(k->own_netns_fd, &k->slirp, e);
}

/* Wait until slirp4netns works, once. */
int keeper_await_way_out(struct keeper *k, struct err *e)
{
    int r = 0;

    if (k->is_out) {
        return 0;
    }
    r = NET_SLIRP4NETNS.ready(&k->slirp, NET_READY_TIMEOUT_MS, e);
    r = r < 0 ? r : plug_open_way_out(k, e);
    k->is_out = r == 0;
    return r;
}

static int open_role(struct keeper *k, struct err *e)
{
    int r = proc_raise_ambient(e); /* for slirp4netns */

    r = r < 0 ? r : lock_folder(k, e);
    r = r < 0 ? r : keeper_make_space(k, e);
    r = r < 0 ? r : start_slirp(k, e);
    r = r < 0 ? r : names_start(k, e);
    return r < 0 ? r : open_socket(k, e);
}

/* ---- the loop */

/* slirp4netns died: a new one, with the same tap device. Containers' connections to the outside are
 * lost, those among themselves are not. */
static void restart_slirp(struct keeper *k)
{
    struct err e = {0};

    k->slirp_again_ms = clock_monotonic_ms() + AGAIN_MS;
    proc_kill_reap(&k->slirp.helpers[NET_HELPER_BACKEND].pidfd);
    net_done(&k->slirp);
    k->slirp.is_again = 1;
    k->is_out = 0;
    if (start_slirp(k, &e) < 0 || keeper_await_way_out(k, &e) < 0) {
        proc_kill_reap(&k->slirp.helpers[NET_HELPER_BACKEND].pidfd); /* the next one may work */
        debug("networks: %s", e.msg);
    }
}

/* The resolver died: a new one, that is told everything. */
static void restart_names(struct keeper *k)
{
    struct err e = {0};
    int r = 0;

    k->names_again_ms = clock_monotonic_ms() + AGAIN_MS;
    proc_kill_reap(&k->names.pidfd);
    close_fd(&k->names_fd);
    r = names_start(k, &e);
    for (const struct network *n = k->networks; r == 0 && n != NULL; n = n->next) {
        r = n->is_up && n->config.has_dns ? names_add_network(k, n, &e) : 0;
    }
    for (const struct member *m = k->members; r == 0 && m != NULL; m = m->next) {
        for (const struct plug *p = m->plugs; r == 0 && p != NULL; p = p->next) {
            r = p->pair[0] != '\0' ? names_add_plug(k, m, p, &e) : 0;
        }
    }
    if (r < 0) {
        proc_kill_reap(&k->names.pidfd); /* one that knows half of it would not do */
        debug("networks: %s", e.msg);
    }
}

/* End, if nobody comes: whoever wants to holds the lock from before it connects until it is
 * answered. The lock falls with this process. */
static void end_unless_wanted(const struct keeper *k)
{
    struct pollfd p = {.fd = k->listen_fd, .events = POLLIN};
    autoclose int lock_fd =
        openat(k->store->dir_fd, NETWORK_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (lock_fd >= 0 && (flock(lock_fd, LOCK_EX | LOCK_NB) < 0 || poll(&p, 1, 0) != 0)) {
        return;
    }
    (void)unlinkat(k->folder_fd, KEEPER_SOCKET, 0);
    (void)unlinkat(k->store->run_fd, KEEPER_FOLDER, AT_REMOVEDIR);
    _exit(EXITCODE_OK); /* all below, slirp4netns too, go with PID 1 of their namespace */
}

static void accept_member(struct keeper *k)
{
    int fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        (void)member_new(k, fd);
    }
}

enum {
    POLL_LISTEN,
    POLL_SLIRP,
    POLL_NAMES,
    POLL_NEIGHBOURS,
    POLL_MEMBERS
};

/* slirp4netns and the resolver are looked after only when they may be started again: the end of
 * one that has just been started is left to be seen until then. */
static int is_held_back(const struct keeper *k, size_t which)
{
    return clock_monotonic_ms() < (which == POLL_SLIRP ? k->slirp_again_ms : k->names_again_ms);
}

static int pidfd_of(const struct keeper *k, size_t which)
{
    return which == POLL_SLIRP ? k->slirp.helpers[NET_HELPER_BACKEND].pidfd : k->names.pidfd;
}

/* Does one of the two, or somebody who does not come, need a look without being heard of? */
static int must_look_again(const struct keeper *k)
{
    return k->expect_until_ms > 0 || is_held_back(k, POLL_SLIRP) || pidfd_of(k, POLL_SLIRP) < 0 ||
           is_held_back(k, POLL_NAMES) || pidfd_of(k, POLL_NAMES) < 0;
}

static int is_due(const struct keeper *k, size_t which, const struct pollfd *polls)
{
    return polls[which].revents != 0 || (pidfd_of(k, which) < 0 && !is_held_back(k, which));
}

static size_t fill_polls(const struct keeper *k, struct buf *b)
{
    const int fixed[POLL_MEMBERS] = {
        [POLL_LISTEN] = k->listen_fd,
        [POLL_SLIRP] = is_held_back(k, POLL_SLIRP) ? -1 : pidfd_of(k, POLL_SLIRP),
        [POLL_NAMES] = is_held_back(k, POLL_NAMES) ? -1 : pidfd_of(k, POLL_NAMES),
        [POLL_NEIGHBOURS] = k->neighbours_fd,
    };
    size_t count = 0;

    b->len = 0;
    for (; count < POLL_MEMBERS; count++) {
        buf_add(b, &(struct pollfd){.fd = fixed[count], .events = POLLIN}, sizeof(struct pollfd));
    }
    for (const struct member *m = k->members; m != NULL; m = m->next, count++) {
        buf_add(b, &(struct pollfd){.fd = m->fd, .events = POLLIN}, sizeof(struct pollfd));
    }
    return count;
}

static void serve(struct keeper *k, const struct pollfd *polls)
{
    size_t i = POLL_MEMBERS;

    /* A member that goes takes itself out of the list; new ones come to its front, later. */
    for (struct member *m = k->members, *next = NULL; m != NULL; m = next, i++) {
        next = m->next;
        if (polls[i].revents != 0) {
            request_serve(k, m);
        }
    }
    if (polls[POLL_NEIGHBOURS].revents != 0) {
        neighbours_serve(k);
    }
    if (is_due(k, POLL_SLIRP, polls)) {
        restart_slirp(k);
    }
    if (is_due(k, POLL_NAMES, polls)) {
        restart_names(k);
    }
    if (polls[POLL_LISTEN].revents != 0) {
        accept_member(k);
    }
}

static _Noreturn void loop(struct keeper *k)
{
    const int64_t first_ms = clock_monotonic_ms() + FIRST_MS;
    struct buf polls = {0};
    int has_come = 0;

    for (;;) {
        const size_t count = fill_polls(k, &polls);
        const int timeout_ms = k->members == NULL   ? LOOK_AGAIN_MS
                               : must_look_again(k) ? AGAIN_MS
                                                    : -1;

        (void)poll((struct pollfd *)(void *)polls.data, count, timeout_ms);
        serve(k, (const struct pollfd *)(const void *)polls.data);
        if (k->expect_until_ms > 0 && clock_monotonic_ms() > k->expect_until_ms) {
            k->expect_until_ms = 0;
            request_give_up(k);
        }
        has_come = has_come || k->members != NULL;
        if (k->members == NULL && (has_come || clock_monotonic_ms() > first_ms)) {
            end_unless_wanted(k);
        }
    }
}

/* ---- birth */

static void expect_all(struct keeper *k, const json_t *reservations)
{
    const json_t *q = NULL;
    size_t i = 0;

    json_array_foreach(reservations, i, q)
    {
        request_expect(k, q);
    }
    k->expect_until_ms = k->members != NULL ? clock_monotonic_ms() + EXPECT_MS : 0;
}

static _Noreturn void keeper_main(const struct store *store, const struct spec *s,
                                  const struct survivors *survivors, int start_fd)
{
    struct store own = *store;
    struct keeper k = {.store = &own,
                       .spec = *s,
                       .folder_fd = -1,
                       .listen_fd = -1,
                       .own_netns_fd = -1,
                       .route_fd = -1,
                       .neighbours_fd = -1,
                       .names = {.pidfd = -1, .ready_fd = -1},
                       .names_fd = -1,
                       .slirp = NET_INIT,
                       .next_number = FIRST_NUMBER};
    const int keep[] = {own.dir_fd, own.run_fd, start_fd};
    struct err e = {0};
    char go = 0;

    k.slirp.backend = &NET_SLIRP4NETNS;
    k.slirp.spec = &k.spec;
    process_supervise("rbox-networks");
    process_detach(keep, sizeof(keep) / sizeof(keep[0]));
    if (read(start_fd, &go, 1) != 1) {
        _exit(EXITCODE_RBOX);
    }
    if (open_role(&k, &e) < 0) {
        (void)fd_send(start_fd, &e, sizeof(e), NULL, 0);
        _exit(EXITCODE_RBOX);
    }
    expect_all(&k, survivors->reservations);
    (void)fd_send(start_fd, &e, sizeof(e), NULL, 0);
    close_fd(&start_fd);
    loop(&k);
}

/* All ids that the caller has, his own among them: whoever makes a namespace below must be mapped
 * here. */
static int choose_maps(struct spec *s, struct err *e)
{
    struct spec_idmap *maps[] = {&s->linux_.uid_mappings, &s->linux_.gid_mappings};
    const uint32_t own[] = {geteuid(), getegid()};
    int r = userns_own_maps(s, e);

    for (int i = 0; r == 0 && i < 2; i++) {
        uint32_t next = 0;

        for (size_t j = 0; j < maps[i]->count; j++) {
            const struct spec_idmap_row *row = &maps[i]->rows[j];

            next = row->container_id + row->size > next ? row->container_id + row->size : next;
        }
        if (idmap_to_container(maps[i], own[i]) < 0) {
            spec_idmap_add(maps[i], next, own[i], 1);
        }
    }
    return r;
}

static int await_start(int fd, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct err failure = {0};

    if (poll(&p, 1, START_MS) != 1) {
        return err_new(e, ETIMEDOUT, "the networks were not ready after %d ms", START_MS);
    }
    if (fd_recv(fd, &failure, sizeof(failure), NULL, 0, NULL) != (ssize_t)sizeof(failure)) {
        return err_new(e, ECHILD, "the process that keeps the networks died");
    }
    *e = failure;
    return -e->errnum;
}

/* A scope of its own, where there is a manager: whoever ends the session or the service that
 * started the first container must not end the networks of all others. */
static void leave_callers_cgroup(pid_t pid)
{
    autofree char *unit = xasprintf("rbox-networks-%d.scope", (int)pid);
    const struct scope_request q = {
        .unit = unit, .description = "networks of rbox", .slice = scope_slice(), .pid = pid};
    struct err why = {0};

    if (scope_start(&q, &why) < 0) {
        debug("networks: no scope: %s", why.msg);
    }
}

static int enter_upper(void *arg, pid_t pid, struct err *e)
{
    const struct survivors *l = arg;

    (void)pid;
    return setns(l->userns_fd, CLONE_NEWUSER) < 0
               ? err_set(e, errno, "cannot join the user namespace of the networks")
               : 0;
}

/* In the user namespace that is there, or in a new one. Returns as ns_clone(). */
static pid_t clone_keeper(struct survivors *l, int *ret_pidfd, struct err *e)
{
    return l->userns_fd >= 0 ? ns_clone_between(enter_upper, NULL, l, CLONE_NEWPID, ret_pidfd, e)
                             : ns_clone(CLONE_NEWUSER | CLONE_NEWPID, -1, ret_pidfd, e);
}

static int start(const struct store *store, const struct spec *s, struct survivors *l,
                 struct err *e)
{
    autoclose int start_fd = -1;
    autokill int pidfd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    int r = sync_pair(pair, e);

    if (r < 0) {
        return r;
    }
    start_fd = pair[0];
    pid = clone_keeper(l, &pidfd, e);
    if (pid == 0) {
        close_fd(&start_fd);
        keeper_main(store, s, l, pair[1]);
    }
    (void)close(pair[1]);
    r = pid < 0 ? (int)pid : 0;
    if (r == 0 && l->userns_fd < 0) {
        r = userns_map(pid, &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
    }
    if (r == 0) {
        leave_callers_cgroup(pid); /* before it has children, which would stay there */
    }
    if (r == 0 && fd_send(start_fd, "g", 1, NULL, 0) < 0) {
        r = err_new(e, ECHILD, "the process that keeps the networks died");
    }
    r = r < 0 ? r : await_start(start_fd, e);
    if (r == 0) {
        close_fd(&pidfd); /* it lives on */
    }
    return r;
}

int keeper_start(const struct store *store, int upper_fd, struct err *e)
{
    struct survivors survivors = {.userns_fd =
                                      upper_fd >= 0 ? fcntl(upper_fd, F_DUPFD_CLOEXEC, 3) : -1};
    struct spec s = {0};
    int r = choose_maps(&s, e);

    if (keeper_has_ip6()) {
        strv_push(&s.box.network.options, "enable_ipv6=true");
    }
    r = r < 0 ? r : NET_SLIRP4NETNS.check(&s, e);
    r = r < 0 ? r : survivors_find(store, &survivors, e);
    r = r < 0 ? r : start(store, &s, &survivors, e);
    survivors_done(&survivors);
    spec_done(&s);
    return r;
}
