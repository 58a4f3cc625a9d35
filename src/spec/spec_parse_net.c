/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network, ports, names; declared in spec_parse.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "spec/spec_join.h"
#include "spec/spec_parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PORT_MAX = 65535
};

/* ---- --network */

static const struct {
    const char *name;
    enum spec_net backend;
    int has_options;
} MODES[] = {
    {"slirp4netns", SPEC_NET_SLIRP4NETNS, 1},
    {"pasta", SPEC_NET_PASTA, 1},
    {"private", SPEC_NET_SLIRP4NETNS, 0},
    {"default", SPEC_NET_SLIRP4NETNS, 0},
    {"none", SPEC_NET_NONE, 0},
    {"host", SPEC_NET_HOST, 0},
};

static void set_network(struct spec *s, enum spec_net backend, const char *options,
                        const char *target)
{
    static const enum spec_ns_mode NAMESPACES[] = {
        [SPEC_NET_SLIRP4NETNS] = SPEC_NS_PRIVATE, [SPEC_NET_PASTA] = SPEC_NS_PRIVATE,
        [SPEC_NET_NONE] = SPEC_NS_PRIVATE,        [SPEC_NET_HOST] = SPEC_NS_HOST,
        [SPEC_NET_CONTAINER] = SPEC_NS_CONTAINER, [SPEC_NET_PATH] = SPEC_NS_PATH,
        [SPEC_NET_USER] = SPEC_NS_PRIVATE};
    struct spec_namespace *ns = &s->linux_.namespaces[SPEC_NS_NETWORK];
    struct spec_network *n = &s->box.network;

    free(ns->target);
    *ns = (struct spec_namespace){.mode = NAMESPACES[backend], .target = xstrdup_null(target)};
    strv_done(&n->options);
    n->backend = backend;
    if (options != NULL) {
        strv_split(&n->options, options, ',');
    }
}

/* Anything but user networks is the only network. */
static int take_mode(struct spec *s, enum spec_net backend, const char *options, const char *target,
                     struct err *e)
{
    if (s->box.network.join_count > 0) {
        return err_new(e, EINVAL, "there is network '%s' already, and this goes with no other",
                       s->box.network.joins[0].network);
    }
    set_network(s, backend, options, target);
    return 0;
}

int spec_parse_network(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    size_t len = strcspn(value, ":");
    const char *rest = value[len] == ':' ? value + len + 1 : NULL;

    for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++) {
        if (strlen(MODES[i].name) != len || strncmp(value, MODES[i].name, len) != 0) {
            continue;
        }
        if (rest != NULL && !MODES[i].has_options) {
            return err_new(e, EINVAL, "'%s' has no options", MODES[i].name);
        }
        return take_mode(s, MODES[i].backend, rest, NULL, e);
    }
    if (rest != NULL && rest[0] != '\0' && strncmp(value, "container:", len + 1) == 0) {
        return take_mode(s, SPEC_NET_CONTAINER, NULL, rest, e);
    }
    if (rest != NULL && rest[0] == '/' && strncmp(value, "ns:", len + 1) == 0) {
        return take_mode(s, SPEC_NET_PATH, NULL, rest, e);
    }
    if (s->box.network.join_count == 0 && s->box.network.backend != SPEC_NET_SLIRP4NETNS) {
        return err_new(e, EINVAL, "'%s' cannot be had beside another kind of network", value);
    }
    set_network(s, SPEC_NET_USER, NULL, NULL);
    return spec_join_parse(value, s, e);
}

/* ---- ports */

struct range {
    int64_t first;
    int64_t count;
};

/* "80" or "80-90" */
static int parse_range(const char *text, struct range *ret, struct err *e)
{
    const char *dash = strchr(text, '-');
    autofree char *first = xstrndup(text, dash != NULL ? (size_t)(dash - text) : strlen(text));
    int64_t last = 0;
    struct err ignored = {0};

    if (parse_int64(first, 1, PORT_MAX, &ret->first, &ignored) < 0 ||
        parse_int64(dash != NULL ? dash + 1 : first, 1, PORT_MAX, &last, &ignored) < 0) {
        return err_new(e, EINVAL, "'%s' is not a port from 1 to %d", text, PORT_MAX);
    }
    if (last < ret->first) {
        return err_new(e, EINVAL, "'%s' ends before it begins", text);
    }
    ret->count = last - ret->first + 1;
    return 0;
}

/* Cut "/tcp" or "/udp" off @text. */
static int cut_protocol(char *text, int *ret_udp, struct err *e)
{
    char *slash = strrchr(text, '/');

    *ret_udp = 0;
    if (slash == NULL) {
        return 0;
    }
    *slash = '\0';
    if (strcasecmp(slash + 1, "sctp") == 0) {
        return err_new(e, ENOTSUP, "sctp is not forwarded: slirp4netns and pasta have none");
    }
    *ret_udp = strcasecmp(slash + 1, "udp") == 0;
    if (!*ret_udp && strcasecmp(slash + 1, "tcp") != 0) {
        return err_new(e, EINVAL, "'%s' is neither tcp nor udp", slash + 1);
    }
    return 0;
}

static int is_address(const char *text)
{
    unsigned char raw[16];

    return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

/* Cut "IP:" or "[IP6]:" off the front of @text, which has two colons more or a bracket then.
 * *ret_ip (NULL: none) is the caller's. */
static int cut_address(const char **text, char **ret_ip, struct err *e)
{
    const char *last = strrchr(*text, ':');
    const char *before = last;
    autofree char *ip = NULL;

    if ((*text)[0] == '[') {
        const char *end = strchr(*text, ']');

        if (end == NULL || end[1] != ':') {
            return err_new(e, EINVAL, "'%s' is not [IP6]:[HOST:]CONTAINER", *text);
        }
        ip = xstrndup(*text + 1, (size_t)(end - *text - 1));
        *text = end + 2;
    } else {
        while (before != NULL && before > *text && *--before != ':') {
        }
        if (before == last || *before != ':') { /* one colon, or none */
            return 0;
        }
        ip = xstrndup(*text, (size_t)(before - *text));
        *text = before + 1;
    }
    if (!is_address(ip)) {
        return err_new(e, EINVAL, "'%s' is not an address", ip);
    }
    *ret_ip = steal_ptr(&ip);
    return 0;
}

int spec_parse_publish(const char *value, void *spec, struct err *e)
{
    autofree char *copy = xstrdup(value);
    autofree char *ip = NULL;
    const char *ports = copy;
    char *colon = NULL;
    struct range inside = {0};
    struct range host = {0};
    int udp = 0;

    if (cut_protocol(copy, &udp, e) < 0 || cut_address(&ports, &ip, e) < 0) {
        return -e->errnum;
    }
    colon = strchr(ports, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    if (parse_range(colon != NULL ? colon + 1 : ports, &inside, e) < 0) {
        return -e->errnum;
    }
    if (colon != NULL && (colon > ports || ip == NULL)) {
        if (parse_range(ports, &host, e) < 0) {
            return -e->errnum;
        }
        if (host.count != inside.count) {
            return err_new(e, EINVAL, "'%s' has ranges of different lengths", value);
        }
    }
    *spec_add_port(spec) = (struct spec_port){.host_ip = steal_ptr(&ip),
                                              .host_port = (uint16_t)host.first,
                                              .container_port = (uint16_t)inside.first,
                                              .count = (uint16_t)inside.count,
                                              .udp = udp};
    return 0;
}

int spec_parse_expose(const char *value, void *list, struct err *e)
{
    autofree char *copy = xstrdup(value);
    struct range range = {0};
    int udp = 0;

    if (cut_protocol(copy, &udp, e) < 0 || parse_range(copy, &range, e) < 0) {
        return -e->errnum;
    }
    for (int64_t i = 0; i < range.count; i++) {
        strv_pushf(list, "%d/%s", (int)(range.first + i), udp ? "udp" : "tcp");
    }
    return 0;
}

/* Entries are checked where they are used, see box/egress.h. */
int spec_parse_allow_net(const char *value, void *spec, struct err *e)
{
    struct spec_network *n = &((struct spec *)spec)->box.network;

    (void)e;
    n->allow_net_set = 1;
    strv_push(&n->allow_net, value);
    return 0;
}

/* ---- names */

/* A word that can stand in /etc/hosts or /etc/resolv.conf and be nothing but itself there. */
static int is_word(const char *s)
{
    if (s[0] == '\0') {
        return 0;
    }
    for (; *s != '\0'; s++) {
        if (isspace((unsigned char)*s) || iscntrl((unsigned char)*s) || *s == '#' || *s == ';') {
            return 0;
        }
    }
    return 1;
}

int spec_parse_add_host(const char *value, void *list, struct err *e)
{
    size_t len = strcspn(value, ":=");
    autofree char *names = xstrndup(value, len);
    autofree char *address = xstrdup(value[len] != '\0' ? value + len + 1 : "");
    autostrv struct strv split = {0};
    size_t address_len = strlen(address);

    if (address[0] == '[' && address[address_len - 1] == ']') { /* docker allows [IP6] */
        memmove(address, address + 1, address_len);
        address[address_len - 2] = '\0';
    }
    if (strcmp(address, "host-gateway") != 0 && !is_address(address)) {
        return err_new(e, EINVAL, "'%s' is not NAME:ADDRESS or NAME:host-gateway", value);
    }
    strv_split(&split, names, ';');
    for (size_t i = 0; i < split.len || i == 0; i++) {
        if (split.len == 0 || !is_word(split.v[i])) {
            return err_new(e, EINVAL, "'%s' has no host name before the colon", value);
        }
    }
    strv_pushf(list, "%s:%s", names, address);
    return 0;
}

int spec_parse_dns(const char *value, void *list, struct err *e)
{
    autostrv struct strv servers = {0};

    strv_split(&servers, value, ',');
    for (size_t i = 0; i < servers.len || i == 0; i++) {
        if (servers.len == 0 || (!is_address(servers.v[i]) && strcmp(servers.v[i], "none") != 0)) {
            return err_new(e, EINVAL, "'%s' is not an address, or none", value);
        }
    }
    strv_append(list, &servers);
    return 0;
}

int spec_parse_dns_word(const char *value, void *list, struct err *e)
{
    if (!is_word(value)) {
        return err_new(e, EINVAL, "'%s' is not a single word", value);
    }
    strv_push(list, value);
    return 0;
}
