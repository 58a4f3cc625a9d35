/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What containers and clients ask of the keeper; declared in network_keeper.h. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "box/network_keeper.h"
#include "spec/spec_join.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- networks and plugs */

static int find_network(struct keeper *k, const char *name, struct network **ret, struct err *e)
{
    struct network_config config = {0};
    struct network *n = NULL;
    int r = network_config_find(k->store, name, &config, e);

    if (r < 0) {
        return r;
    }
    for (n = k->networks; n != NULL && strcmp(n->config.id, config.id) != 0; n = n->next) {
    }
    if (n != NULL) {
        network_config_done(&config);
    } else {
        n = xcalloc(1, sizeof(*n));
        n->config = config;
        n->number = k->next_number++;
        n->next = k->networks;
        (void)snprintf(n->bridge, sizeof(n->bridge), "br-%.12s", config.id);
        k->networks = n;
    }
    *ret = n;
    return 0;
}

/* Takes @p out of its network, which goes when nobody is left. */
static void free_plug(struct keeper *k, const struct member *m, struct plug *p)
{
    struct network **at = &k->networks;
    struct network *n = p->network;

    plug_out(k, m, p);
    spec_join_done(&p->join);
    free(p);
    if (--n->members > 0) {
        return;
    }
    if (n->is_up) {
        network_down(k, n);
    }
    while (*at != n) {
        at = &(*at)->next;
    }
    *at = n->next;
    network_config_done(&n->config);
    free(n);
}

/* Give @m a place in the network that @o, a join, names. */
static int add_plug(struct keeper *k, struct member *m, json_t *o, struct plug **ret, struct err *e)
{
    struct plug *p = xcalloc(1, sizeof(*p));
    struct plug **last = &m->plugs;
    int r = spec_join_read(o, &p->join) < 0 ? err_new(e, EINVAL, "this is no join") : 0;

    r = r < 0 ? r : find_network(k, p->join.network, &p->network, e);
    if (r < 0) {
        spec_join_done(&p->join);
        free(p);
        return r;
    }
    p->network->members++;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    r = lease_choose(k, p, e);
    if (r < 0) {
        free_plug(k, m, p);
        return r;
    }
    *last = p;
    *ret = p;
    return 0;
}

static void remove_plug(struct keeper *k, struct member *m, struct plug *p)
{
    struct plug **at = &m->plugs;

    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    free_plug(k, m, p);
}

static void member_free(struct keeper *k, struct member *m)
{
    struct member **at = &k->members;

    while (m->plugs != NULL) {
        remove_plug(k, m, m->plugs);
    }
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    close_fd(&m->fd);
    close_fd(&m->netns_fd);
    strv_done(&m->dns);
    free(m->id);
    free(m->name);
    free(m);
}

struct member *member_new(struct keeper *k, int fd)
{
    struct member *m = xcalloc(1, sizeof(*m));

    *m = (struct member){.fd = fd, .netns_fd = -1, .number = k->next_number++, .next = k->members};
    k->members = m;
    return m;
}

/* Errors: -EAGAIN he is only expected, and what is changed of him now would be lost. */
static int find_member(const struct keeper *k, const json_t *q, struct member **ret, struct err *e)
{
    const char *id = json_string_value(json_object_get(q, "id"));
    int is_expected = 0;

    for (struct member *m = k->members; m != NULL; m = m->next) {
        if (m->id == NULL || !str_eq(m->id, id)) {
            continue;
        }
        if (m->fd >= 0) {
            *ret = m;
            return 0;
        }
        is_expected = 1;
    }
    return is_expected ? err_new(e, EAGAIN, "its networks are just coming back: try again")
                       : err_new(e, ESRCH, "it is not in a network of yours");
}

static struct plug *find_plug(const struct member *m, const char *network)
{
    for (struct plug *p = m->plugs; network != NULL && p != NULL; p = p->next) {
        if (strcmp(p->network->config.name, network) == 0) {
            return p;
        }
    }
    return NULL;
}

/* ---- requests: each fills in @answer, or fails */

struct asked {
    struct keeper *k;
    struct member *m;
    const json_t *q;
    int *fd; /* that came along, or -1 */
    json_t *answer;
};

/* @id has come: was he expected? What was kept for him goes later: the loop is on its way through
 * the members. */
static int end_expectation(struct keeper *k, const char *id)
{
    int was_expected = 0;

    for (struct member *m = k->members; m != NULL; m = m->next) {
        if (m->fd >= 0 || !str_eq(m->id, id)) {
            continue;
        }
        was_expected = 1;
        while (m->plugs != NULL) {
            remove_plug(k, m, m->plugs);
        }
    }
    return was_expected;
}

/* {"id", "name", "dns", "joins"} → {"joins"}, and the upper user namespace. */
static int reserve(const struct asked *a, struct err *e)
{
    json_t *joins = json_object_get(a->q, "joins");
    json_t *given = json_array();
    const char *id = json_string_value(json_object_get(a->q, "id"));
    const char *name = json_string_value(json_object_get(a->q, "name"));
    json_t *o = NULL;
    size_t i = 0;
    int r = id == NULL || name == NULL || a->m->id != NULL
                ? err_new(e, EINVAL, "this is no container")
                : json_get_strv(a->q, "dns", "it", &a->m->dns, e);

    (void)json_object_set_new(a->answer, "joins", given);
    if (r < 0) {
        return r;
    }
    a->m->has_come_back = end_expectation(a->k, id);
    a->m->id = xstrdup(id);
    a->m->name = xstrdup(name);
    json_array_foreach(joins, i, o)
    {
        struct plug *p = NULL;

        r = r < 0 ? r : add_plug(a->k, a->m, o, &p, e);
        if (r == 0) {
            (void)json_array_append_new(given, spec_join_write(&p->join));
        }
    }
    *a->fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    return r == 0 && *a->fd < 0 ? err_set(e, errno, "cannot open the networks' user namespace") : r;
}

static void unplug(const struct asked *a)
{
    for (struct plug *p = a->m->plugs; p != NULL; p = p->next) {
        plug_out(a->k, a->m, p);
    }
    close_fd(&a->m->netns_fd);
}

/* With a network namespace → {}: the container is in all of its networks. */
static int attach(const struct asked *a, struct err *e)
{
    int r = *a->fd < 0 || a->m->id == NULL ? err_new(e, EINVAL, "this is no container") : 0;

    unplug(a);
    a->m->netns_fd = steal_fd(a->fd);
    r = r < 0 ? r : keeper_await_way_out(a->k, e);
    for (struct plug *p = a->m->plugs; r == 0 && p != NULL; p = p->next) {
        r = plug_in(a->k, a->m, p, e);
    }
    if (r < 0) {
        unplug(a);
        return r;
    }
    a->m->has_come_back = 0;
    return 0;
}

/* Its namespace is at its end, its addresses stay. */
static int detach(const struct asked *a, struct err *e)
{
    (void)e;
    unplug(a);
    return 0;
}

/* {"id", "join"} → {"join"}, of another member. */
static int connect_other(const struct asked *a, struct err *e)
{
    json_t *o = json_object_get(a->q, "join");
    const char *network = json_string_value(json_object_get(o, "network"));
    struct member *m = NULL;
    struct plug *p = NULL;
    int r = find_member(a->k, a->q, &m, e);

    if (r == 0 && find_plug(m, network) != NULL) {
        r = err_new(e, EEXIST, "it is in network '%s' already", network);
    }
    r = r < 0 ? r : add_plug(a->k, m, o, &p, e);
    if (r == 0 && m->netns_fd >= 0) {
        r = plug_in(a->k, m, p, e);
        if (r < 0) {
            remove_plug(a->k, m, p);
        }
    }
    if (r == 0) {
        (void)json_object_set_new(a->answer, "join", spec_join_write(&p->join));
    }
    return r;
}

/* {"id", "network"} → {} */
static int disconnect_other(const struct asked *a, struct err *e)
{
    const char *network = json_string_value(json_object_get(a->q, "network"));
    struct member *m = NULL;
    struct plug *p = NULL;
    int r = find_member(a->k, a->q, &m, e);

    if (r < 0) {
        return r;
    }
    p = find_plug(m, network);
    if (p == NULL) {
        return err_new(e, ENOENT, "it is not in network '%s'", network != NULL ? network : "");
    }
    remove_plug(a->k, m, p);
    return 0;
}

static const struct {
    const char *op;
    int (*run)(const struct asked *a, struct err *e);
} REQUESTS[] = {
    {"reserve", reserve},
    {"attach", attach},
    {"detach", detach},
    {"connect", connect_other},
    {"disconnect", disconnect_other},
};

static int dispatch(const struct asked *a, struct err *e)
{
    const char *op = json_string_value(json_object_get(a->q, "op"));

    for (size_t i = 0; op != NULL && i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
        if (strcmp(op, REQUESTS[i].op) == 0) {
            return REQUESTS[i].run(a, e);
        }
    }
    return err_new(e, EINVAL, "the keeper of the networks does not know '%s'",
                   op != NULL ? op : "");
}

void request_expect(struct keeper *k, const json_t *q)
{
    struct member *m = member_new(k, -1);
    json_auto_t *unsaid = json_object();
    autoclose int fd = -1;
    struct err e = {0};

    if (reserve(&(struct asked){.k = k, .m = m, .q = q, .fd = &fd, .answer = unsaid}, &e) < 0) {
        debug("networks: %s", e.msg);
        member_free(k, m);
    }
}

void request_give_up(struct keeper *k)
{
    for (struct member *m = k->members, *next = NULL; m != NULL; m = next) {
        next = m->next;
        if (m->fd < 0) {
            member_free(k, m);
        }
    }
}

static void answer(const struct member *m, json_t *o, const struct err *e, int fd)
{
    autofree char *text = NULL;

    if (e->errnum != 0) {
        (void)json_object_clear(o);
        (void)json_object_set_new(o, "errnum", json_integer(e->errnum));
        (void)json_object_set_new(o, "message", json_str(e->msg));
        (void)json_object_set_new(o, "hint", json_str(e->hint));
    }
    text = json_text(o);
    (void)fd_send(m->fd, text, strlen(text), &fd, fd >= 0);
}

void request_serve(struct keeper *k, struct member *m)
{
    autofree char *text = xmalloc(KEEPER_MESSAGE_MAX);
    json_auto_t *q = NULL;
    json_auto_t *o = json_object();
    autoclose int fd = -1;
    struct err e = {0};
    ssize_t n = fd_recv(m->fd, text, KEEPER_MESSAGE_MAX, &fd, 1, NULL);

    if (n <= 0) {
        member_free(k, m);
        return;
    }
    if (json_parse(text, (size_t)n, "a request", &q, &e) == 0) {
        (void)dispatch(&(struct asked){.k = k, .m = m, .q = q, .fd = &fd, .answer = o}, &e);
    }
    answer(m, o, &e, fd);
}
