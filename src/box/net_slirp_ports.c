/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_handler=slirp4netns: published ports by slirp4netns' own forwarding, which it is asked for
 * over a socket in the container's run folder, one request a connection. IPv4 only, and slower than
 * rbox's; services see their callers at the tap device. */
#include "box/net_slirp_ports.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const char FOLDER[] = "slirp4netns";
static const char SOCKET[] = "api.sock";
enum {
    ANSWER_BYTES_MAX = 4096,
    PATIENCE_S = 5
};

int slirp_ports_wanted(const struct spec *s)
{
    return str_eq(net_option(s, "port_handler"), "slirp4netns");
}

int slirp_ports_check(const struct spec *s, struct err *e)
{
    struct in_addr a;

    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];

        if (p->host_port == 0 || s->box.network.publish_all) {
            return err_new(e, EINVAL,
                           "port_handler=slirp4netns needs the host's ports named: -p "
                           "HOST:CONTAINER");
        }
        if (p->host_ip != NULL && inet_pton(AF_INET, p->host_ip, &a) != 1) {
            return err_new(e, EINVAL,
                           "port_handler=slirp4netns cannot listen on '%s': not an IPv4 "
                           "address",
                           p->host_ip);
        }
    }
    return 0;
}

int slirp_ports_folder(int run_fd, int *ret_fd, struct err *e)
{
    /* Whoever of the map slirp4netns becomes may write there; only who comes through the run folder
     * gets there. */
    if (dir_make(run_fd, FOLDER, 0700, ret_fd, e) < 0) {
        return -e->errnum;
    }
    if (fchmod(*ret_fd, 0777) < 0) {
        return err_set(e, errno, "cannot open the folder for slirp4netns");
    }
    (void)unlinkat(*ret_fd, SOCKET, 0); /* of one that died */
    return 0;
}

char *slirp_ports_argument(int folder_fd)
{
    return xasprintf("--api-socket=/proc/self/fd/%d/%s", folder_fd, SOCKET);
}

static int connect_to(int run_fd, int *ret_fd, struct err *e)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    autofree char *name = xasprintf("%s/%s", FOLDER, SOCKET);
    const struct sockaddr_un a = path_socket_address(run_fd, name);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        return err_set(e, errno, "cannot ask slirp4netns");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* {"return": …} or {"error": {"desc": "…"}} */
static int read_answer(int fd, struct err *e)
{
    autofree char *text = NULL;
    json_auto_t *o = NULL;
    size_t len = 0;
    int r = fd_read_all(fd, ANSWER_BYTES_MAX, &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, "slirp4netns", &o, e);
    if (r == 0 && json_object_get(o, "return") == NULL) {
        const char *why = json_string_value(json_object_get(json_object_get(o, "error"), "desc"));

        return err_new(e, EADDRINUSE, "%s", why != NULL ? why : "refused");
    }
    return r;
}

static int ask(int run_fd, json_t *arguments, struct err *e)
{
    json_auto_t *q = json_pack("{s:s, s:o}", "execute", "add_hostfwd", "arguments", arguments);
    autofree char *text = json_text(q);
    autoclose int fd = -1;
    int r = connect_to(run_fd, &fd, e);

    if (r < 0) {
        return r;
    }
    r = fd_write_all(fd, text, strlen(text));
    if (r < 0 || shutdown(fd, SHUT_WR) < 0) {
        return err_set(e, r < 0 ? -r : errno, "cannot ask slirp4netns");
    }
    return read_answer(fd, e);
}

int slirp_ports_publish(const struct spec *s, struct in_addr guest, int run_fd, struct err *e)
{
    char address[INET_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET, &guest, address, sizeof(address));
    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];
        const char *ip = p->host_ip != NULL ? p->host_ip : "0.0.0.0";

        for (int k = 0; k < p->count; k++) {
            json_t *arguments =
                json_pack("{s:s, s:s, s:i, s:s, s:i}", "proto", p->udp ? "udp" : "tcp", "host_addr",
                          ip, "host_port", p->host_port + k, "guest_addr", address, "guest_port",
                          p->container_port + k);

            if (ask(run_fd, arguments, e) < 0) {
                return err_wrap(e, "cannot publish %s:%d/%s by slirp4netns", ip, p->host_port + k,
                                p->udp ? "udp" : "tcp");
            }
        }
    }
    return 0;
}
