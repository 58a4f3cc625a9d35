/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_join.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "spec/spec_parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FIELD(name) offsetof(struct spec_join, name)

/* Strings by their names in JSON; those that were asked for come first. */
static const struct {
    const char *key;
    size_t offset;
} STRINGS[] = {
    {"network", FIELD(network)},
    {"ip", FIELD(ip)},
    {"ip6", FIELD(ip6)},
    {"mac", FIELD(mac)},
    {"interface", FIELD(interface)},
    {"address", FIELD(address)},
    {"gateway", FIELD(gateway)},
    {"address6", FIELD(address6)},
    {"gateway6", FIELD(gateway6)},
    {"usedMac", FIELD(used_mac)},
    {"usedInterface", FIELD(used_interface)},
};

enum {
    STRING_COUNT = sizeof(STRINGS) / sizeof(STRINGS[0]),
    ASKED_COUNT = 5
};

static char **string_at(const struct spec_join *j, size_t i)
{
    return (char **)(void *)((char *)(uintptr_t)j + STRINGS[i].offset);
}

void spec_join_forget(struct spec_join *j)
{
    for (size_t i = ASKED_COUNT; i < STRING_COUNT; i++) {
        free(*string_at(j, i));
        *string_at(j, i) = NULL;
    }
    j->prefix = j->prefix6 = 0;
    j->has_dns = j->is_internal = 0;
}

void spec_join_done(struct spec_join *j)
{
    for (size_t i = 0; i < STRING_COUNT; i++) {
        free(*string_at(j, i));
    }
    strv_done(&j->aliases);
    *j = (struct spec_join){0};
}

void spec_joins_insist(struct spec_network *n)
{
    for (size_t i = 0; i < n->join_count; i++) {
        xreplace(&n->joins[i].ip, n->joins[i].address);
        xreplace(&n->joins[i].ip6, n->joins[i].address6);
    }
}

struct spec_join *spec_join_find(const struct spec_network *n, const char *name)
{
    for (size_t i = 0; i < n->join_count; i++) {
        if (strcmp(n->joins[i].network, name) == 0) {
            return &n->joins[i];
        }
    }
    return NULL;
}

void spec_join_remove(struct spec_network *n, struct spec_join *join)
{
    const size_t i = (size_t)(join - n->joins);

    spec_join_done(join);
    memmove(join, join + 1, (n->join_count - i - 1) * sizeof(*join));
    n->join_count--;
}

/* ---- JSON */

json_t *spec_join_write(const struct spec_join *j)
{
    json_t *o = json_pack("{s:I, s:I, s:b, s:b, s:o}", "prefix", (json_int_t)j->prefix, "prefix6",
                          (json_int_t)j->prefix6, "hasDns", j->has_dns, "isInternal",
                          j->is_internal, "aliases", json_from_strv(&j->aliases));

    for (size_t i = 0; i < STRING_COUNT; i++) {
        if (*string_at(j, i) != NULL) {
            (void)json_object_set_new(o, STRINGS[i].key, json_str(*string_at(j, i)));
        }
    }
    return o;
}

int spec_join_read(json_t *o, struct spec_join *ret)
{
    struct spec_join j = {0};
    struct err ignored = {0};
    int r = json_get_int(o, "prefix", "", &j.prefix, &ignored);

    r = r < 0 ? r : json_get_int(o, "prefix6", "", &j.prefix6, &ignored);
    r = r < 0 ? r : json_get_bool(o, "hasDns", "", &j.has_dns, &ignored);
    r = r < 0 ? r : json_get_bool(o, "isInternal", "", &j.is_internal, &ignored);
    r = r < 0 ? r : json_get_strv(o, "aliases", "", &j.aliases, &ignored);
    for (size_t i = 0; r == 0 && i < STRING_COUNT; i++) {
        const char *text = NULL;

        r = json_get_string(o, STRINGS[i].key, "", &text, &ignored);
        *string_at(&j, i) = xstrdup_null(text);
    }
    if (r < 0 || j.network == NULL) {
        spec_join_done(&j);
        return -EINVAL;
    }
    *ret = j;
    return 0;
}

json_t *spec_joins_write(const struct spec *s)
{
    json_t *list = s->box.network.join_count > 0 ? json_array() : NULL;

    for (size_t i = 0; i < s->box.network.join_count; i++) {
        (void)json_array_append_new(list, spec_join_write(&s->box.network.joins[i]));
    }
    return list;
}

int spec_joins_read(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;
    int r = 0;

    json_array_foreach(v, i, o)
    {
        r = r < 0 ? r : spec_join_read(o, spec_add_join(s));
    }
    return r;
}

/* ---- options */

static int set_address(int family, const char *value, char **ret, struct err *e)
{
    uint8_t address[16];
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(family, value, address) != 1) {
        return err_new(e, EINVAL, "'%s' is not an IPv%d address", value, family == AF_INET ? 4 : 6);
    }
    (void)inet_ntop(family, address, text, sizeof(text));
    free(*ret);
    *ret = xstrdup(text);
    return 0;
}

int spec_parse_ip4(const char *value, void *string, struct err *e)
{
    return set_address(AF_INET, value, string, e);
}

int spec_parse_ip6(const char *value, void *string, struct err *e)
{
    return set_address(AF_INET6, value, string, e);
}

/* "ip=" of a network takes either, and can be there twice. */
static int parse_ip(const char *value, void *join, struct err *e)
{
    struct spec_join *j = join;

    return strchr(value, ':') != NULL ? spec_parse_ip6(value, &j->ip6, e)
                                      : spec_parse_ip4(value, &j->ip, e);
}

/* Of one interface: the lowest bit of the first byte would mean many. */
int spec_parse_mac(const char *value, void *string, struct err *e)
{
    unsigned int b[6];
    int end = 0;
    char **ret = string;

    if (strlen(value) != 17 ||
        sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
               &end) != 6 ||
        end != 17 || (b[0] & 1) != 0 || (b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) == 0) {
        return err_new(e, EINVAL, "'%s' is not the hardware address of an interface", value);
    }
    free(*ret);
    *ret = xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return 0;
}

/* Names are asked for in lower case, see dns_message.h. */
int spec_parse_network_alias(const char *value, void *list, struct err *e)
{
    autofree char *lower = xstrdup(value);
    size_t len = strlen(value);

    for (char *p = lower; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
        if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL) {
            len = 0;
        }
    }
    if (len == 0 || len > 253 || lower[0] == '.' || lower[0] == '-') {
        return err_new(e, EINVAL, "'%s' is not a name for the network", value);
    }
    strv_push(list, lower);
    return 0;
}

static int parse_interface(const char *value, void *string, struct err *e)
{
    char **ret = string;

    if (value[0] == '\0' || value[0] == '.' || strlen(value) >= IFNAMSIZ ||
        strcmp(value, "lo") == 0 || strpbrk(value, "/: \t%") != NULL) {
        return err_new(e, EINVAL, "'%s' cannot be the name of an interface", value);
    }
    free(*ret);
    *ret = xstrdup(value);
    return 0;
}

static const struct {
    const char *key;
    int (*parse)(const char *value, void *field, struct err *e);
    size_t offset;
} OPTIONS[] = {
    {"ip", parse_ip, 0},
    {"ip6", spec_parse_ip6, FIELD(ip6)},
    {"mac", spec_parse_mac, FIELD(mac)},
    {"alias", spec_parse_network_alias, FIELD(aliases)},
    {"interface_name", parse_interface, FIELD(interface)},
};

static int parse_option(struct spec_join *j, const char *option, struct err *e)
{
    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++) {
        const char *rest = str_after(option, OPTIONS[i].key);

        if (rest != NULL && *rest == '=') {
            return OPTIONS[i].parse(rest + 1, (char *)j + OPTIONS[i].offset, e);
        }
    }
    (void)err_new(e, EINVAL, "a network has no option '%s'", option);
    return err_hint(e, "ip=, ip6=, mac=, alias=, interface_name=");
}

int spec_network_name_is_good(const char *name)
{
    static const char *const TAKEN[] = {"none",      "host", "private",     "default",
                                        "container", "ns",   "slirp4netns", "pasta"};
    autofree char *checked = NULL;
    struct err ignored = {0};

    for (size_t i = 0; i < sizeof(TAKEN) / sizeof(TAKEN[0]); i++) {
        if (strcmp(name, TAKEN[i]) == 0) {
            return 0;
        }
    }
    return spec_parse_name(name, &checked, &ignored) == 0;
}

static int add_one(const char *name, const char *options, struct spec *s, struct err *e)
{
    autostrv struct strv list = {0};
    struct spec_join *j = NULL;
    int r = 0;

    if (!spec_network_name_is_good(name)) {
        (void)err_new(e, EINVAL, "there is no network '%s'", name);
        return err_hint(e, "none, host, slirp4netns[:OPTIONS], pasta[:OPTIONS], container:NAME, "
                           "ns:PATH or a network's name (rbox network ls)");
    }
    if (spec_join_find(&s->box.network, name) != NULL) {
        return err_new(e, EINVAL, "network '%s' is named twice", name);
    }
    j = spec_add_join(s);
    j->network = xstrdup(name);
    strv_split(&list, options, ',');
    for (size_t i = 0; r == 0 && i < list.len; i++) {
        r = parse_option(j, list.v[i], e);
    }
    return r;
}

int spec_join_parse(const char *value, struct spec *s, struct err *e)
{
    const char *colon = strchr(value, ':');
    autofree char *name = xstrndup(value, strcspn(value, ":"));
    autostrv struct strv names = {0};
    int r = 0;

    if (colon != NULL || strchr(name, ',') == NULL) {
        return add_one(name, colon != NULL ? colon + 1 : "", s, e);
    }
    strv_split(&names, value, ',');
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        r = add_one(names.v[i], "", s, e);
    }
    return r;
}

int spec_join_settle(struct spec *s, struct err *e)
{
    struct spec_network *n = &s->box.network;
    const char *option = n->ip != NULL        ? "--ip"
                         : n->ip6 != NULL     ? "--ip6"
                         : n->mac != NULL     ? "--mac-address"
                         : n->aliases.len > 0 ? "--network-alias"
                                              : NULL;

    if (option == NULL) {
        return 0;
    }
    if (n->join_count == 0) {
        (void)err_new(e, EINVAL, "%s needs a network of your own", option);
        return err_hint(e, "rbox network create NAME, and --network NAME");
    }
    if (n->join_count > 1 && (n->ip != NULL || n->ip6 != NULL || n->mac != NULL)) {
        (void)err_new(e, EINVAL, "%s does not say in which of the networks", option);
        return err_hint(e, "--network NAME:ip=ADDRESS,mac=ADDRESS");
    }
    for (size_t i = 0; i < n->join_count; i++) {
        struct spec_join *j = &n->joins[i];
        const struct {
            char **to;
            char **from;
        } MOVES[] = {{&j->ip, &n->ip}, {&j->ip6, &n->ip6}, {&j->mac, &n->mac}};

        strv_append(&j->aliases, &n->aliases);
        for (size_t k = 0; k < sizeof(MOVES) / sizeof(MOVES[0]); k++) {
            if (*MOVES[k].from != NULL) {
                free(*MOVES[k].to);
                *MOVES[k].to = steal_ptr(MOVES[k].from);
            }
        }
    }
    strv_done(&n->aliases);
    return 0;
}
