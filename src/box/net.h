/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's network: a backend behind five functions, published ports, and the files that
 * tell names. In order of use:
 *
 *     net_open()         launcher: can what was asked for work here? Listen on published ports.
 *     net_files()        launcher: /etc/hosts, /etc/resolv.conf, /etc/hostname
 *     net_device()       child: sysctls of the namespace, the tap device
 *     net_inside()       child: loopback up, ping
 *     net_start()        supervisor: start the helpers, beside the child's mounts
 *     net_wait_ready()   supervisor: before the command is executed
 *     net_stop()         supervisor
 */
#ifndef RBOX_BOX_NET_H
#define RBOX_BOX_NET_H

#include "base/err.h"
#include "box/network.h"
#include "box/port.h"
#include "spec/spec.h"

#include <netinet/in.h>

enum {
    NET_READY_TIMEOUT_MS = 10000
};

/* Who is who in the container's network. */
struct net_info {
    struct in_addr address; /* of the container */
    struct in_addr gateway; /* the host, if its loopback is open to the container */
    struct in_addr dns;     /* a forwarder to the host's own resolver */
};

/* Processes that serve the network, all children of the supervisor. */
enum net_helper_role {
    NET_HELPER_BACKEND,
    NET_HELPER_PORTS,    /* port.h */
    NET_HELPER_RESOLVER, /* egress.h */
    NET_HELPER_COUNT
};

struct net {
    const struct net_backend *backend;
    struct net_helper helpers[NET_HELPER_COUNT];
    int exit_fd;             /* open as long as the backend's helper shall live, or -1 */
    int err_fd;              /* what it says on stderr */
    int is_again;            /* the backend's helper takes the place of one that died */
    const struct spec *spec; /* borrowed */
    int netns_fd;            /* the container's, for those that are started later */
    int run_fd;              /* its run folder, where the forwarder takes requests; borrowed */
    int64_t born_ms[NET_HELPER_COUNT];
    int log_fd;                /* of --net-log, or -1 */
    int list_fd;               /* where its list comes from at the end, or -1 */
    struct ports ports;        /* to start the forwarder with */
    int ports_fd;              /* what it publishes now (ports_record()), or -1 */
    struct network_seat *seat; /* borrowed; of a container in user networks (network.h) */
};

/* The value before net_open(). */
#define NET_INIT                  \
    ((struct net){.exit_fd = -1,  \
                  .err_fd = -1,   \
                  .netns_fd = -1, \
                  .log_fd = -1,   \
                  .list_fd = -1,  \
                  .ports_fd = -1, \
                  .helpers = {{-1, -1}, {-1, -1}, {-1, -1}}})

/* The helper of @role, which died, is reaped; with @again another takes its place, unless it had
 * just been started. Returns what is to be said of it; the caller owns that. */
char *net_helper_died(enum net_helper_role role, int again, struct net *n);

/* Start one; its readiness is for net_fork_wait(). For net_start() and net_helper_died(). */
int net_start_ports(struct net *n, struct err *e);
int net_start_resolver(struct net *n, struct err *e);

/* What a backend is. One that needs no helper has no row. */
struct net_backend {
    const char *name;
    int has_tap; /* works behind a device that net_device() makes */
    /* Host side: are options valid and prerequisites there? */
    int (*check)(const struct spec *s, struct err *e);
    int (*start)(int netns_fd, struct net *n, struct err *e);
    int (*ready)(struct net *n, int timeout_ms, struct err *e);
    /* Options are known to be valid. */
    struct net_info (*info)(const struct spec *s);
    void (*stop)(struct net *n);
    /* Does it serve published ports itself? NULL: never. */
    int (*serves_ports)(const struct spec *s);
};

extern const struct net_backend NET_SLIRP4NETNS;
extern const struct net_backend NET_PASTA;
extern const struct net_backend NET_USER;

/* Row of the backend that @s asks for; NULL where no helper is needed (none, host). */
const struct net_backend *net_backend(const struct spec *s);

/* Check, and listen on published ports, whose numbers are filled in in @s. @seat (borrowed): of a
 * container in user networks. On success *ret is for net_start() in the fork, and net_done() in the
 * launcher. */
int net_open(struct spec *s, struct network_seat *seat, struct net *ret, struct err *e);

/* Close what this process holds of @n: the helpers are the supervisor's. */
void net_done(struct net *n);

/* Runs in the supervisor: user namespace with all (ambient) capabilities, the host's mounts and
 * network. @run_fd: the container's run folder. Borrows both. */
int net_start(int netns_fd, int run_fd, struct net *n, struct err *e);

/* Is there anything that net_wait_ready() would wait for? */
int net_must_wait(const struct net *n);

/* Wait until traffic can flow, and with --allow-net until no other can. Errors: -ETIMEDOUT; -ECHILD
 * a helper died, with its own words. */
int net_wait_ready(struct net *n, struct err *e);

/* What --allow-net would have needed so far, by --net-log, which ends with that; NULL without it.
 * The caller owns it. Supervisor, before net_stop(). */
char *net_end_log(struct net *n);

/* End the helpers. Does not wait for the tap device, which takes the kernel 15–40 ms to take
 * down. */
void net_stop(struct net *n);

/* Child side, in the container's own network namespace; both do nothing in another's. net_device()
 * comes as the caller, while the ids are being mapped. */
int net_device(const struct spec *s, struct err *e);
int net_inside(const struct spec *s, struct err *e);

/* Texts to put into the container; a NULL one leaves the image's file. The caller owns them. */
struct net_files {
    char *hosts;
    char *resolv_conf;
    char *hostname;
};
int net_files(const struct spec *s, struct net_files *ret, struct err *e);

/* /etc/resolv.conf of @s as the host's is now; NULL leaves the image's. The caller owns it. */
char *net_resolv_conf_of(const struct spec *s);

/* resolv.conf from the host's text: with @nameserver in place of its own (NULL keeps them), and the
 * options of @n. Pure; the caller owns it. */
char *net_resolv_conf(const char *host_text, const char *nameserver, const struct spec_network *n);

/* Those lines of the host's hosts file that mean the same inside: entries of other machines, not
 * those of its loopback. Pure; the caller owns it. */
char *net_host_entries(const char *host_text);

/* Value of option @key in the backend's options ("cidr=…"), or NULL. */
const char *net_option(const struct spec *s, const char *key);

#endif
