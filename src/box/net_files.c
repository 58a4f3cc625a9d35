/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/hosts, /etc/resolv.conf and /etc/hostname of a container; declared in net.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/egress.h"
#include "box/net.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    FILE_BYTES_MAX = 1 << 20
};

/* A file of the host; "" where there is none. Symlinks are followed: /etc/resolv.conf is one as
 * often as not. */
static char *read_host_file(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct err ignored = {0};
    char *text = NULL;

    if (fd < 0 || fd_read_all(fd, FILE_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return xstrdup("");
    }
    return text;
}

/* ---- resolv.conf(5) */

static int is_keyword(const char *line, const char *word)
{
    const char *rest = str_after(line, word);

    return rest != NULL && (*rest == ' ' || *rest == '\t');
}

static void put_list(struct buf *b, const char *word, const struct strv *list)
{
    for (size_t i = 0; i < list->len; i++) {
        buf_printf(b, "%s%s", i == 0 ? word : " ", i == 0 ? " " : "");
        buf_puts(b, list->v[i]);
    }
    buf_puts(b, list->len > 0 ? "\n" : "");
}

char *net_resolv_conf(const char *host_text, const char *nameserver, const struct spec_network *n)
{
    autostrv struct strv lines = {0};
    struct buf b = {0};

    buf_puts(&b, "");
    put_list(&b, "search", &n->dns_search);
    for (size_t i = 0; i < n->dns.len; i++) {
        buf_printf(&b, "nameserver %s\n", n->dns.v[i]);
    }
    if (n->dns.len == 0 && nameserver != NULL) {
        buf_printf(&b, "nameserver %s\n", nameserver);
    }
    put_list(&b, "options", &n->dns_options);
    strv_split(&lines, host_text, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = lines.v[i];
        int keep_server = is_keyword(line, "nameserver") && n->dns.len == 0 && nameserver == NULL;
        int keep_search =
            (is_keyword(line, "search") || is_keyword(line, "domain")) && n->dns_search.len == 0;
        int keep_option = is_keyword(line, "options") && n->dns_options.len == 0;

        if (keep_server || keep_search || keep_option) {
            buf_printf(&b, "%s\n", line);
        }
    }
    return b.data;
}

static char *address_text(struct in_addr a)
{
    char text[INET_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET, &a, text, sizeof(text));
    return xstrdup(text);
}

char *net_resolv_conf_of(const struct spec *s)
{
    const struct net_backend *backend = net_backend(s);
    struct spec_network n = s->box.network;
    autofree char *host_text = read_host_file("/etc/resolv.conf");
    autofree char *nameserver = backend != NULL ? address_text(backend->info(s).dns) : NULL;
    autostrv struct strv own = {0};

    if (n.dns.len == 1 && strcmp(n.dns.v[0], "none") == 0) {
        return NULL;
    }
    /* Our resolver asks the servers of --dns. */
    if (n.allow_net_set || n.net_log != NULL) {
        n.dns = (struct strv){0};
        return net_resolv_conf(host_text, EGRESS_NAMESERVER, &n);
    }
    /* Those of user networks ask the servers of --dns. A name without a dot is a container's
     * first. */
    network_nameservers(s, &own);
    if (own.len > 0) {
        static char as_it_is[] = "ndots:0";
        static char *options[] = {as_it_is, NULL};

        n.dns = own;
        n.dns_options = n.dns_options.len > 0 ? n.dns_options : (struct strv){options, 1};
    }
    return net_resolv_conf(host_text, nameserver, &n);
}

/* ---- hosts(5) */

char *net_host_entries(const char *host_text)
{
    autostrv struct strv lines = {0};
    struct buf b = {0};

    buf_puts(&b, "");
    strv_split(&lines, host_text, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = lines.v[i];
        autofree char *first = xstrndup(line, strcspn(line, " \t#"));
        struct in_addr a;
        struct in6_addr a6;
        int is4 = inet_pton(AF_INET, first, &a) == 1;
        int is6 = inet_pton(AF_INET6, first, &a6) == 1;

        /* Multicast and link names (ff02::1 ip6-allnodes) are the host's links'. */
        if ((is4 && ntohl(a.s_addr) >> 24 != IN_LOOPBACKNET && a.s_addr != 0) ||
            (is6 && !IN6_IS_ADDR_LOOPBACK(&a6) && a6.s6_addr[0] < 0xfe)) {
            buf_printf(&b, "%s\n", line);
        }
    }
    return b.data;
}

/* The host as the container reaches it; nothing without a network. */
static char *host_gateway(const struct spec *s)
{
    if (net_backend(s) == NULL) {
        return s->box.network.backend == SPEC_NET_HOST ? xstrdup("127.0.0.1") : NULL;
    }
    if (s->box.network.backend == SPEC_NET_USER && network_is_internal(s)) {
        return NULL;
    }
    return address_text(net_backend(s)->info(s).gateway);
}

/* The container's; NULL when it has none. */
static char *own_address(const struct spec *s)
{
    const struct net_backend *backend = net_backend(s);
    struct net_info info = {0};

    if (backend != NULL) {
        info = backend->info(s);
    }
    return info.address.s_addr != 0 ? address_text(info.address) : NULL;
}

/* "name;name2:ip" or "name:ip", ip possibly "host-gateway" and possibly IPv6. */
static int put_added_host(struct buf *b, const char *entry, const char *gateway, struct err *e)
{
    const char *colon = strchr(entry, ':');
    const char *address = colon != NULL ? colon + 1 : NULL;
    autofree char *names = xstrndup(entry, colon != NULL ? (size_t)(colon - entry) : 0);

    if (address == NULL || *address == '\0' || *names == '\0') {
        return err_new(e, EINVAL, "--add-host %s: not NAME:ADDRESS", entry);
    }
    if (strcmp(address, "host-gateway") == 0) {
        if (gateway == NULL) {
            return err_new(e, EINVAL, "--add-host %s: this network has no way to the host", entry);
        }
        address = gateway;
    }
    for (char *p = names; *p != '\0'; p++) {
        *p = (char)(*p == ';' ? ' ' : *p);
    }
    buf_printf(b, "%s\t%s\n", address, names);
    return 0;
}

/* Those in a second network and on. */
static void put_more_addresses(struct buf *b, const struct spec *s)
{
    for (size_t i = 1; i < s->box.network.join_count; i++) {
        buf_printf(b, "%s\t%s %s\n", s->box.network.joins[i].address,
                   s->hostname != NULL ? s->hostname : "", s->box.name != NULL ? s->box.name : "");
    }
}

static int hosts(const struct spec *s, char **ret, struct err *e)
{
    autobuf struct buf b = {0};
    autofree char *gateway = host_gateway(s);
    autofree char *address = own_address(s);
    autofree char *host_text = read_host_file("/etc/hosts");
    autofree char *entries = net_host_entries(host_text);

    if (s->box.network.no_hosts) {
        return 0;
    }
    /* Added ones first: the first match wins. */
    buf_puts(&b, "");
    for (size_t i = 0; i < s->box.network.add_hosts.len; i++) {
        if (put_added_host(&b, s->box.network.add_hosts.v[i], gateway, e) < 0) {
            return -e->errnum;
        }
    }
    if (s->box.network.backend == SPEC_NET_HOST) {
        buf_puts(&b, host_text);
    } else {
        buf_puts(&b, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        buf_printf(&b, "%s\t%s %s\n", address != NULL ? address : "127.0.1.1",
                   s->hostname != NULL ? s->hostname : "", s->box.name != NULL ? s->box.name : "");
        put_more_addresses(&b, s);
        buf_puts(&b, entries);
    }
    if (gateway != NULL) {
        buf_printf(&b, "%s\thost.containers.internal host.docker.internal\n", gateway);
    }
    *ret = steal_ptr(&b.data);
    return 0;
}

int net_files(const struct spec *s, struct net_files *ret, struct err *e)
{
    int r = hosts(s, &ret->hosts, e);

    if (r < 0) {
        return r;
    }
    ret->resolv_conf = net_resolv_conf_of(s);
    ret->hostname = s->hostname != NULL ? xasprintf("%s\n", s->hostname) : NULL;
    return 0;
}
