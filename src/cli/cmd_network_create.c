/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/events.h"
#include "box/network_config.h"
#include "cli/cmd.h"
#include "spec/spec_join.h"
#include "spec/spec_name.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct create_options {
    struct strv subnets;
    struct strv gateways;
    struct strv ranges;
    struct strv labels;
    struct strv options;
    char *driver;
    char *ipam_driver;
    int internal;
    int ipv6;
    int disable_dns;
    int ignore;
};

#define FIELD(name) offsetof(struct create_options, name)

static const struct opt OPTIONS[] = {
    {"subnet", 0, "NETWORK/PREFIX", OPT_STRV, FIELD(subnets),
     "its addresses (default: the next free 10.x.y.0/24); one of IPv6, too, if asked for", NULL},
    {"gateway", 0, "ADDRESS", OPT_STRV, FIELD(gateways),
     "the way out, and the name server (default: the subnet's first address)", NULL},
    {"ip-range", 0, "RANGE", OPT_STRV, FIELD(ranges),
     "what containers get that ask for none: NETWORK/PREFIX or FIRST-LAST", NULL},
    {"internal", 0, NULL, OPT_FLAG, FIELD(internal), "without a way out", NULL},
    {"ipv6", 0, NULL, OPT_FLAG, FIELD(ipv6), "with IPv6 among its containers", NULL},
    {"disable-dns", 0, NULL, OPT_FLAG, FIELD(disable_dns), "do not answer for containers' names",
     NULL},
    {"label", 0, "KEY=VALUE", OPT_STRV, FIELD(labels), "a label", NULL},
    {"opt", 'o', "KEY=VALUE", OPT_STRV, FIELD(options), "mtu=BYTES (default: 65520)", NULL},
    {"driver", 'd', "NAME", OPT_STRING, FIELD(driver), "bridge", NULL},
    {"ipam-driver", 0, "NAME", OPT_STRING, FIELD(ipam_driver), "host-local", NULL},
    {"ignore", 0, NULL, OPT_FLAG, FIELD(ignore), "one that is there already is fine", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"attachable", 0, "every network is"},
    {"aux-address", 0, "--ip-range"},
    {"config-from", 0, NULL},
    {"config-only", 0, NULL},
    {"dns", 0, "rbox run --dns ADDRESS"},
    {"ingress", 0, NULL},
    {"interface-name", 0, "the bridge is in no namespace that you see"},
    {"ipam-opt", 0, NULL},
    {"macvlan", 0, "a normal user cannot use the host's interfaces"},
    {"route", 0, NULL},
    {"scope", 0, NULL},
    {0}};

static int create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_network_create = {
    .names = {"network create"},
    .group = CMD_NETWORKS,
    .summary = "make a network for containers",
    .usage = "[options] [NAME]",
    .description =
        "Containers that run with --network NAME see each other, by name, short id, alias and\n"
        "address; those of other networks do not see them. Prints the name; without one it is made "
        "up.",
    .examples = "rbox network create back\n"
                "rbox network create --internal --subnet 10.90.0.0/24 vault\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct create_options),
    .max_args = 1,
    .run = create,
};

/* Which of the two subnets is meant by an address of @family? */
static struct network_subnet *subnet_for(struct network_config *c, const char *text)
{
    return strchr(text, ':') != NULL ? &c->subnet6 : &c->subnet;
}

static int take_subnets(const struct create_options *o, struct network_config *c, struct err *e)
{
    for (size_t i = 0; i < o->subnets.len; i++) {
        struct network_subnet s = {0};
        struct network_subnet *to = NULL;
        int r = network_subnet_parse(o->subnets.v[i], &s, e);

        if (r < 0) {
            return err_wrap(e, "--subnet");
        }
        to = s.family == AF_INET6 ? &c->subnet6 : &c->subnet;
        if (to->family != 0) {
            return err_new(e, EINVAL, "--subnet: a network has one of IPv4 and one of IPv6");
        }
        *to = s;
    }
    if (o->ipv6 && c->subnet6.family == 0) {
        c->subnet6.family = AF_INET6; /* which one is left to be chosen */
    }
    return 0;
}

typedef int subnet_setter(struct network_subnet *s, const char *text, struct err *e);

/* --gateway and --ip-range go to the subnet of their family. */
static int take_places(const struct strv *given, const char *option, subnet_setter *set,
                       struct network_config *c, struct err *e)
{
    for (size_t i = 0; i < given->len; i++) {
        struct network_subnet *s = subnet_for(c, given->v[i]);

        if (s->prefix == 0) {
            return err_new(e, EINVAL, "%s %s needs its --subnet", option, given->v[i]);
        }
        if (set(s, given->v[i], e) < 0) {
            return err_wrap(e, "%s", option);
        }
    }
    return 0;
}

static int take_option(const char *option, struct network_config *c, struct err *e)
{
    static const char *const MTU[] = {"mtu=", "com.docker.network.driver.mtu="};

    for (size_t i = 0; i < sizeof(MTU) / sizeof(MTU[0]); i++) {
        const char *value = str_after(option, MTU[i]);

        if (value != NULL && parse_int64(value, 576, 65535, &c->mtu, e) < 0) {
            return err_wrap(e, "--opt mtu");
        }
        if (value != NULL) {
            strv_pushf(&c->options, "mtu=%s", value);
            return 0;
        }
    }
    if (strcmp(option, "isolate=true") == 0) { /* as they all are */
        strv_push(&c->options, option);
        return 0;
    }
    (void)err_new(e, EINVAL, "--opt: a network has no option '%s'", option);
    return err_hint(e, "mtu=BYTES, isolate=true");
}

static int check_words(const struct create_options *o, struct err *e)
{
    if (o->driver != NULL && strcmp(o->driver, "bridge") != 0) {
        (void)err_new(e, ENOTSUP, "--driver: a normal user cannot have '%s'", o->driver);
        return err_hint(e, "--driver bridge");
    }
    if (o->ipam_driver != NULL && strcmp(o->ipam_driver, "host-local") != 0) {
        (void)err_new(e, ENOTSUP, "--ipam-driver: there is no '%s'", o->ipam_driver);
        return err_hint(e, "--ipam-driver host-local");
    }
    return 0;
}

static int take(const struct create_options *o, struct network_config *c, struct err *e)
{
    int r = check_words(o, e);

    r = r < 0 ? r : take_subnets(o, c, e);
    r = r < 0 ? r : take_places(&o->gateways, "--gateway", network_subnet_gateway, c, e);
    r = r < 0 ? r : take_places(&o->ranges, "--ip-range", network_subnet_range, c, e);
    for (size_t i = 0; r == 0 && i < o->options.len; i++) {
        r = take_option(o->options.v[i], c, e);
    }
    for (size_t i = 0; i < o->labels.len; i++) {
        const char *label = o->labels.v[i];

        strv_pushf(&c->labels, "%s%s", label, strchr(label, '=') == NULL ? "=" : "");
    }
    c->is_internal = o->internal;
    c->has_dns = !o->disable_dns;
    return r;
}

static int take_name(int argc, char **argv, struct network_config *c, struct err *e)
{
    autofree char *id = NULL;
    int r = 0;

    if (argc == 0) {
        r = spec_make_id(&id, e);
        c->name = r < 0 ? NULL : spec_make_name(id);
        return r;
    }
    if (!spec_network_name_is_good(argv[0])) {
        return err_new(e, EINVAL, "a network cannot be called '%s'", argv[0]);
    }
    c->name = xstrdup(argv[0]);
    return 0;
}

static int create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct create_options *o = options;
    struct network_config c = {0};
    struct store *store = NULL;
    int r = take_name(argc, argv, &c, e);

    r = r < 0 ? r : take(o, &c, e);
    r = r < 0 ? r : ctx_store(ctx, &store, e);
    r = r < 0 ? r : network_config_make(store, &c, e);
    if (r == 0) {
        events_add(store, "network", "create", c.id, c.name);
    }
    if (r == -EEXIST && o->ignore) {
        err_clear(e);
        r = 0;
    }
    if (r == 0) {
        (void)puts(c.name);
    }
    network_config_done(&c);
    return r;
}
