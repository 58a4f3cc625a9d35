/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's network: a backend behind five functions, and the files that tell names.
 *
 *     net_check()       launcher, before anything is made: can the backend that was asked for work
 * here? net_files()       launcher: /etc/hosts, /etc/resolv.conf, /etc/hostname net_inside() child:
 * loopback up, sysctls of the namespace net_start()       supervisor: starts the backend's helper,
 * beside the child's mounts net_wait_ready()  supervisor: before the command is executed net_stop()
 * supervisor */
#ifndef RBOX_BOX_NET_H
#define RBOX_BOX_NET_H

#include "base/err.h"
#include "spec/spec.h"

enum {
    NET_READY_TIMEOUT_MS = 10000
};

struct net;

/* What a backend is. */
struct net_backend {
    const char *name;
    int (*check)(const struct spec *s, struct err *e);
    int (*start)(const struct spec *s, int netns_fd, struct net *n, struct err *e);
    int (*ready)(struct net *n, int timeout_ms, struct err *e);
    char *(*dns)(const struct spec *s); /* name server for the container; the caller owns it */
    char *(*address)(
        const struct spec *s); /* of the container, for /etc/hosts; the caller owns it */
};

struct net {
    const struct net_backend *backend;
    int pidfd;    /* of the helper, or -1 */
    int ready_fd; /* the helper says "1" here */
    int exit_fd;  /* open as long as the helper shall live */
    int err_fd;   /* what it says on stderr */
};

/* Row of the backend that @s asks for; NULL where no helper is needed (none, host). */
const struct net_backend *net_backend(const struct spec *s);

int net_check(const struct spec *s, struct err *e);

/* Runs in the supervisor: user namespace with all (ambient) capabilities, the host's mounts and
 * network. Borrows
 * @netns_fd. On success *ret is to be net_stop()ped. */
int net_start(const struct spec *s, int netns_fd, struct net *ret, struct err *e);

/* Wait until traffic can flow. Errors: -ETIMEDOUT; -ECHILD the helper died, with its own words. */
int net_wait_ready(struct net *n, int timeout_ms, struct err *e);

/* End the helper. Does not wait for its tap device, which takes the kernel 15–40 ms to take down.
 */
void net_stop(struct net *n);

/* Child side, in the container's own network namespace; does nothing in the host's. */
int net_inside(const struct spec *s, struct err *e);

/* Texts to put into the container; a NULL one leaves the image's file. The caller owns them. */
struct net_files {
    char *hosts;
    char *resolv_conf;
    char *hostname;
};
int net_files(const struct spec *s, struct net_files *ret, struct err *e);

/* resolv.conf from the host's text: with @nameserver in place of its own (NULL keeps them), and the
 * options of @n. Pure; the caller owns it. */
char *net_resolv_conf(const char *host_text, const char *nameserver, const struct spec_network *n);

/* Value of option @key in the backend's options ("cidr=…"), or NULL. */
const char *net_option(const struct spec *s, const char *key);

extern const struct net_backend NET_SLIRP4NETNS;

#endif
