/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver of user networks; declared in network_keeper.h.
 *
 * A process of its own, since it reads what containers send: with no capability, a list of system
 * calls, and a table of names that the keeper fills over a socket. It answers at each network's
 * gateway. Who asks is known by the address: a container gets the names of all networks it is in,
 * and of no other. What is nobody's name goes to the servers of its --dns, else to slirp4netns',
 * which asks the host's; but not for a container whose networks all have no way out. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/dns_relay.h"
#include "box/net_program.h"
#include "box/network_keeper.h"
#include "box/sync.h"
#include "spec/spec_name.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TTL_S = 1, /* a container may be another one soon */
    ASK_MS = 5000
};

enum names_op {
    NAMES_LISTEN,
    NAMES_UNLISTEN,
    NAMES_SEAT, /* somebody at an address, with servers of his own */
    NAMES_ADD,  /* a name of his */
    NAMES_DROP  /* seat and names of one in a network */
};

/* What the keeper says; an errno comes back. */
struct names_message {
    uint32_t op;
    uint32_t network;
    uint32_t owner;
    int is_internal;
    struct in_addr address; /* IPv4, of a gateway for (UN)LISTEN */
    int has_address6;
    struct in6_addr address6;
    char name[DNS_NAME_MAX + 1];
    struct dns_servers servers;
};

/* ---- the resolver */

struct names {
    int keeper_fd;
    struct dns_relay *relay;
    struct dns_servers servers;
    struct names_message *v; /* of NAMES_SEAT and NAMES_ADD */
    size_t count;
};

static const struct names_message *seat_of(const struct names *n, const union dns_address *asker)
{
    for (size_t i = 0; asker->any.sa_family == AF_INET && i < n->count; i++) {
        const struct names_message *m = &n->v[i];

        if (m->op == NAMES_SEAT && m->address.s_addr == asker->in.sin_addr.s_addr) {
            return m;
        }
    }
    return NULL;
}

static int is_in(const struct names *n, uint32_t owner, uint32_t network)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct names_message *m = &n->v[i];

        if (m->op == NAMES_SEAT && m->owner == owner && m->network == network) {
            return 1;
        }
    }
    return 0;
}

/* The servers for @seat's owner; NULL: there is no way out for him. */
static const struct dns_servers *servers_of(const struct names *n, const struct names_message *seat)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct names_message *m = &n->v[i];

        if (m->op == NAMES_SEAT && m->owner == seat->owner && !m->is_internal) {
            return seat->servers.count > 0 ? &seat->servers : &n->servers;
        }
    }
    return NULL;
}

/* Answer with the addresses that @seat's owner sees under the name; 0 when it is nobody's. */
static size_t answer_own(const struct names *n, const struct names_message *seat,
                         const struct dns_question *q, const uint8_t *asked, uint8_t *out)
{
    size_t len = dns_write_verdict(asked, q, 0, /* truncated= */ 0, out);
    int is_known = 0;

    for (size_t i = 0; i < n->count; i++) {
        const struct names_message *m = &n->v[i];

        if (m->op != NAMES_ADD || strcmp(m->name, q->name) != 0 ||
            !is_in(n, seat->owner, m->network)) {
            continue;
        }
        is_known = 1;
        if (q->type == DNS_TYPE_A) {
            len = dns_add_address(out, len, AF_INET, &m->address, TTL_S);
        } else if (q->type == DNS_TYPE_AAAA && m->has_address6) {
            len = dns_add_address(out, len, AF_INET6, &m->address6, TTL_S);
        }
    }
    return is_known ? len : 0;
}

static struct dns_decision decide(void *arg, const union dns_address *asker,
                                  const struct dns_question *q, const uint8_t *asked, uint8_t *out)
{
    const struct names *n = arg;
    const struct names_message *seat = seat_of(n, asker);
    struct dns_decision d = {0};

    if (seat == NULL) {
        return d;
    }
    d.answer_len = answer_own(n, seat, q, asked, out);
    if (d.answer_len == 0) {
        d.servers = servers_of(n, seat);
    }
    if (d.answer_len == 0 && d.servers == NULL) {
        d.answer_len = dns_write_verdict(asked, q, DNS_NO_SUCH_NAME, /* truncated= */ 0, out);
    }
    return d;
}

static void drop(struct names *n, const struct names_message *q)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->v[i].owner == q->owner && n->v[i].network == q->network) {
            n->v[i--] = n->v[--n->count];
        }
    }
}

/* What the keeper asks for. Returns an errno. */
static int obey(struct names *n, const struct names_message *q)
{
    struct err e = {0};

    switch ((enum names_op)q->op) {
    case NAMES_LISTEN:
        (void)dns_relay_listen(n->relay, q->address, &e);
        return e.errnum;
    case NAMES_UNLISTEN:
        dns_relay_unlisten(n->relay, q->address);
        return 0;
    case NAMES_DROP:
        drop(n, q);
        return 0;
    case NAMES_SEAT:
    case NAMES_ADD:
        n->v = xrealloc(n->v, n->count + 1, sizeof(*n->v));
        n->v[n->count++] = *q;
        return 0;
    }
    return EINVAL;
}

/* The keeper's end is this process's, too. */
static void take_order(struct names *n)
{
    struct names_message q;
    ssize_t len = fd_recv(n->keeper_fd, &q, sizeof(q), NULL, 0, NULL);
    int32_t answer = EINVAL;

    if (len <= 0) {
        _exit(EXITCODE_OK);
    }
    if (len == (ssize_t)sizeof(q)) {
        q.name[sizeof(q.name) - 1] = '\0';
        answer = obey(n, &q);
    }
    (void)fd_send(n->keeper_fd, &answer, sizeof(answer), NULL, 0);
}

static _Noreturn void loop(struct names *n)
{
    struct pollfd polls[DNS_RELAY_POLLS + 1];

    for (;;) {
        const size_t count = dns_relay_poll(n->relay, polls);

        polls[count] = (struct pollfd){.fd = n->keeper_fd, .events = POLLIN};
        (void)poll(polls, count + 1, DNS_RELAY_TICK_MS);
        dns_relay_serve(n->relay, polls);
        if (polls[count].revents != 0) {
            take_order(n);
        }
    }
}

static int names_run(void *arg, int ready_fd, struct err *e)
{
    struct names *n = xcalloc(1, sizeof(*n));
    int r = 0;

    n->keeper_fd = *(const int *)arg;
    n->relay = dns_relay_new(&(struct dns_owner){.decide = decide, .arg = n});
    dns_servers_add_in(&n->servers, net_usual().dns);
    r = sandbox_enter(&(struct sandbox){.calls = DNS_RELAY_CALLS,
                                        .call_count = DNS_RELAY_CALL_COUNT,
                                        .capability = -1},
                      e);
    if (r < 0) {
        return r;
    }
    (void)close(ready_fd);
    loop(n);
}

/* ---- the keeper's side */

int names_start(struct keeper *k, struct err *e)
{
    int pair[2] = {-1, -1};
    struct net_fork fork = {.name = "rbox-names",
                            .run = names_run,
                            .arg = &pair[1],
                            .netns_fd = k->own_netns_fd,
                            .keep_fds = &pair[1],
                            .keep_count = 1};
    int r = sync_pair(pair, e);

    if (r < 0) {
        return r;
    }
    r = net_fork(&fork, &k->names, e);
    (void)close(pair[1]);
    k->names_fd = pair[0];
    return r < 0 ? r : net_fork_wait(&k->names, e);
}

/* An answer that comes too late would be taken for the next one: who does not answer is ended, and
 * the keeper's loop starts another, which is told everything. */
static int tell(const struct keeper *k, const struct names_message *q, struct err *e)
{
    struct pollfd p = {.fd = k->names_fd, .events = POLLIN};
    int32_t answer = EPIPE;
    int r = fd_send(k->names_fd, q, sizeof(*q), NULL, 0);

    if (r == 0 && poll(&p, 1, ASK_MS) != 1) {
        (void)proc_signal(k->names.pidfd, SIGKILL);
    } else if (r == 0 &&
               fd_recv(k->names_fd, &answer, sizeof(answer), NULL, 0, NULL) != sizeof(answer)) {
        answer = EPIPE;
    }
    return answer != 0 ? err_set(e, answer, "the resolver of the networks does not answer") : 0;
}

static struct names_message message_of(enum names_op op, const struct network *n)
{
    struct names_message q = {.op = op, .network = n->number, .is_internal = n->config.is_internal};

    memcpy(&q.address, n->config.subnet.gateway, sizeof(q.address));
    return q;
}

int names_add_network(struct keeper *k, const struct network *n, struct err *e)
{
    const struct names_message q = message_of(NAMES_LISTEN, n);

    return tell(k, &q, e);
}

void names_drop_network(struct keeper *k, const struct network *n)
{
    const struct names_message q = message_of(NAMES_UNLISTEN, n);
    struct err ignored = {0};

    (void)tell(k, &q, &ignored);
}

static int add_name(const struct keeper *k, struct names_message *q, const char *name,
                    struct err *e)
{
    size_t i = 0;

    memset(q->name, 0, sizeof(q->name));
    for (; i < sizeof(q->name) - 1 && name[i] != '\0'; i++) {
        q->name[i] = (char)tolower((unsigned char)name[i]);
    }
    return tell(k, q, e);
}

int names_add_plug(struct keeper *k, const struct member *m, const struct plug *p, struct err *e)
{
    autofree char *short_id = xstrndup(m->id, SPEC_SHORT_ID);
    struct names_message q = message_of(NAMES_SEAT, p->network);
    int r = 0;

    q.owner = m->number;
    memcpy(&q.address, p->address, sizeof(q.address));
    q.has_address6 = p->network->config.subnet6.family != 0;
    memcpy(&q.address6, p->address6, sizeof(q.address6));
    dns_servers_add(&q.servers, &m->dns);
    r = tell(k, &q, e);
    if (r < 0 || !p->network->config.has_dns) {
        return r;
    }
    q.op = NAMES_ADD;
    r = add_name(k, &q, m->name, e);
    r = r < 0 ? r : add_name(k, &q, short_id, e);
    for (size_t i = 0; r == 0 && i < p->join.aliases.len; i++) {
        r = add_name(k, &q, p->join.aliases.v[i], e);
    }
    return r;
}

void names_drop_plug(struct keeper *k, const struct member *m, const struct plug *p)
{
    struct names_message q = message_of(NAMES_DROP, p->network);
    struct err ignored = {0};

    q.owner = m->number;
    (void)tell(k, &q, &ignored);
}
