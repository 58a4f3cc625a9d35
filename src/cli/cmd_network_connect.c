/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox network connect and disconnect: of a container that runs at once, of one that does not for
 * its next start. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/events.h"
#include "box/network.h"
#include "box/network_config.h"
#include "box/state.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "spec/spec_join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct connect_options {
    struct strv aliases;
    char *ip;
    char *ip6;
    char *mac;
};

#define FIELD(name) offsetof(struct connect_options, name)

static const struct opt CONNECT_OPTIONS[] = {
    {"alias", 0, "NAME", OPT_PARSE, FIELD(aliases), "a name more in this network",
     spec_parse_network_alias},
    {"ip", 0, "ADDRESS", OPT_PARSE, FIELD(ip), "its address there", spec_parse_ip4},
    {"ip6", 0, "ADDRESS", OPT_PARSE, FIELD(ip6), "its IPv6 address there", spec_parse_ip6},
    {"mac-address", 0, "ADDRESS", OPT_PARSE, FIELD(mac), "its hardware address there",
     spec_parse_mac},
    {0},
};

static const struct opt_refused CONNECT_REFUSED[] = {
    {"driver-opt", 0, NULL}, {"link", 0, "--alias"}, {"link-local-ip", 0, NULL}, {0}};

static int connect_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int disconnect_container(struct ctx *ctx, void *options, int argc, char **argv,
                                struct err *e);

static void connect_done(void *options)
{
    struct connect_options *o = options;

    strv_done(&o->aliases);
    free(o->ip);
    free(o->ip6);
    free(o->mac);
}

const struct cmd cmd_network_connect = {
    .names = {"network connect"},
    .group = CMD_NETWORKS,
    .summary = "put a container into a network, running or not",
    .usage = "[options] NETWORK CONTAINER",
    .description = "It must have been made with --network NETWORK: one with a network of its own\n"
                   "(slirp4netns) cannot be moved.",
    .examples = "rbox network connect --alias db back postgres\n",
    .options = CONNECT_OPTIONS,
    .refused = CONNECT_REFUSED,
    .options_size = sizeof(struct connect_options),
    .min_args = 2,
    .max_args = 2,
    .done = connect_done,
    .run = connect_container,
};

struct disconnect_options {
    int force;
};

static const struct opt DISCONNECT_OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct disconnect_options, force),
     "one that is not in it is fine", NULL},
    {0},
};

const struct cmd cmd_network_disconnect = {
    .names = {"network disconnect"},
    .group = CMD_NETWORKS,
    .summary = "take a container out of a network, running or not",
    .usage = "[options] NETWORK CONTAINER",
    .examples = "rbox network disconnect back web\n",
    .options = DISCONNECT_OPTIONS,
    .options_size = sizeof(struct disconnect_options),
    .min_args = 2,
    .max_args = 2,
    .run = disconnect_container,
};

static int write_config(const struct store *store, const struct found *f, const struct spec *s,
                        struct err *e)
{
    const struct state st = {
        .store = store, .id = f->id, .name = f->name, .dir_fd = f->dir_fd, .lock_fd = -1};

    return state_write_config(&st, s, e);
}

static int check_kind(const struct container *c, struct err *e)
{
    if (c->spec.box.network.backend == SPEC_NET_USER) {
        return 0;
    }
    (void)err_new(e, ENOTSUP, "container '%s' has a network of another kind", c->spec.box.name);
    return err_hint(e, "make it with --network NAME (rbox network ls)");
}

static int connect_found(const struct store *store, const struct found *f, struct container *c,
                         struct spec_join *j, struct err *e)
{
    struct spec_join *to = NULL;
    int r = check_kind(c, e);

    if (r == 0 && spec_join_find(&c->spec.box.network, j->network) != NULL) {
        r = err_new(e, EEXIST, "container '%s' is in network '%s' already", f->name, j->network);
    }
    if (r == 0 && c->is_running) {
        r = network_connect(store, f->id, j, e);
        r = r < 0 ? err_wrap(e, "container '%s'", f->name) : 0;
    }
    if (r < 0) {
        return r;
    }
    to = spec_add_join(&c->spec);
    *to = *j;
    *j = (struct spec_join){0};
    return write_config(store, f, &c->spec, e);
}

static int connect_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct connect_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct network_config config = {0};
    struct spec_join j = {0};
    struct store *store = NULL;
    struct container c;
    int r = container_find(ctx, argv[1], &store, &f, &c, e);

    (void)argc;
    if (r < 0) {
        return r;
    }
    r = network_config_find(store, argv[0], &config, e);
    if (r == 0) {
        j = (struct spec_join){.network = xstrdup(config.name),
                               .aliases = o->aliases,
                               .ip = steal_ptr(&o->ip),
                               .ip6 = steal_ptr(&o->ip6),
                               .mac = steal_ptr(&o->mac)};
        o->aliases = (struct strv){0};
        r = connect_found(store, &f, &c, &j, e);
    }
    if (r == 0) {
        events_add(store, "network", "connect", f.id, config.name);
    }
    spec_join_done(&j);
    network_config_done(&config);
    container_done(&c);
    return r;
}

static int disconnect_found(const struct store *store, const struct found *f, struct container *c,
                            const char *network, struct err *e)
{
    struct spec_join *j = spec_join_find(&c->spec.box.network, network);
    int r = check_kind(c, e);

    if (r == 0 && j == NULL) {
        r = err_new(e, ENOENT, "container '%s' is not in network '%s'", f->name, network);
    }
    if (r == 0 && c->is_running) {
        r = network_disconnect(store, f->id, network, e);
        r = r < 0 ? err_wrap(e, "container '%s'", f->name) : 0;
    }
    if (r < 0) {
        return r;
    }
    spec_join_remove(&c->spec.box.network, j);
    return write_config(store, f, &c->spec, e);
}

static int disconnect_container(struct ctx *ctx, void *options, int argc, char **argv,
                                struct err *e)
{
    const struct disconnect_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct network_config config = {0};
    struct store *store = NULL;
    struct container c;
    int r = container_find(ctx, argv[1], &store, &f, &c, e);

    (void)argc;
    if (r < 0) {
        return r;
    }
    r = network_config_find(store, argv[0], &config, e);
    r = r < 0 ? r : disconnect_found(store, &f, &c, config.name, e);
    if (r == 0) {
        events_add(store, "network", "disconnect", f.id, config.name);
    } else if (r == -ENOENT && o->force) {
        err_clear(e);
        r = 0;
    }
    network_config_done(&config);
    container_done(&c);
    return r;
}
