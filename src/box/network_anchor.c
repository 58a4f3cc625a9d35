/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container of user networks leaves outside; declared in network.h.
 *
 * A new keeper must sit in the upper user namespace, above those of its members, and nobody gets
 * there from below: not a supervisor, whatever it may do inside. So one process stays where the
 * launcher was, asleep. When the supervisor has seen the keeper die it wakes its anchor, which does
 * what the launcher did: it finds a keeper, or starts one (whichever anchor is first), takes the
 * container's seat with the addresses it had, and hands it over. It ends with the supervisor. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/network.h"
#include "box/process.h"
#include "box/sync.h"
#include "spec/spec_join.h"
#include "spec/spec_json.h"
#include "sys/fd.h"
#include "sys/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SEAT_FDS = 3,
    ASK_MS = 20000 /* a keeper may have to start, and others wait for it, too */
};

struct anchor {
    const struct store *store;
    const char *id;
    int socket_fd;
    int upper_fd;
};

/* Its networks are those of now: others have connected and disconnected it meanwhile. */
static int take_seat(const struct anchor *a, struct network_seat *ret, struct err *e)
{
    autoclose int dir_fd =
        openat(a->store->containers_fd, a->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct spec s = {0};
    int r = 0;

    r = dir_fd < 0 ? err_set(e, errno, "cannot open the container's folder")
                   : spec_json_load(dir_fd, "config.json", /* listed_only= */ 0, &s, e);
    if (r == 0) {
        spec_joins_insist(&s.box.network);
        r = network_enter(a->store, &s, a->upper_fd, ret, e);
    }
    spec_done(&s);
    return r;
}

static void serve(const struct anchor *a)
{
    struct network_seat seat = NETWORK_SEAT_INIT;
    struct err e = {0};
    int r = take_seat(a, &seat, &e);
    const int fds[SEAT_FDS] = {seat.fd, seat.keeper_pidfd, seat.userns_fd};

    if (r == 0) {
        r = fd_send(a->socket_fd, &e, sizeof(e), fds, SEAT_FDS);
        r = r < 0 ? err_set(&e, -r, "cannot hand a seat in the networks over") : 0;
    }
    if (r < 0) { /* it waits for an answer */
        (void)fd_send(a->socket_fd, &e, sizeof(e), NULL, 0);
    }
    network_seat_done(&seat);
}

static _Noreturn void anchor_main(const struct anchor *a)
{
    const int keep[] = {a->store->dir_fd, a->store->containers_fd, a->store->run_fd, a->socket_fd,
                        a->upper_fd};
    char byte = 0;

    process_supervise("rbox-anchor");
    process_detach(keep, sizeof(keep) / sizeof(keep[0]));
    while (fd_recv(a->socket_fd, &byte, 1, NULL, 0, NULL) == 1) {
        while (waitpid(-1, NULL, WNOHANG) > 0) { /* keepers that died */
        }
        serve(a);
    }
    _exit(EXITCODE_OK);
}

int network_anchor_start(const struct store *store, const char *id, struct network_seat *seat,
                         pid_t *ret_pid, struct err *e)
{
    autoclose int pidfd = -1;
    int fd = -1;
    pid_t pid = sync_fork(0, &fd, &pidfd, e);

    if (pid == 0) {
        anchor_main(&(struct anchor){
            .store = store, .id = id, .socket_fd = fd, .upper_fd = seat->userns_fd});
    }
    seat->anchor_fd = fd;
    *ret_pid = pid;
    return pid < 0 ? (int)pid : 0;
}

int network_seat_renew(struct network_seat *seat, struct err *e)
{
    struct pollfd p = {.fd = seat->anchor_fd, .events = POLLIN};
    int fds[SEAT_FDS] = {-1, -1, -1};
    struct err said = {0};

    if (fd_send(seat->anchor_fd, "s", 1, NULL, 0) < 0 || poll(&p, 1, ASK_MS) != 1 ||
        fd_recv(seat->anchor_fd, &said, sizeof(said), fds, SEAT_FDS, NULL) !=
            (ssize_t)sizeof(said)) {
        close_fd(&seat->anchor_fd); /* its answer may still come */
        return err_new(e, ECHILD, "the process that would find another keeper does not answer");
    }
    if (said.errnum != 0) {
        *e = said;
        return -e->errnum;
    }
    close_fd(&seat->fd);
    close_fd(&seat->keeper_pidfd);
    close_fd(&seat->userns_fd);
    seat->fd = fds[0];
    seat->keeper_pidfd = fds[1];
    seat->userns_fd = fds[2];
    return 0;
}
