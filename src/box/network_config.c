/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network_config.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "box/net_program.h"
#include "spec/spec_join.h"
#include "spec/spec_name.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static const char SUFFIX[] = ".json";
enum {
    FILE_BYTES_MAX = 1 << 20
};

void network_config_done(struct network_config *c)
{
    free(c->name);
    free(c->id);
    strv_done(&c->labels);
    strv_done(&c->options);
    *c = (struct network_config){0};
}

void network_configs_done(struct network_configs *l)
{
    for (size_t i = 0; i < l->count; i++) {
        network_config_done(&l->v[i]);
    }
    free(l->v);
    *l = (struct network_configs){0};
}

/* ---- JSON */

static json_t *subnet_json(const struct network_subnet *s)
{
    autofree char *subnet = network_subnet_text(s);
    autofree char *gateway = network_address_text(s->family, s->gateway);
    json_t *o = json_pack("{s:s, s:s}", "subnet", subnet, "gateway", gateway);

    if (s->has_range) {
        autofree char *first = network_address_text(s->family, s->first);
        autofree char *last = network_address_text(s->family, s->last);

        (void)json_object_set_new(o, "lease_range",
                                  json_pack("{s:s, s:s}", "start_ip", first, "end_ip", last));
    }
    return o;
}

json_t *network_config_json(const struct network_config *c)
{
    char when[CLOCK_TEXT_BYTES];
    autofree char *interface = xasprintf("br-%.12s", c->id);
    json_t *subnets = json_array();

    (void)json_array_append_new(subnets, subnet_json(&c->subnet));
    if (c->subnet6.family != 0) {
        (void)json_array_append_new(subnets, subnet_json(&c->subnet6));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:{s:s}}", "name",
                     c->name, "id", c->id, "driver", "bridge", "network_interface", interface,
                     "created", clock_text(c->created_ns, when), "subnets", subnets, "ipv6_enabled",
                     c->subnet6.family != 0, "internal", c->is_internal, "dns_enabled", c->has_dns,
                     "labels", json_from_pairs(&c->labels), "options", json_from_pairs(&c->options),
                     "ipam_options", "driver", "host-local");
}

static int read_range(const json_t *o, struct network_subnet *s, struct err *e)
{
    json_t *range = NULL;
    const char *first = NULL;
    const char *last = NULL;
    int r = json_get_object(o, "lease_range", "its subnet", &range, e);

    if (r < 0 || range == NULL) {
        return r;
    }
    r = json_get_string(range, "start_ip", "its range", &first, e);
    r = r < 0 ? r : json_get_string(range, "end_ip", "its range", &last, e);
    if (r == 0) {
        autofree char *text =
            xasprintf("%s-%s", first != NULL ? first : "", last != NULL ? last : "");

        r = network_subnet_range(s, text, e);
    }
    return r;
}

static int read_subnet(const json_t *o, struct network_config *c, struct err *e)
{
    const char *subnet = "";
    const char *gateway = NULL;
    struct network_subnet s = {0};
    int r = json_get_string(o, "subnet", "its subnet", &subnet, e);

    r = r < 0 ? r : json_get_string(o, "gateway", "its subnet", &gateway, e);
    r = r < 0 ? r : network_subnet_parse(subnet, &s, e);
    r = r < 0 || gateway == NULL ? r : network_subnet_gateway(&s, gateway, e);
    r = r < 0 ? r : read_range(o, &s, e);
    if (r == 0) {
        *(s.family == AF_INET6 ? &c->subnet6 : &c->subnet) = s;
    }
    return r;
}

static int read_pairs(const json_t *o, const char *key, struct strv *ret, struct err *e)
{
    json_t *pairs = NULL;
    int r = json_get_object(o, key, "it", &pairs, e);

    json_to_pairs(pairs, ret);
    return r;
}

static int read_config(const json_t *o, struct network_config *c, struct err *e)
{
    const char *name = "";
    const char *id = "";
    const char *mtu = NULL;
    const char *created = "1970-01-01T00:00:00Z";
    json_t *subnets = NULL;
    json_t *subnet = NULL;
    size_t i = 0;
    int r = json_get_string(o, "name", "it", &name, e);

    r = r < 0 ? r : json_get_string(o, "id", "it", &id, e);
    r = r < 0 ? r : json_get_string(o, "created", "it", &created, e);
    r = r < 0 ? r : parse_time_ns(created, &c->created_ns, e);
    r = r < 0 ? r : json_get_bool(o, "internal", "it", &c->is_internal, e);
    r = r < 0 ? r : json_get_bool(o, "dns_enabled", "it", &c->has_dns, e);
    r = r < 0 ? r : json_get_array(o, "subnets", "it", &subnets, e);
    r = r < 0 ? r : read_pairs(o, "labels", &c->labels, e);
    r = r < 0 ? r : read_pairs(o, "options", &c->options, e);
    json_array_foreach(subnets, i, subnet)
    {
        r = r < 0 ? r : read_subnet(subnet, c, e);
    }
    c->name = xstrdup(name);
    c->id = xstrdup(id);
    mtu = spec_env_get(&c->options, "mtu");
    c->mtu = mtu != NULL ? strtol(mtu, NULL, 10) : 0;
    if (r == 0 && (c->subnet.family == 0 || strlen(id) != 64 || !spec_network_name_is_good(name))) {
        r = err_new(e, EINVAL, "it lacks its name, id or subnet");
    }
    return r;
}

/* ---- the folder */

static int open_folder(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, NETWORK_FOLDER, 0700, ret_fd, e);
}

int network_config_lock(const struct store *store, int *ret_fd, struct err *e)
{
    autoclose int fd = -1;
    int r = open_folder(store, &fd, e);

    if (r == 0 && flock(fd, LOCK_EX) < 0) {
        r = err_set(e, errno, "cannot lock the store's networks");
    }
    *ret_fd = r < 0 ? -1 : steal_fd(&fd);
    return r;
}

/* The network that needs no file. */
static void default_network(struct network_config *ret)
{
    struct err ignored = {0};

    *ret = (struct network_config){.name = xstrdup(NETWORK_DEFAULT)};
    ret->id = xstrdup("17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121");
    (void)network_subnet_parse("10.88.0.0/16", &ret->subnet, &ignored);
}

static int read_file(int folder_fd, const char *name, struct network_config *ret, struct err *e)
{
    autofree char *file = xasprintf("%s%s", name, SUFFIX);
    autofree char *text = NULL;
    json_auto_t *o = NULL;
    struct network_config c = {0};
    size_t len = 0;
    int r = 0;

    if (strcmp(name, NETWORK_DEFAULT) == 0) {
        default_network(ret);
        return 0;
    }
    r = file_read(folder_fd, file, FILE_BYTES_MAX, &text, &len, e);
    r = r < 0 ? r : json_parse(text, len, file, &o, e);
    r = r < 0 ? r : read_config(o, &c, e);
    if (r == 0 && strcmp(c.name, name) != 0) {
        r = err_new(e, EINVAL, "it has another name inside");
    }
    if (r < 0) {
        network_config_done(&c);
        return r == -ENOENT ? r : err_wrap(e, "network '%s' is damaged", name);
    }
    *ret = c;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct network_config *)a)->name,
                  ((const struct network_config *)b)->name);
}

static void add_config(struct network_configs *l, const struct network_config *c)
{
    l->v = xrealloc(l->v, l->count + 1, sizeof(*l->v));
    l->v[l->count++] = *c;
}

int network_config_list(const struct store *store, struct network_configs *ret,
                        struct strv *ret_damaged, struct err *e)
{
    int fd = -1;
    int r = open_folder(store, &fd, e);
    autoclosedir DIR *d = r < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;
    struct network_config c = {0};

    if (d == NULL) {
        close_fd(&fd);
        return r < 0 ? r : err_set(e, errno, "cannot read the store's networks");
    }
    default_network(&c);
    add_config(ret, &c);
    while ((entry = readdir(d)) != NULL) {
        const size_t len = strlen(entry->d_name);
        autofree char *name = NULL;
        struct err why = {0};

        if (entry->d_name[0] == '.' || !str_ends(entry->d_name, SUFFIX)) {
            continue;
        }
        name = xstrndup(entry->d_name, len - strlen(SUFFIX));
        r = read_file(dirfd(d), name, &c, &why);
        if (r == 0) {
            add_config(ret, &c);
        } else if (r != -ENOENT && ret_damaged != NULL) {
            strv_push(ret_damaged, why.msg);
        }
    }
    qsort(ret->v, ret->count, sizeof(*ret->v), by_name);
    return 0;
}

static int none_such(const char *word, struct err *e)
{
    (void)err_new(e, ENOENT, "there is no network '%s'", word);
    return err_hint(e, "rbox network ls, or rbox network create %s", word);
}

static int find_by_id(const struct store *store, const char *word, struct network_config *ret,
                      struct err *e)
{
    struct network_configs all = {0};
    struct network_config *found = NULL;
    int r = network_config_list(store, &all, NULL, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (*word != '\0' && str_after(all.v[i].id, word) != NULL) {
            r = found == NULL ? 0
                              : err_new(e, ENOTUNIQ, "several networks' ids begin with '%s'", word);
            found = &all.v[i];
        }
    }
    if (r == 0 && found == NULL) {
        r = none_such(word, e);
    }
    if (r == 0) {
        *ret = *found;
        *found = (struct network_config){0};
    }
    network_configs_done(&all);
    return r;
}

int network_config_find(const struct store *store, const char *word, struct network_config *ret,
                        struct err *e)
{
    autoclose int fd = -1;
    int r = 0;

    if (!spec_network_name_is_good(word)) {
        return none_such(word, e);
    }
    r = open_folder(store, &fd, e);
    r = r < 0 ? r : read_file(fd, word, ret, e);
    if (r == -ENOENT) {
        err_clear(e);
        r = find_by_id(store, word, ret, e);
    }
    return r;
}

/* ---- making */

static int overlap(const struct network_subnet *s, const char *what, const char *name,
                   struct err *e)
{
    autofree char *text = network_subnet_text(s);

    return err_new(e, EADDRINUSE, "%s is in use by %s%s%s", text, what, *name != '\0' ? " " : "",
                   name);
}

/* Is @s free of other networks, of slirp4netns' own, and of the host's? */
static int check_free(const struct network_configs *all, const struct network_subnet *s,
                      struct err *e)
{
    struct network_subnet usual = {0};
    autofree char *interface = NULL;

    if (network_subnet_parse(s->family == AF_INET6 ? NET_SLIRP6 : NET_USUAL_CIDR, &usual, e) < 0) {
        return -e->errnum;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (network_subnet_overlaps(s, &all->v[i].subnet) ||
            network_subnet_overlaps(s, &all->v[i].subnet6)) {
            return overlap(s, "network", all->v[i].name, e);
        }
    }
    if (network_subnet_overlaps(s, &usual)) {
        return overlap(s, "slirp4netns", "", e);
    }
    interface = network_subnet_on_host(s);
    return interface != NULL ? overlap(s, "the host's interface", interface, e) : 0;
}

/* podman's: 10.89.0.0/24 and on. */
static int choose_subnet(const struct network_configs *all, struct network_subnet *ret,
                         struct err *e)
{
    for (int second = 89; second < 256; second++) {
        for (int third = 0; third < 256; third++) {
            autofree char *text = xasprintf("10.%d.%d.0/24", second, third);

            err_clear(e);
            if (network_subnet_parse(text, ret, e) == 0 && check_free(all, ret, e) == 0) {
                return 0;
            }
        }
    }
    return err_wrap(e, "no subnet is left");
}

/* A unique local one, by chance (RFC 4193). */
static int choose_subnet6(struct network_subnet *ret, struct err *e)
{
    uint8_t b[7];
    autofree char *text = NULL;

    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
        return err_set(e, errno, "cannot get random numbers for a subnet");
    }
    text = xasprintf("fd%02x:%02x%02x:%02x%02x:%02x%02x::/64", b[0], b[1], b[2], b[3], b[4], b[5],
                     b[6]);
    return network_subnet_parse(text, ret, e);
}

static int settle(const struct network_configs *all, struct network_config *c, struct err *e)
{
    int r =
        c->subnet.family != 0 ? check_free(all, &c->subnet, e) : choose_subnet(all, &c->subnet, e);

    if (r == 0 && c->subnet6.family != 0) {
        r = c->subnet6.prefix != 0 ? check_free(all, &c->subnet6, e)
                                   : choose_subnet6(&c->subnet6, e);
    }
    return r < 0 ? r : spec_make_id(&c->id, e);
}

int network_config_make(const struct store *store, struct network_config *c, struct err *e)
{
    autofree char *file = xasprintf("%s%s", c->name, SUFFIX);
    autoclose int fd = -1;
    struct network_configs all = {0};
    int r = network_config_lock(store, &fd, e);

    if (r == 0 && (strcmp(c->name, NETWORK_DEFAULT) == 0 ||
                   faccessat(fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)) {
        r = err_new(e, EEXIST, "there is a network '%s' already", c->name);
    }
    r = r < 0 ? r : network_config_list(store, &all, NULL, e);
    r = r < 0 ? r : settle(&all, c, e);
    if (r == 0) {
        autofree char *text = NULL;
        json_auto_t *o = NULL;

        c->created_ns = clock_realtime_ns();
        o = network_config_json(c);
        text = json_text(o);
        r = file_write(fd, file, text, strlen(text), FILE_SYNC | FILE_PRIVATE, e);
    }
    network_configs_done(&all);
    return r;
}

int network_config_remove(const struct store *store, const char *name, struct err *e)
{
    autofree char *file = xasprintf("%s%s", name, SUFFIX);
    autoclose int fd = -1;
    int r = network_config_lock(store, &fd, e);

    if (r == 0 && strcmp(name, NETWORK_DEFAULT) == 0) {
        r = err_new(e, EPERM, "network '%s' is always there", name);
    } else if (r == 0 && unlinkat(fd, file, 0) < 0) {
        r = errno == ENOENT ? none_such(name, e)
                            : err_set(e, errno, "cannot remove network '%s'", name);
    }
    return r;
}
