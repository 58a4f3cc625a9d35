/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/notify.h"

#include "base/cleanup.h"
#include "box/signals.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "sys/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char SOCKET[] = "notify.sock"; /* in the run folder */

enum {
    MESSAGE_MAX = 4096,
    SERVE_MAX = 512 /* what a socket holds (net.unix.max_dgram_qlen): others have their turn, too */
};

/* ---- the service manager */

static int read_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_len)
{
    size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(ret->sun_path)) {
        return -EINVAL;
    }
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, text, len);
    if (text[0] == '@') {
        ret->sun_path[0] = '\0';
    }
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return 0;
}

static int open_manager(const char *text, int *ret_fd, struct err *e)
{
    struct sockaddr_un address;
    socklen_t len = 0;
    int r = read_address(text, &address, &len);

    *ret_fd = r < 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r == 0 && (*ret_fd < 0 || connect(*ret_fd, (const struct sockaddr *)&address, len) < 0)) {
        r = -errno;
    }
    if (r < 0) {
        close_fd(ret_fd);
        (void)err_set(e, -r, "cannot reach the service manager at NOTIFY_SOCKET '%s'", text);
        return err_hint(e, "--sdnotify ignore, to start without it");
    }
    return 0;
}

static void tell(const struct notify *n, const char *text, size_t len)
{
    if (n->out_fd >= 0 && len > 0) {
        (void)send(n->out_fd, text, len, MSG_NOSIGNAL); /* else it is not told: as sd_notify(3) */
    }
}

/* ---- the container */

/* Whatever user the container's process is, it may speak. */
static int listen_inside(struct spec *s, int run_fd, struct notify *n, struct err *e)
{
    const struct sockaddr_un address = path_socket_address(run_fd, SOCKET);
    char folder[PATH_MAX] = "";
    ssize_t len = readlink(path_proc_fd(run_fd).s, folder, sizeof(folder) - 1);
    struct spec_mount *m = NULL;

    folder[len > 0 ? len : 0] =
        '\0'; /* by its name: the child is in a mount namespace of its own */
    if (spec_find_mount(s, NOTIFY_PLACE) != NULL) {
        return err_new(e, EINVAL, "'%s' is the place of the socket of --sdnotify", NOTIFY_PLACE);
    }
    n->in_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (n->in_fd < 0 || bind(n->in_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        fchmodat(run_fd, SOCKET, 0666, 0) < 0) {
        return err_set(e, errno, "cannot make the socket of --sdnotify");
    }
    m = spec_add_mount(s);
    m->type = xstrdup("bind");
    m->source = xasprintf("%s/%s", folder, SOCKET);
    m->destination = xstrdup(NOTIFY_PLACE);
    spec_env_set(&s->process.env, "NOTIFY_SOCKET", NOTIFY_PLACE);
    return 0;
}

int notify_open(struct spec *s, int run_fd, struct notify *n, struct err *e)
{
    const char *address = getenv("NOTIFY_SOCKET");
    int r = 0;

    n->mode = s->box.sdnotify;
    if (n->mode == SPEC_SDNOTIFY_IGNORE || s->box.bundle || address == NULL || *address == '\0') {
        return 0;
    }
    r = open_manager(address, &n->out_fd, e);
    return r == 0 && (n->mode == SPEC_SDNOTIFY_DEFAULT || n->mode == SPEC_SDNOTIFY_CONTAINER)
               ? listen_inside(s, run_fd, n, e)
               : r;
}

/* ---- what is said */

static pid_t own_host_pid(void)
{
    autoclose int pidfd = proc_open(getpid());

    return pidfd < 0 ? -1 : signals_host_pid(pidfd);
}

void notify_started(const struct notify *n, int is_detached)
{
    autobuf struct buf b = {0};
    pid_t pid = n->out_fd >= 0 && is_detached ? own_host_pid() : -1;

    if (pid > 0) {
        buf_printf(&b, "MAINPID=%d\n", (int)pid);
    }
    if (n->mode == SPEC_SDNOTIFY_CONMON) {
        buf_puts(&b, "READY=1\n");
    }
    tell(n, b.data, b.len);
}

void notify_healthy(const struct notify *n)
{
    static const char READY[] = "READY=1\n";

    if (n->mode == SPEC_SDNOTIFY_HEALTHY) {
        tell(n, READY, sizeof(READY) - 1);
    }
}

static int may_say(const char *line)
{
    static const char *const WHOLE[] = {"READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1",
                                        "WATCHDOG=trigger"};
    static const char *const BEGINNINGS[] = {
        "STATUS=", "ERRNO=", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC="};

    for (size_t i = 0; i < sizeof(WHOLE) / sizeof(WHOLE[0]); i++) {
        if (strcmp(line, WHOLE[i]) == 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof(BEGINNINGS) / sizeof(BEGINNINGS[0]); i++) {
        if (str_after(line, BEGINNINGS[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

void notify_filter(const char *text, size_t len, struct buf *ret)
{
    autofree char *copy = xstrndup(text, len); /* to the first NUL: the rest is no text */
    autostrv struct strv lines = {0};

    strv_split(&lines, copy, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        if (may_say(lines.v[i])) {
            buf_printf(ret, "%s\n", lines.v[i]);
        }
    }
}

void notify_serve(const struct notify *n)
{
    char text[MESSAGE_MAX];
    ssize_t len = 0;

    for (int i = 0; len >= 0 && i < SERVE_MAX; i++) {
        autobuf struct buf b = {0};

        len = recv(n->in_fd, text, sizeof(text), MSG_TRUNC);
        if (len > 0 && (size_t)len <= sizeof(text)) {
            notify_filter(text, (size_t)len, &b);
            tell(n, b.data, b.len);
        }
    }
}
