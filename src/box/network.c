/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "box/net_program.h"
#include "box/network_config.h"
#include "box/network_keeper.h"
#include "spec/spec_join.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_MS = 15000, /* slirp4netns may have to start first */
    ENTER_TRIES = 3
};

void network_seat_done(struct network_seat *seat)
{
    close_fd(&seat->fd);
    close_fd(&seat->keeper_pidfd);
    close_fd(&seat->userns_fd);
    close_fd(&seat->anchor_fd);
}

/* ---- asking */

static int send_request(int fd, json_t *q, int pass_fd, struct err *e)
{
    autofree char *text = json_text(q);
    int r = fd_send(fd, text, strlen(text), &pass_fd, pass_fd >= 0);

    json_decref(q);
    return r < 0 ? err_set(e, -r, "cannot ask the keeper of the networks") : 0;
}

static int read_error(const json_t *o, struct err *e)
{
    int64_t errnum = 0;
    const char *message = "";
    const char *hint = "";
    struct err ignored = {0};

    if (json_get_int(o, "errnum", "", &errnum, &ignored) < 0 || errnum <= 0) {
        return 0;
    }
    (void)json_get_string(o, "message", "", &message, &ignored);
    (void)json_get_string(o, "hint", "", &hint, &ignored);
    (void)err_new(e, (int)errnum, "%s", message);
    return err_hint(e, "%s", hint);
}

/* On success the caller owns *ret and *ret_fd. Errors: the keeper's; -EPIPE it died. */
static int take_answer(int fd, json_t **ret, int *ret_fd, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    autofree char *text = xmalloc(KEEPER_MESSAGE_MAX);
    json_auto_t *o = NULL;
    autoclose int passed_fd = -1;
    ssize_t n = 0;
    int r = 0;

    do {
        r = poll(&p, 1, ANSWER_MS);
    } while (r < 0 && errno == EINTR);
    if (r <= 0) {
        return err_new(e, ETIMEDOUT, "the keeper of the networks does not answer");
    }
    n = fd_recv(fd, text, KEEPER_MESSAGE_MAX, &passed_fd, 1, NULL);
    if (n <= 0) {
        return err_new(e, EPIPE, "the keeper of the networks died");
    }
    r = json_parse(text, (size_t)n, "its answer", &o, e);
    r = r < 0 ? r : read_error(o, e);
    if (r < 0) {
        return r;
    }
    if (ret != NULL) {
        *ret = json_incref(o);
    }
    if (ret_fd != NULL) {
        *ret_fd = steal_fd(&passed_fd);
    }
    return 0;
}

/* Returns -ECONNREFUSED, or -ENOENT, where there is no keeper. */
static int connect_keeper(const struct store *store, int *ret_fd)
{
    autoclose int folder_fd =
        openat(store->run_fd, KEEPER_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const struct sockaddr_un a = keeper_address(folder_fd);
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (folder_fd < 0 || fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        return -errno;
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int find_keeper(const struct store *store, int upper_fd, int *ret_fd, struct err *e)
{
    int r = connect_keeper(store, ret_fd);

    if (r == -ECONNREFUSED || r == -ENOENT) {
        r = keeper_start(store, upper_fd, e);
        if (r < 0) {
            return r;
        }
        r = connect_keeper(store, ret_fd);
    }
    return r < 0 ? err_set(e, -r, "cannot reach the keeper of the networks") : 0;
}

/* ---- a container */

int network_check(const struct store *store, struct spec *s, struct err *e)
{
    struct spec_network *n = &s->box.network;

    for (size_t i = 0; i < n->join_count; i++) {
        struct network_config c = {0};
        int r = network_config_find(store, n->joins[i].network, &c, e);

        if (r == 0 && !str_eq(n->joins[i].network, c.name)) {
            if (spec_join_find(n, c.name) != NULL) {
                r = err_new(e, EINVAL, "network '%s' is named twice", c.name);
            }
            free(n->joins[i].network);
            n->joins[i].network = xstrdup(c.name);
        }
        network_config_done(&c);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

json_t *keeper_reservation(const struct spec *s)
{
    json_t *joins = spec_joins_write(s);

    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "op", "reserve", "id", s->box.id, "name",
                     s->box.name, "dns", json_from_strv(&s->box.network.dns), "joins",
                     joins != NULL ? joins : json_array());
}

/* The order is that of the request. */
static int take_joins(const json_t *answer, struct spec *s, struct err *e)
{
    const json_t *joins = json_object_get(answer, "joins");
    struct spec_network *n = &s->box.network;

    for (size_t i = 0; i < n->join_count; i++) {
        struct spec_join j = {0};

        if (spec_join_read(json_array_get(joins, i), &j) < 0) {
            return err_new(e, EPROTO, "the keeper of the networks gave no address");
        }
        spec_join_done(&n->joins[i]);
        n->joins[i] = j;
    }
    return 0;
}

/* It is the keeper itself that listens; one of another PID namespace (pid 0) can't be watched.
 * Errors: -EPIPE it has died since it answered. */
static int open_peer(int fd, int *ret_pidfd, struct err *e)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    int r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    int pidfd = r < 0 || peer.pid == 0 ? -1 : proc_open(peer.pid);

    if (r == 0 && peer.pid == 0) {
        return 0;
    }
    if (pidfd < 0 && errno == ESRCH) {
        return err_new(e, EPIPE, "the keeper of the networks died");
    }
    if (pidfd < 0) {
        return err_set(e, errno, "cannot watch the keeper of the networks");
    }
    *ret_pidfd = pidfd;
    return 0;
}

static int enter_once(const struct store *store, struct spec *s, int upper_fd,
                      struct network_seat *ret, struct err *e)
{
    json_auto_t *answer = NULL;
    int r = find_keeper(store, upper_fd, &ret->fd, e);

    r = r < 0 ? r : send_request(ret->fd, keeper_reservation(s), -1, e);
    r = r < 0 ? r : take_answer(ret->fd, &answer, &ret->userns_fd, e);
    r = r < 0 ? r : take_joins(answer, s, e);
    return r < 0 ? r : open_peer(ret->fd, &ret->keeper_pidfd, e);
}

int network_enter(const struct store *store, struct spec *s, int upper_fd, struct network_seat *ret,
                  struct err *e)
{
    struct network_seat seat = NETWORK_SEAT_INIT;
    autoclose int lock_fd = -1;
    int r = 0;

    if (s->box.network.backend != SPEC_NET_USER) {
        return 0;
    }
    r = network_check(store, s, e);
    r = r < 0 ? r : network_config_lock(store, &lock_fd, e);
    if (r < 0) {
        return r;
    }
    for (int i = 0; i < ENTER_TRIES; i++) {
        network_seat_done(&seat);
        err_clear(e);
        r = enter_once(store, s, upper_fd, &seat, e);
        if (r != -EPIPE) {
            break; /* -EPIPE: it was killed right now; the next one is ours */
        }
    }
    if (r < 0) {
        network_seat_done(&seat);
        return r;
    }
    *ret = seat;
    return 0;
}

int network_check_user(const struct network_seat *seat, int user_fd, struct err *e)
{
    autoclose int above_fd = seat->fd >= 0 && user_fd >= 0 ? ioctl(user_fd, NS_GET_PARENT) : -1;

    if (seat->fd < 0 || user_fd < 0 || ns_is_same(above_fd, seat->userns_fd)) {
        return 0;
    }
    (void)err_new(e, EINVAL,
                  "a container in networks cannot join namespaces of one that is in none");
    return err_hint(e, "put both into networks");
}

static int ask_about(const struct store *store, json_t *q, json_t **ret, struct err *e)
{
    autoclose int fd = -1;
    int r = connect_keeper(store, &fd);

    if (r < 0) {
        json_decref(q);
        return err_new(e, ESRCH, "it is not in a network of yours");
    }
    r = send_request(fd, q, -1, e);
    return r < 0 ? r : take_answer(fd, ret, NULL, e);
}

int network_connect(const struct store *store, const char *id, struct spec_join *j, struct err *e)
{
    json_auto_t *answer = NULL;
    struct spec_join got = {0};
    int r = ask_about(
        store, json_pack("{s:s, s:s, s:o}", "op", "connect", "id", id, "join", spec_join_write(j)),
        &answer, e);

    if (r == 0 && spec_join_read(json_object_get(answer, "join"), &got) < 0) {
        r = err_new(e, EPROTO, "the keeper of the networks gave no address");
    }
    if (r == 0) {
        spec_join_done(j);
        *j = got;
    }
    return r;
}

int network_disconnect(const struct store *store, const char *id, const char *network,
                       struct err *e)
{
    return ask_about(store,
                     json_pack("{s:s, s:s, s:s}", "op", "disconnect", "id", id, "network", network),
                     NULL, e);
}

int network_is_internal(const struct spec *s)
{
    for (size_t i = 0; i < s->box.network.join_count; i++) {
        if (!s->box.network.joins[i].is_internal) {
            return 0;
        }
    }
    return 1;
}

void network_nameservers(const struct spec *s, struct strv *ret)
{
    for (size_t i = 0; i < s->box.network.join_count; i++) {
        if (s->box.network.joins[i].has_dns) {
            strv_push(ret, s->box.network.joins[i].gateway);
        }
    }
}

/* ---- the backend */

static int user_check(const struct spec *s, struct err *e)
{
    (void)s;
    (void)e;
    return 0; /* the keeper's start checks; one that runs needs nothing more */
}

static int user_start(int netns_fd, struct net *n, struct err *e)
{
    struct pollfd keeper = {.fd = n->seat->keeper_pidfd, .events = POLLIN};
    int r = poll(&keeper, 1, 0) > 0 && n->seat->anchor_fd >= 0 ? network_seat_renew(n->seat, e) : 0;

    r = r < 0 ? r : send_request(n->seat->fd, json_pack("{s:s}", "op", "attach"), netns_fd, e);
    if (r == -EPIPE) { /* as user_ready() will find */
        err_clear(e);
        r = 0;
    }
    if (r == 0) {
        n->helpers[NET_HELPER_BACKEND].pidfd =
            fcntl(n->seat->keeper_pidfd, F_DUPFD_CLOEXEC, 3); /* to be watched */
    }
    return r;
}

static int user_ready(struct net *n, int timeout_ms, struct err *e)
{
    struct pollfd keeper = {.fd = n->seat->keeper_pidfd, .events = POLLIN};
    int r = take_answer(n->seat->fd, NULL, NULL, e);

    /* It was killed right now: the next one is asked. */
    if (r == -EPIPE && n->seat->anchor_fd >= 0 && poll(&keeper, 1, timeout_ms) > 0) {
        err_clear(e);
        close_fd(&n->helpers[NET_HELPER_BACKEND].pidfd);
        r = user_start(n->netns_fd, n, e);
        r = r < 0 ? r : take_answer(n->seat->fd, NULL, NULL, e);
    }
    if (r < 0) {
        close_fd(&n->helpers[NET_HELPER_BACKEND].pidfd); /* it is others', too: nobody ends it */
    }
    return r;
}

static struct net_info user_info(const struct spec *s)
{
    struct net_info info = net_usual();
    autostrv struct strv servers = {0};

    network_nameservers(s, &servers);
    info.address.s_addr = 0; /* it may have been taken out of all */
    if (s->box.network.join_count > 0) {
        (void)inet_pton(AF_INET, s->box.network.joins[0].address, &info.address);
    }
    if (servers.len > 0) {
        (void)inet_pton(AF_INET, servers.v[0], &info.dns);
    }
    return info;
}

/* The keeper goes on; it hears that the namespace is at its end. */
static void user_stop(struct net *n)
{
    struct err ignored = {0};

    if (send_request(n->seat->fd, json_pack("{s:s}", "op", "detach"), -1, &ignored) == 0) {
        (void)take_answer(n->seat->fd, NULL, NULL, &ignored);
    }
}

const struct net_backend NET_USER = {
    .name = "user",
    .check = user_check,
    .start = user_start,
    .ready = user_ready,
    .info = user_info,
    .stop = user_stop,
};
