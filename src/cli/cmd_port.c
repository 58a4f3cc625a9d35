/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/log.h"
#include "box/find.h"
#include "box/port.h"
#include "cli/cmd.h"
#include "cli/select.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int port_list(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int port_add(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int port_remove(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

struct port_options {
    int all;
    int latest;
};

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, offsetof(struct port_options, all),
     "of all that run, behind their ids", NULL},
    SELECT_LATEST_ROW(offsetof(struct port_options, latest)),
    {0},
};

const struct cmd cmd_port = {
    .names = {"port", "port ls"},
    .group = CMD_CONTAINERS,
    .summary = "list published ports of a running container",
    .usage = "[options] CONTAINER [PORT[/tcp|/udp]]",
    .examples = "rbox port web\nrbox port web 80\n",
    .options = OPTIONS,
    .options_size = sizeof(struct port_options),
    .max_args = 2,
    .run = port_list,
};

const struct cmd cmd_port_add = {
    .names = {"port add"},
    .group = CMD_CONTAINERS,
    .summary = "publish another port of a running container",
    .usage = "CONTAINER [IP:][HOST:]PORT[/udp] [...]",
    .description = "The container must have been started with --publish or --publish-all.",
    .examples = "rbox port add web 8443:443\n",
    .min_args = 2,
    .max_args = CMD_ANY_ARGS,
    .run = port_add,
};

const struct cmd cmd_port_rm = {
    .names = {"port rm"},
    .group = CMD_CONTAINERS,
    .summary = "stop publishing a port; connections that stand go on",
    .usage = "CONTAINER [IP:]HOST[/udp]",
    .description = "HOST is the port on the host. Without IP it goes on all addresses.",
    .examples = "rbox port rm web 8443\n",
    .min_args = 2,
    .max_args = 2,
    .run = port_remove,
};

struct rows {
    struct port_row *v;
    size_t count;
};

static void rows_done(struct rows *r)
{
    free(r->v);
}
#define autorows __attribute__((cleanup(rows_done)))

/* A container that publishes nothing has no forwarder, and an empty list. */
static int ask_rows(const struct found *c, struct rows *ret, struct err *e)
{
    int r = ports_request(c->run_fd, PORT_LIST, NULL, &ret->v, &ret->count, e);

    if (r == -ENOENT || r == -ECONNREFUSED) {
        err_clear(e);
        return 0;
    }
    return r;
}

static int find(struct ctx *ctx, const char *word, struct found *ret, struct err *e)
{
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    return r < 0 ? r : find_running(store, word, ret, e);
}

static const char *protocol(const struct port_row *r)
{
    return r->udp ? "udp" : "tcp";
}

static int by_container_port(const void *a, const void *b)
{
    const struct port_row *x = a;
    const struct port_row *y = b;

    if (x->container_port != y->container_port) {
        return x->container_port < y->container_port ? -1 : 1;
    }
    return x->udp != y->udp ? x->udp - y->udp : (x->family > y->family) - (x->family < y->family);
}

/* @id: before it, 12 digits of it, or NULL. */
static void print_row(const struct port_row *r, int host_only, const char *id)
{
    autofree char *host = port_host_text(r);

    if (id != NULL) {
        (void)printf("%.12s\t", id);
    }
    if (host_only) {
        (void)printf("%s\n", host);
    } else {
        (void)printf("%u/%s -> %s\n", r->container_port, protocol(r), host);
    }
    if (r->plain_count > 0) {
        notice("port %u/%s: %u connections came without their client's address: the service does "
               "not listen on 0.0.0.0 or the loopback",
               r->container_port, protocol(r), r->plain_count);
    }
}

/* "80", "80/udp" */
static int is_wanted(const struct port_row *r, const char *word)
{
    autofree char *full = xasprintf("%u/%s", r->container_port, protocol(r));
    autofree char *bare = xasprintf("%u", r->container_port);

    return word == NULL || strcmp(word, full) == 0 || (strcmp(word, bare) == 0 && !r->udp);
}

/* Those of @c; with @wanted that port, which must be published. */
static int print_rows(const struct found *c, const char *wanted, int with_id, struct err *e)
{
    autorows struct rows rows = {0};
    size_t printed = 0;
    int r = ask_rows(c, &rows, e);

    if (r < 0) {
        return r;
    }
    if (rows.count > 0) {
        qsort(rows.v, rows.count, sizeof(*rows.v), by_container_port);
    }
    for (size_t i = 0; i < rows.count; i++) {
        if (is_wanted(&rows.v[i], wanted)) {
            print_row(&rows.v[i], wanted != NULL, with_id ? c->id : NULL);
            printed++;
        }
    }
    if (wanted != NULL && printed == 0) {
        return err_new(e, ENOENT, "container '%s' does not publish port %s", c->name, wanted);
    }
    return 0;
}

static int print_all(const struct store *store, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all_running(store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        r = print_rows(&all.rows[i], NULL, /* with_id= */ 1, e);
    }
    return r;
}

static int port_list(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct port_options *o = options;
    autofound struct found c = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    int r = 0;

    if ((o->all && (argc > 0 || o->latest)) || argc > 2 - o->latest) {
        return err_new(e, EINVAL, "name one container, or give --latest or --all");
    }
    if (o->all) {
        r = ctx_store(ctx, &store, e);
        return r < 0 ? r : print_all(store, e);
    }
    r = select_one(ctx, o->latest, &argv, &store, &c, e);
    return r < 0 ? r : print_rows(&c, argv[0], /* with_id= */ 0, e);
}

static int port_add(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found c = {.dir_fd = -1, .run_fd = -1};
    struct spec scratch = {0};
    struct ports ports = {0};
    int r = find(ctx, argv[0], &c, e);

    (void)options;
    for (int i = 1; r == 0 && i < argc; i++) {
        r = spec_parse_publish(argv[i], &scratch, e);
    }
    if (r == 0) {
        r = ports_open(&scratch, &ports, e);
    }
    for (size_t i = 0; r == 0 && i < ports.count; i++) {
        autorows struct rows rows = {0};

        r = ports_request(c.run_fd, PORT_ADD, &ports.v[i], &rows.v, &rows.count, e);
        if (r == 0) {
            print_row(&ports.v[i].row, /* host_only= */ 0, /* id= */ NULL);
        } else if (r == -ENOENT) {
            (void)err_hint(e, "start it with -p or -P");
        }
    }
    ports_done(&ports);
    spec_done(&scratch);
    return r;
}

/* Does @word, "[IP:]HOST[/udp]", mean @r? */
static int is_meant(const struct port_row *r, const char *word)
{
    const char *slash = strchr(word, '/');
    autofree char *place = xstrndup(word, slash != NULL ? (size_t)(slash - word) : strlen(word));
    autofree char *host = port_host_text(r);
    autofree char *port = xasprintf("%u", r->host_port);
    const char *of = slash != NULL ? slash + 1 : "tcp";

    return strcmp(of, protocol(r)) == 0 && (strcmp(place, host) == 0 || strcmp(place, port) == 0);
}

static int port_remove(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found c = {.dir_fd = -1, .run_fd = -1};
    autorows struct rows rows = {0};
    size_t removed = 0;
    int r = find(ctx, argv[0], &c, e);

    (void)options;
    (void)argc;
    if (r == 0) {
        r = ask_rows(&c, &rows, e);
    }
    for (size_t i = 0; r == 0 && i < rows.count; i++) {
        const struct port_socket socket = {.row = rows.v[i], .fd = -1};
        autorows struct rows left = {0};

        if (is_meant(&rows.v[i], argv[1])) {
            r = ports_request(c.run_fd, PORT_REMOVE, &socket, &left.v, &left.count, e);
            removed++;
        }
    }
    if (r == 0 && removed == 0) {
        return err_new(e, ENOENT, "container '%s' does not publish host port %s", c.name, argv[1]);
    }
    return r;
}
