/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/explain.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/sync.h"
#include "sys/netlink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    ROWS_MAX = 100
};

struct row {
    char *what;
    char *how;
    unsigned long count;
};

struct explain {
    const struct spec *spec;
    const struct seccomp_filter *filter;
    int listener_fd;
    int routes_fd;
    struct row rows[ROWS_MAX];
    size_t row_count;
    unsigned long more; /* for which there was no row */
};

struct explain *explain_new(const struct spec *s, const struct seccomp_filter *f)
{
    struct explain *x = NULL;

    if (s->box.explain) {
        x = xcalloc(1, sizeof(*x));
        *x = (struct explain){.spec = s, .filter = f, .listener_fd = -1, .routes_fd = -1};
    }
    return x;
}

void explain_free(struct explain *x)
{
    for (size_t i = 0; x != NULL && i < x->row_count; i++) {
        free(x->rows[i].what);
        free(x->rows[i].how);
    }
    free(x);
}

int explain_offer(int sync_fd, struct err *e)
{
    autoclose int fd = -1;
    int r = netlink_open(&fd, e);

    return r < 0 ? r : sync_send(sync_fd, SYNC_ROUTES, fd, e);
}

/* ---- counting */

void explain_count(struct explain *x, const char *what, const char *how)
{
    for (size_t i = 0; i < x->row_count; i++) {
        if (strcmp(x->rows[i].what, what) == 0 && strcmp(x->rows[i].how, how) == 0) {
            x->rows[i].count++;
            return;
        }
    }
    if (x->row_count == ROWS_MAX) {
        x->more++;
        return;
    }
    x->rows[x->row_count++] = (struct row){.what = xstrdup(what), .how = xstrdup(how), .count = 1};
}

void explain_tell(const struct explain *x, void (*say)(void *arg, const char *text), void *arg)
{
    for (size_t i = 0; x != NULL && i < x->row_count; i++) {
        const struct row *row = &x->rows[i];
        autofree char *text =
            xasprintf("blocked %lu× %s; allow it with %s", row->count, row->what, row->how);

        say(arg, text);
    }
    if (x != NULL && x->more > 0) {
        autofree char *text = xasprintf("blocked %lu× other things", x->more);

        say(arg, text);
    }
    if (x != NULL && x->row_count == 0) {
        say(arg, "nothing was blocked that --explain can see");
    }
}

/* ---- answering */

static void answer(struct explain *x, const struct seccomp_notif *n)
{
    struct seccomp_notif_resp response = {.id = n->id};
    uint32_t action = seccomp_answer(x->filter, &n->data);
    uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

    if (kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG) {
        explain_look(x, x->spec, n);
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
        /* What would kill is refused here, so that the next call is seen, too. */
        response.error = kind == SECCOMP_RET_ERRNO ? -(int)(action & SECCOMP_RET_DATA) : -EPERM;
        explain_count_call(x, x->spec, &n->data);
    }
    (void)ioctl(x->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response); /* it may be dead by now */
}

void explain_serve(void *arg)
{
    struct explain *x = arg;
    struct pollfd p = {.fd = x->listener_fd, .events = POLLIN};
    union {
        struct seccomp_notif n;
        char room[512]; /* a later kernel's is longer */
    } u;

    if (poll(&p, 1, 0) <= 0) {
        return;
    }
    if ((p.revents & POLLIN) == 0) { /* all that the filter was for are gone */
        close_fd(&x->listener_fd);
        return;
    }
    memset(&u, 0, sizeof(u));
    if (ioctl(x->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &u) == 0) {
        answer(x, &u.n);
    }
}

int explain_poll_fd(const struct explain *x)
{
    return x != NULL ? x->listener_fd : -1;
}

int explain_routes_fd(const struct explain *x)
{
    return x->routes_fd;
}

int explain_meet(struct explain *x, int sync_fd, const char *peer, struct err *e)
{
    struct pollfd p[2] = {{.fd = sync_fd, .events = POLLIN}};
    int r = 0;

    if (x == NULL) {
        return 0;
    }
    close_fd(&x->listener_fd); /* of the life before */
    close_fd(&x->routes_fd);
    r = sync_wait(sync_fd, SYNC_ROUTES, peer, &x->routes_fd, e);
    r = r < 0 ? r : sync_wait(sync_fd, SYNC_LISTENER, peer, &x->listener_fd, e);
    while (r == 0) {
        p[1] = (struct pollfd){.fd = x->listener_fd, .events = POLLIN};
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            return err_set(e, errno, "cannot wait for %s", peer);
        }
        if (p[0].revents != 0) { /* the command is executed, or could not be */
            break;
        }
        explain_serve(x);
    }
    return r;
}
