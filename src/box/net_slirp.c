/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slirp4netns(1): a user-space TCP/IP stack behind a tap device in the container's namespace.
 * Started with its own sandbox and filter; the host's loopback is closed unless asked for
 * (CVE-2021-20199 and its kin). */
#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/net_program.h"
#include "box/net_slirp_ports.h"
#include "box/network_subnet.h"
#include "sys/proc.h"
#include "userns/idmap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MTU_MIN = 68,
    MTU_MAX = 65521, /* libslirp's IF_MAX_MTU */
    GUEST_HOST = 100,
    GATEWAY_HOST = 2,
    DNS_HOST = 3,
    HELP_MS = 5000
};

/* ---- options */

static int is_cidr(const char *value);
static int is_mtu(const char *value);
static int is_boolean(const char *value);
static int is_port_handler(const char *value);

static const struct slirp_option {
    const char *key;
    int (*valid)(const char *value);
    const char *argument; /* of slirp4netns, with the value behind it */
    const char *flag;     /* of slirp4netns, when the value is true */
    int family;           /* the value is an address of the host, or who has one */
    const char *takes;
} OPTIONS[] = {
    {"cidr", is_cidr, "--cidr=", NULL, 0, "a network, its prefix from 1 to 25: 10.0.2.0/24"},
    {"mtu", is_mtu, "--mtu=", NULL, 0, "bytes, from 68 to 65521"},
    {"outbound_addr", NULL, "--outbound-addr=", NULL, AF_INET,
     "an IPv4 address of the host, or an interface that has one"},
    {"outbound_addr6", NULL, "--outbound-addr6=", NULL, AF_INET6,
     "an IPv6 address of the host, or an interface that has one"},
    {"enable_ipv6", is_boolean, NULL, "--enable-ipv6", 0, "true or false"},
    {"allow_host_loopback", is_boolean, NULL, NULL, 0, "true or false"},
    {"port_handler", is_port_handler, NULL, NULL, 0, "rootlesskit or slirp4netns"},
};
enum {
    OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0])
};

static int is_true(const char *value)
{
    return value != NULL && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

static int is_boolean(const char *value)
{
    return is_true(value) || strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
}

static int is_mtu(const char *value)
{
    int64_t mtu = 0;
    struct err ignored = {0};

    return parse_int64(value, MTU_MIN, MTU_MAX, &mtu, &ignored) == 0;
}

/* An address of the host, or the one that its interface of that name has now: slirp4netns itself
 * knows names from 1.2 on. NULL: there is none. The caller owns it. */
static char *host_address(int family, const char *value)
{
    struct in6_addr a;

    return inet_pton(family, value, &a) == 1 ? xstrdup(value)
                                             : network_address_on_host(family, value);
}

/* rbox's own forwarder goes by the name that podman's users know, too. */
static int is_port_handler(const char *value)
{
    return strcmp(value, "rootlesskit") == 0 || strcmp(value, "rbox") == 0 ||
           strcmp(value, "slirp4netns") == 0;
}

/* Addresses of the network @cidr: hosts 100 (the container), 2 (the host) and 3 (the name server).
 */
static int parse_cidr(const char *cidr, struct net_info *ret)
{
    autofree char *text = xstrdup(cidr);
    char *slash = strchr(text, '/');
    struct in_addr a;
    int64_t prefix = 0;
    uint32_t network = 0;
    struct err ignored = {0};

    if (slash == NULL) {
        return -EINVAL;
    }
    *slash = '\0';
    /* slirp4netns itself takes prefixes from 1 to 25: the guest has host number 100. */
    if (inet_pton(AF_INET, text, &a) != 1 || parse_int64(slash + 1, 1, 25, &prefix, &ignored) < 0) {
        return -EINVAL;
    }
    network = ntohl(a.s_addr) & ~(UINT32_MAX >> prefix);
    ret->address.s_addr = htonl(network + GUEST_HOST);
    ret->gateway.s_addr = htonl(network + GATEWAY_HOST);
    ret->dns.s_addr = htonl(network + DNS_HOST);
    return 0;
}

struct net_info net_usual(void)
{
    struct net_info info = {0};

    (void)parse_cidr(NET_USUAL_CIDR, &info);
    return info;
}

static struct net_info slirp_info(const struct spec *s)
{
    const char *cidr = net_option(s, "cidr");
    struct net_info info = net_usual();

    if (cidr != NULL) {
        (void)parse_cidr(cidr, &info);
    }
    return info;
}

static int is_cidr(const char *value)
{
    struct net_info info;

    return parse_cidr(value, &info) == 0;
}

static const struct slirp_option *find_option(const char *given)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *rest = str_after(given, OPTIONS[i].key);

        if (rest != NULL && *rest == '=') {
            return &OPTIONS[i];
        }
    }
    return NULL;
}

static int is_valid(const struct slirp_option *o, const char *value)
{
    autofree char *address = NULL;

    if (o->family == 0) {
        return o->valid(value);
    }
    address = host_address(o->family, value);
    return address != NULL;
}

static int check_options(const struct spec *s, struct err *e)
{
    const struct strv *given = &s->box.network.options;

    for (size_t i = 0; i < given->len; i++) {
        const struct slirp_option *o = find_option(given->v[i]);

        if (o == NULL) {
            (void)err_new(e, EINVAL, "slirp4netns has no option '%s'", given->v[i]);
            return err_hint(e, "cidr=, mtu=, enable_ipv6=, allow_host_loopback=, outbound_addr=, "
                               "outbound_addr6=, port_handler=");
        }
        if (!is_valid(o, given->v[i] + strlen(o->key) + 1)) {
            (void)err_new(e, EINVAL, "slirp4netns cannot take '%s'", given->v[i]);
            return err_hint(e, "%s", o->takes);
        }
    }
    return 0;
}

/* Old versions lack some of what options need (1.0, of Debian 11: --outbound-addr). Only who asks
 * for such pays for the look. */
static int check_version(const struct spec *s, struct err *e)
{
    autofree char *path = NULL;
    autofree char *help = NULL;
    const char *argv[] = {NULL, "--help", NULL};

    if (s->box.network.options.len == 0) {
        return 0;
    }
    if (proc_find("slirp4netns", &path, e) < 0) {
        err_clear(e); /* slirp_check() says so */
        return 0;
    }
    argv[0] = path;
    if (proc_run(argv, HELP_MS, &help, e) < 0) {
        return err_wrap(e, "slirp4netns --help");
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *word = OPTIONS[i].argument != NULL ? OPTIONS[i].argument : OPTIONS[i].flag;
        autofree char *name = word != NULL ? xstrndup(word, strcspn(word, "=")) : NULL;

        if (name != NULL && net_option(s, OPTIONS[i].key) != NULL && strstr(help, name) == NULL) {
            (void)err_new(e, ENOTSUP, "slirp4netns of this host is too old for '%s'",
                          OPTIONS[i].key);
            return err_hint(e, "a newer slirp4netns, or --network pasta");
        }
    }
    return 0;
}

/* Hosts of a network that both have are out of the container's reach. Only a network that was asked
 * for is refused: the usual one is that of many virtual machines, too. */
static int check_collision(const struct spec *s, struct err *e)
{
    const char *cidr = net_option(s, "cidr");
    const struct in_addr address = slirp_info(s).address;
    struct network_subnet own = {.family = AF_INET};
    autofree char *interface = NULL;

    if (cidr == NULL) {
        return 0;
    }
    own.prefix = (unsigned int)strtoul(strchr(cidr, '/') + 1, NULL, 10); /* is_cidr() */
    memcpy(own.address, &address, sizeof(address));
    interface = network_subnet_on_host(&own);
    if (interface == NULL) {
        return 0;
    }
    (void)err_new(e, EADDRINUSE, "cidr=%s collides with the network of the host's '%s'", cidr,
                  interface);
    return err_hint(e, "another one: what the two share could not be reached");
}

static int slirp_check(const struct spec *s, struct err *e)
{
    if (check_options(s, e) < 0 || check_version(s, e) < 0 || check_collision(s, e) < 0 ||
        (slirp_ports_wanted(s) && slirp_ports_check(s, e) < 0)) {
        return -e->errnum;
    }
    if (net_program_find(NET_SLIRP4NETNS.name, e) < 0) {
        return err_hint_id(e, HINT_NET_HELPER, NULL, NULL);
    }
    return net_program_check_tun(e);
}

/* ---- life */

static void push_options(const struct spec *s, struct strv *argv)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *value = net_option(s, OPTIONS[i].key);
        autofree char *address =
            value != NULL && OPTIONS[i].family != 0 ? host_address(OPTIONS[i].family, value) : NULL;

        if (value != NULL && OPTIONS[i].argument != NULL) {
            strv_pushf(argv, "%s%s", OPTIONS[i].argument, address != NULL ? address : value);
        } else if (is_true(value) && OPTIONS[i].flag != NULL) {
            strv_push(argv, OPTIONS[i].flag);
        }
    }
    if (net_option(s, "mtu") == NULL) {
        strv_pushf(argv, "--mtu=%d", NET_MTU);
    }
    if (!is_true(net_option(s, "allow_host_loopback"))) {
        strv_push(argv, "--disable-host-loopback");
    }
}

static int slirp_start(int netns_fd, struct net *n, struct err *e)
{
    const struct spec *s = n->spec;
    autonet_program struct net_program p;
    int r = net_program_open(netns_fd, &p, n, e);

    strv_push(&p.argv, n->backend->name);
    if (!n->is_again) {
        strv_push(&p.argv, "--configure");
    }
    /* Its sandbox becomes root of the user namespace first, which --userns keep-id with a single id
     * has not. Its filter stays. */
    if (idmap_to_host(&s->linux_.uid_mappings, 0) >= 0 &&
        idmap_to_host(&s->linux_.gid_mappings, 0) >= 0) {
        strv_push(&p.argv, "--enable-sandbox");
    }
    strv_push(&p.argv, "--enable-seccomp");
    strv_pushf(&p.argv, "--ready-fd=%d", p.ready_fd);
    strv_pushf(&p.argv, "--exit-fd=%d", p.alive_fd);
    push_options(s, &p.argv);
    if (r == 0 && slirp_ports_wanted(s)) {
        autofree char *argument = NULL;

        r = slirp_ports_folder(n->run_fd, &p.other_fd, e);
        argument = slirp_ports_argument(p.other_fd);
        strv_push(&p.argv, argument);
    }
    strv_push(&p.argv, "--netns-type=path");
    strv_pushf(&p.argv, "/proc/self/fd/%d", netns_fd);
    strv_push(&p.argv, NET_TAP);
    return r < 0 ? r : net_program_start(&p, n, e);
}

static int slirp_ready(struct net *n, int timeout_ms, struct err *e)
{
    int r = net_program_ready(n, timeout_ms, e);

    return r == 0 && slirp_ports_wanted(n->spec)
               ? slirp_ports_publish(n->spec, slirp_info(n->spec).address, n->run_fd, e)
               : r;
}

const struct net_backend NET_SLIRP4NETNS = {
    .name = "slirp4netns",
    .has_tap = 1,
    .check = slirp_check,
    .start = slirp_start,
    .ready = slirp_ready,
    .info = slirp_info,
    .stop = net_program_stop,
    .serves_ports = slirp_ports_wanted,
};
