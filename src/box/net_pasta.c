/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pasta(1) of passt: connections of the container become connections of the host, without a stack
 * of their own. Its ports are not used: rbox's forwarder serves them, for all backends alike.
 *
 * The container gets slirp4netns' addresses rather than, as pasta's own default is, a copy of the
 * host's: a container that has the host's address can't reach the host by it. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/net_program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Those of slirp4netns, where no others are given. */
static const struct {
    const char *option;
    size_t offset; /* in struct net_info */
} ADDRESSES[] = {
    {"address", offsetof(struct net_info, address)},
    {"gateway", offsetof(struct net_info, gateway)},
    {"dns-forward", offsetof(struct net_info, dns)},
};
enum {
    ADDRESS_COUNT = sizeof(ADDRESSES) / sizeof(ADDRESSES[0])
};

/* What --network pasta:… may hold, as podman has it: pasta's own options, separated by commas. What
 * is not here is rbox's own business (--netns, --ns-ifname, --pid …) or opens ports. */
static const struct pasta_option {
    const char *name;
    char short_name; /* or 0 */
    int has_value;
} OPTIONS[] = {
    {"address", 'a', 1},    {"netmask", 'n', 1},    {"gateway", 'g', 1},   {"mtu", 'm', 1},
    {"interface", 'i', 1},  {"outbound", 'o', 1},   {"mac-addr", 'M', 1},  {"dns-forward", 0, 1},
    {"outbound-if4", 0, 1}, {"outbound-if6", 0, 1}, {"ipv4-only", '4', 0}, {"ipv6-only", '6', 0},
    {"no-tcp", 0, 0},       {"no-udp", 0, 0},       {"no-icmp", 0, 0},     {"no-ndp", 0, 0},
    {"no-ra", 0, 0},        {"map-gw", 0, 0},
};
enum {
    OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0])
};

static const char OPTION_NAMES[] = "--address, --netmask, --gateway, --mtu, --interface, "
                                   "--outbound, --dns-forward, --ipv4-only, --map-gw …, with "
                                   "commas between options and values";

/* Row of @word ("--mtu", "--mtu=1500", "-m"); *ret_value points behind "=", or is NULL. */
static const struct pasta_option *find_option(const char *word, const char **ret_value)
{
    const char *name = str_after(word, "--");
    const size_t len = name != NULL ? strcspn(name, "=") : 0;

    *ret_value = name != NULL && name[len] == '=' ? name + len + 1 : NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct pasta_option *o = &OPTIONS[i];

        if (name != NULL ? strncmp(o->name, name, len) == 0 && o->name[len] == '\0'
                         : word[0] == '-' && o->short_name != 0 && word[1] == o->short_name &&
                               word[2] == '\0') {
            return o;
        }
    }
    return NULL;
}

/* Walk through the options: *i is the word's index and ends behind its value. */
static const struct pasta_option *next_option(const struct strv *words, size_t *i,
                                              const char **ret_value)
{
    const struct pasta_option *o = find_option(words->v[*i], ret_value);

    if (o != NULL && o->has_value && *ret_value == NULL && *i + 1 < words->len) {
        *ret_value = words->v[++*i];
    }
    ++*i;
    return o;
}

/* The last value that was given for @name, or NULL. */
static const char *given(const struct spec *s, const char *name, int is_ipv4)
{
    const struct strv *words = &s->box.network.options;
    const char *found = NULL;
    struct in_addr a;

    for (size_t i = 0; i < words->len;) {
        const char *value = NULL;
        const struct pasta_option *o = next_option(words, &i, &value);

        if (o != NULL && strcmp(o->name, name) == 0 &&
            (!is_ipv4 || (value != NULL && inet_pton(AF_INET, value, &a) == 1))) {
            found = value != NULL ? value : "";
        }
    }
    return found;
}

static int check_value(const struct pasta_option *o, const char *value, struct err *e)
{
    struct in6_addr a;

    if (!o->has_value != (value == NULL)) {
        return err_new(e, EINVAL, "pasta's --%s %s a value", o->name,
                       o->has_value ? "needs" : "takes no");
    }
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        if (strcmp(o->name, ADDRESSES[i].option) == 0 && inet_pton(AF_INET, value, &a) != 1 &&
            inet_pton(AF_INET6, value, &a) != 1) {
            return err_new(e, EINVAL, "pasta's --%s cannot be '%s': not an address", o->name,
                           value);
        }
    }
    return 0;
}

static int pasta_check(const struct spec *s, struct err *e)
{
    const struct strv *words = &s->box.network.options;

    for (size_t i = 0; i < words->len;) {
        const char *word = words->v[i];
        const char *value = NULL;
        const struct pasta_option *o = next_option(words, &i, &value);

        if (o == NULL) {
            (void)err_new(e, EINVAL, "pasta's option '%s' is not for --network", word);
            return err_hint(e, "%s", OPTION_NAMES);
        }
        if (check_value(o, value, e) < 0) {
            return -e->errnum;
        }
    }
    if (net_program_find(NET_PASTA.name, e) < 0) {
        return err_hint(e, "sudo apt-get install -y passt, or --network slirp4netns");
    }
    return net_program_check_tun(e);
}

static struct in_addr *address_of(struct net_info *info, size_t i)
{
    return (struct in_addr *)(void *)((char *)info + ADDRESSES[i].offset);
}

static struct net_info pasta_info(const struct spec *s)
{
    struct net_info info = net_usual();

    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        const char *value = given(s, ADDRESSES[i].option, /* is_ipv4= */ 1);

        if (value != NULL) {
            (void)inet_pton(AF_INET, value, address_of(&info, i));
        }
    }
    return info;
}

static void push_addresses(const struct spec *s, struct strv *argv)
{
    struct net_info usual = net_usual();

    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        char text[INET_ADDRSTRLEN] = "";

        if (given(s, ADDRESSES[i].option, /* is_ipv4= */ 1) == NULL) {
            (void)inet_ntop(AF_INET, address_of(&usual, i), text, sizeof(text));
            strv_pushf(argv, "--%s", ADDRESSES[i].option);
            strv_push(argv, text);
        }
    }
    if (given(s, "netmask", /* is_ipv4= */ 0) == NULL) {
        strv_push(argv, "--netmask");
        strv_push(argv, strchr(NET_USUAL_CIDR, '/') + 1);
    }
}

static void push_options(const struct spec *s, struct strv *argv)
{
    const struct strv *words = &s->box.network.options;

    push_addresses(s, argv);
    if (given(s, "map-gw", 0) == NULL) {
        strv_push(argv, "--no-map-gw"); /* the host's loopback is closed */
    }
    for (size_t i = 0; i < words->len;) {
        const char *value = NULL;
        const struct pasta_option *o = next_option(words, &i, &value);

        if (strcmp(o->name, "map-gw") != 0) {
            strv_pushf(argv, "--%s", o->name);
            if (value != NULL) {
                strv_push(argv, value);
            }
        }
    }
}

static int pasta_start(int netns_fd, struct net *n, struct err *e)
{
    /* It is ended with the container: the folder of its namespace, which Debian 13's AppArmor
     * profile closes to it, need not be watched. */
    static const char *const ALWAYS[] = {
        "--foreground",  "--quiet",       "--no-netns-quit",       "--netns-only",
        "--no-dhcp",     "--no-dhcpv6",   "--tcp-ports=none",      "--udp-ports=none",
        "--tcp-ns=none", "--udp-ns=none", ("--ns-ifname=" NET_TAP)};
    autonet_program struct net_program p;
    int r = net_program_open(netns_fd, &p, n, e);

    strv_push(&p.argv, n->backend->name);
    for (size_t i = 0; i < sizeof(ALWAYS) / sizeof(ALWAYS[0]); i++) {
        strv_push(&p.argv, ALWAYS[i]);
    }
    if (!n->is_again) {
        strv_push(&p.argv, "--config-net");
    }
    push_options(n->spec, &p.argv);
    /* All but its standard descriptors are closed by later versions (seen: 2025_05_03). It writes
     * its number to its output when it works. Where the caller is not mapped (root) it has taken an
     * id of the map for its own by then. */
    p.has_standard_fds = 1;
    (void)fchmod(p.ready_fd, 0622);
    strv_push(&p.argv, "--pid");
    strv_push(&p.argv, "/proc/self/fd/1");
    strv_push(&p.argv, "--netns");
    strv_push(&p.argv, "/proc/self/fd/0");
    return r < 0 ? r : net_program_start(&p, n, e);
}

const struct net_backend NET_PASTA = {
    .name = "pasta",
    .has_tap = 1,
    .check = pasta_check,
    .start = pasta_start,
    .ready = net_program_ready,
    .info = pasta_info,
    .stop = net_program_stop,
};
