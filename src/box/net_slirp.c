/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slirp4netns(1): a user-space TCP/IP stack behind a tap device in the container's namespace.
 * Started with its own sandbox and filter; the host's loopback is closed unless asked for
 * (CVE-2021-20199 and its kin). */
#include "base/cleanup.h"
#include "base/hints.h"
#include "base/mem.h"
#include "box/net.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_CIDR[] = "10.0.2.0/24";
enum {
    MTU_DEFAULT = 65520,
    GUEST_HOST = 100,
    DNS_HOST = 3
};

/* ---- options */

struct slirp_option {
    const char *key;
    const char *argument; /* of slirp4netns, "--cidr=%s"; NULL: handled apart */
};

static const struct slirp_option OPTIONS[] = {
    {"cidr", "--cidr=%s"},
    {"mtu", "--mtu=%s"},
    {"outbound_addr", "--outbound-addr=%s"},
    {"outbound_addr6", "--outbound-addr6=%s"},
    {"allow_host_loopback", NULL},
    {"enable_ipv6", NULL},
    {"port_handler", NULL},
};
enum {
    OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0])
};

static int is_true(const char *value)
{
    return value != NULL && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* First address of the network of @cidr (host order) and its prefix length; 0 on success. */
static int parse_cidr(const char *cidr, uint32_t *ret_network, int *ret_prefix)
{
    autofree char *text = xstrdup(cidr);
    char *slash = strchr(text, '/');
    struct in_addr a;
    char *end = NULL;
    long prefix = 0;

    if (slash == NULL) {
        return -EINVAL;
    }
    *slash = '\0';
    prefix = strtol(slash + 1, &end, 10);
    /* slirp4netns itself takes prefixes from 1 to 25: the guest has host number 100. */
    if (inet_pton(AF_INET, text, &a) != 1 || *end != '\0' || prefix < 1 || prefix > 25) {
        return -EINVAL;
    }
    *ret_network = ntohl(a.s_addr) & ~(UINT32_MAX >> prefix);
    *ret_prefix = (int)prefix;
    return 0;
}

/* Address number @host of the network asked for; the caller owns the text. */
static char *address_text(const struct spec *s, uint32_t host)
{
    const char *cidr = net_option(s, "cidr");
    uint32_t network = 0;
    int prefix = 0;
    struct in_addr a;
    char text[INET_ADDRSTRLEN] = "";

    if (parse_cidr(cidr != NULL ? cidr : DEFAULT_CIDR, &network, &prefix) < 0) {
        return NULL;
    }
    a.s_addr = htonl(network + host);
    (void)inet_ntop(AF_INET, &a, text, sizeof(text));
    return xstrdup(text);
}

static int check_options(const struct spec *s, struct err *e)
{
    const struct strv *given = &s->box.network.options;
    const char *cidr = net_option(s, "cidr");
    uint32_t network = 0;
    int prefix = 0;

    for (size_t i = 0; i < given->len; i++) {
        size_t len = strcspn(given->v[i], "=");
        int known = 0;

        for (size_t j = 0; j < OPTION_COUNT; j++) {
            known = known || (strlen(OPTIONS[j].key) == len &&
                              strncmp(OPTIONS[j].key, given->v[i], len) == 0);
        }
        if (!known) {
            return err_new(e, EINVAL, "slirp4netns has no option '%.*s'", (int)len, given->v[i]);
        }
    }
    if (cidr != NULL && parse_cidr(cidr, &network, &prefix) < 0) {
        return err_new(e, EINVAL,
                       "slirp4netns:cidr=%s: not NETWORK/PREFIX with a prefix of at most 25", cidr);
    }
    if (net_option(s, "port_handler") != NULL &&
        strcmp(net_option(s, "port_handler"), "rootlesskit") != 0) {
        return err_new(e, ENOTSUP, "slirp4netns:port_handler=%s is not supported yet",
                       net_option(s, "port_handler"));
    }
    return 0;
}

static int slirp_check(const struct spec *s, struct err *e)
{
    autofree char *path = NULL;
    autoclose int tun_fd = -1;

    if (check_options(s, e) < 0) {
        return -e->errnum;
    }
    if (proc_find("slirp4netns", &path, e) < 0) {
        (void)err_new(e, ENOENT,
                      "cannot give the container a network: slirp4netns is not installed");
        return err_hint_id(e, HINT_NET_HELPER, NULL, NULL);
    }
    tun_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tun_fd < 0) {
        (void)err_set(e, errno, "cannot give the container a network: '/dev/net/tun'");
        return err_hint_id(e, HINT_TUN, NULL, NULL);
    }
    return 0;
}

/* ---- life */

static void push_options(const struct spec *s, struct strv *argv)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *value = net_option(s, OPTIONS[i].key);

        if (value != NULL && OPTIONS[i].argument != NULL) {
            autofree char *prefix =
                xstrndup(OPTIONS[i].argument, strcspn(OPTIONS[i].argument, "%"));

            strv_pushf(argv, "%s%s", prefix, value);
        }
    }
    if (net_option(s, "mtu") == NULL) {
        strv_pushf(argv, "--mtu=%d", MTU_DEFAULT);
    }
    if (!is_true(net_option(s, "allow_host_loopback"))) {
        strv_push(argv, "--disable-host-loopback");
    }
    if (is_true(net_option(s, "enable_ipv6"))) {
        strv_push(argv, "--enable-ipv6");
    }
}

static int slirp_start(const struct spec *s, int netns_fd, struct net *n, struct err *e)
{
    autostrv struct strv argv = {0};
    autofree char *path = NULL;
    int ready[2] = {-1, -1};
    int alive[2] = {-1, -1};
    int errors[2] = {-1, -1};
    struct proc_options o = {.die_with_parent = 1};
    int r = proc_find("slirp4netns", &path, e);

    if (r < 0) {
        return r;
    }
    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(alive, O_CLOEXEC) < 0 ||
        pipe2(errors, O_CLOEXEC) < 0) {
        return err_set(e, errno, "cannot create a pipe");
    }
    strv_push(&argv, path);
    strv_push(&argv, "--configure");
    strv_push(&argv, "--enable-sandbox");
    strv_push(&argv, "--enable-seccomp");
    strv_pushf(&argv, "--ready-fd=%d", ready[1]);
    strv_pushf(&argv, "--exit-fd=%d", alive[0]);
    push_options(s, &argv);
    strv_push(&argv, "--netns-type=path");
    strv_pushf(&argv, "/proc/self/fd/%d", netns_fd);
    strv_push(&argv, "tap0");
    o.argv = (const char *const *)argv.v;
    o.err_fd = errors[1];
    o.keep_fds = (int[]){ready[1], alive[0], netns_fd};
    o.keep_count = 3;
    r = proc_start(&o, &n->pidfd, e);
    close_fd(&ready[1]);
    close_fd(&alive[0]);
    close_fd(&errors[1]);
    n->ready_fd = ready[0];
    n->exit_fd = alive[1];
    n->err_fd = errors[0];
    return r;
}

/* Its last words, for the error. */
static int slirp_died(const struct net *n, struct err *e)
{
    autofree char *words = xcalloc(1, 4096);

    (void)fcntl(n->err_fd, F_SETFL, O_NONBLOCK);
    if (read(n->err_fd, words, 4095) <= 0) {
        words[0] = '\0';
    }
    words[strcspn(words, "\n")] = '\0';
    (void)err_new(e, ECHILD, "cannot give the container a network: slirp4netns ended%s%s",
                  *words != '\0' ? ": " : "", words);
    return err_hint(e, "rbox doctor, or --network none");
}

static int slirp_ready(struct net *n, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = n->ready_fd, .events = POLLIN};
    char byte = 0;
    int r = 0;

    do {
        r = poll(&p, 1, timeout_ms);
    } while (r < 0 && errno == EINTR);
    if (r == 0) {
        return err_new(e, ETIMEDOUT, "slirp4netns was not ready after %d ms", timeout_ms);
    }
    return read(n->ready_fd, &byte, 1) == 1 ? 0 : slirp_died(n, e);
}

static char *slirp_dns(const struct spec *s)
{
    return address_text(s, DNS_HOST);
}

static char *slirp_address(const struct spec *s)
{
    return address_text(s, GUEST_HOST);
}

const struct net_backend NET_SLIRP4NETNS = {
    .name = "slirp4netns",
    .check = slirp_check,
    .start = slirp_start,
    .ready = slirp_ready,
    .dns = slirp_dns,
    .address = slirp_address,
};
