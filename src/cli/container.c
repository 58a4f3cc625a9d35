/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/container.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "box/cgroup.h"
#include "box/health.h"
#include "cli/format.h"
#include "image/usage.h"
#include "spec/spec_json.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATE_BYTES_MAX = 64 << 10
};

static const int64_t NS_PER_S = 1000000000;

/* ---- reading */

/* The members of a JSON object that are wanted here; *ret stays NULL where there is no such file.
 */
static int read_object(int dir_fd, const char *name, json_t **ret, struct err *e)
{
    static const char *const PATHS[] = {"started_ns",  "restarts", "oom_killed", "status",
                                        "finished_ns", "error",    "reason",     NULL};
    autofree char *text = NULL;
    size_t len = 0;
    int r = file_read(dir_fd, name, STATE_BYTES_MAX, &text, &len, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : json_parse_some(text, len, name, PATHS, ret, e);
}

/* What holds each limit. A cgroup that is gone belongs to a container that just ended. */
static json_t *read_limits(int run_fd)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    struct err ignored = {0};

    return cgroup_load(run_fd, &c, &ignored) == 0 ? cgroup_limits_json(&c) : NULL;
}

static int read_running(int run_fd, struct container *ret, struct err *e)
{
    struct state_running s = {0};
    int r = state_read_running(run_fd, &s, e);

    if (r == -ENOENT) { /* it is being started */
        err_clear(e);
        r = 0;
    }
    ret->is_running = 1;
    ret->pid = s.pid;
    ret->started_ns = s.started_ns;
    ret->restarts = s.restarts;
    ret->is_paused = s.has_cgroup && cgroup_is_paused(run_fd);
    return r;
}

static int read_exit(int dir_fd, struct container *ret, struct err *e)
{
    json_auto_t *o = NULL;
    const char *error = NULL;
    const char *reason = NULL;
    int r = read_object(dir_fd, "exit.json", &o, e);

    if (r < 0 || o == NULL) {
        return r;
    }
    ret->has_ended = 1;
    ret->restarts = json_integer_value(json_object_get(o, "restarts"));
    ret->oom_killed = json_is_true(json_object_get(o, "oom_killed"));
    r = json_get_int(o, "status", "exit.json", &ret->status, e);
    r = r < 0 ? r : json_get_int(o, "started_ns", "exit.json", &ret->started_ns, e);
    r = r < 0 ? r : json_get_int(o, "finished_ns", "exit.json", &ret->finished_ns, e);
    r = r < 0 ? r : json_get_string(o, "error", "exit.json", &error, e);
    r = r < 0 ? r : json_get_string(o, "reason", "exit.json", &reason, e);
    ret->reason = xstrdup_null(reason);
    ret->error = error != NULL && error[0] != '\0' ? xstrdup(error) : NULL;
    return r;
}

/* Where a container's files are. */
struct place {
    const char *name; /* for errors */
    int dir_fd;       /* its folder, or the one that has it */
    const char *id;   /* NULL, or its folder's name below dir_fd */
    int run_fd;       /* its run folder; -1 unless it is running */
};

static int read_config(const struct place *p, int listed_only, struct container *ret, struct err *e)
{
    autofree char *path =
        xasprintf("%s%sconfig.json", p->id != NULL ? p->id : "", p->id != NULL ? "/" : "");
    int r = spec_json_load(p->dir_fd, path, listed_only, &ret->spec, e);

    ret->created_ns = ret->spec.box.created_ns;
    return r;
}

/* Few have a check, so a folder is not opened for it before. */
static json_t *read_health(const struct place *p)
{
    autoclose int fd = openat(p->dir_fd, p->id != NULL ? p->id : ".",
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return health_read(fd);
}

static int read_place(const struct place *p, int listed_only, struct container *ret, struct err *e)
{
    struct container c = {0};
    int r = read_config(p, listed_only, &c, e);

    if (r == 0) {
        r = p->run_fd >= 0 ? read_running(p->run_fd, &c, e) : read_exit(p->dir_fd, &c, e);
    }
    if (r < 0) {
        container_done(&c);
        return err_wrap(e, "container '%s'", p->name);
    }
    c.limits = p->run_fd >= 0 && !listed_only ? read_limits(p->run_fd) : NULL;
    c.health = spec_health_is_on(&c.spec.box.health) ? read_health(p) : NULL;
    *ret = c;
    return 0;
}

static int read_found(const struct found *f, int listed_only, struct container *ret, struct err *e)
{
    struct place p = {.name = f->name, .dir_fd = f->dir_fd, .run_fd = f->run_fd};

    return read_place(&p, listed_only, ret, e);
}

int container_read(const struct found *f, struct container *ret, struct err *e)
{
    return read_found(f, 0, ret, e);
}

int container_glance(const struct found *f, struct container *ret, struct err *e)
{
    return read_found(f, 1, ret, e);
}

int container_glance_live(const struct store *store, const struct state_live *l,
                          struct container *ret, struct err *e)
{
    struct place p = {.name = l->id, .dir_fd = store->containers_fd, .id = l->id, .run_fd = l->fd};

    return read_place(&p, 1, ret, e);
}

int container_find(struct ctx *ctx, const char *word, struct store **ret_store,
                   struct found *ret_found, struct container *ret, struct err *e)
{
    int r = ctx_store(ctx, ret_store, e);

    r = r < 0 ? r : find_container(*ret_store, word, ret_found, e);
    return r < 0 ? r : container_read(ret_found, ret, e);
}

void container_done(struct container *c)
{
    spec_done(&c->spec);
    free(c->error);
    free(c->reason);
    json_decref(c->health);
    json_decref(c->limits);
    memset(c, 0, sizeof(*c));
}

/* ---- as people read it */

const char *container_state(const struct container *c)
{
    return c->is_paused    ? "paused"
           : c->is_running ? "running"
           : c->has_ended  ? "exited"
                           : "created";
}

const char *container_health(const struct container *c)
{
    const char *status = json_string_value(json_object_get(c->health, "Status"));

    return status != NULL ? status : "none";
}

char *container_status(const struct container *c, int64_t now_s)
{
    int64_t since_s = (c->is_running ? c->started_ns : c->finished_ns) / NS_PER_S;
    autofree char *age = format_age(now_s - since_s);

    if (c->is_running && c->started_ns == 0) {
        return xstrdup("Starting");
    }
    if (c->is_running && c->health != NULL && !c->is_paused) {
        return xasprintf("Up %s (%s)", age, container_health(c));
    }
    if (c->is_running) {
        return xasprintf("Up %s%s", age, c->is_paused ? " (Paused)" : "");
    }
    if (!c->has_ended) {
        return xstrdup("Created");
    }
    return c->finished_ns > 0 ? xasprintf("Exited (%" PRId64 ") %s ago", c->status, age)
                              : xasprintf("Exited (%" PRId64 ")", c->status);
}

int container_sizes(const struct store *store, const struct container *c, size_t count,
                    int64_t *ret_own, int64_t *ret_all, struct err *e)
{
    autostrv struct strv names = {0};
    autofree int64_t *bytes = NULL;
    size_t at = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        strv_pushf(&names, "containers/%s/fs", c[i].spec.box.id);
        for (size_t k = 0; k < c[i].spec.box.layers.len; k++) {
            strv_pushf(&names, "layers/%s", c[i].spec.box.layers.v[k]);
        }
    }
    bytes = xcalloc(names.len, sizeof(*bytes));
    r = usage_of(store->dir_fd, (const char *const *)names.v, names.len, bytes, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        ret_own[i] = bytes[at++];
        ret_all[i] = ret_own[i];
        for (size_t k = 0; k < c[i].spec.box.layers.len; k++) {
            ret_all[i] += bytes[at++];
        }
    }
    return r;
}

char *container_command(const struct spec *s)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < s->process.args.len; i++) {
        buf_puts(&b, i > 0 ? " " : "");
        buf_puts(&b, s->process.args.v[i]);
    }
    return b.data;
}

static void put_port(struct buf *b, const struct spec_port *p)
{
    const char *ip = p->host_ip != NULL ? p->host_ip : "0.0.0.0";
    int is_ip6 = strchr(ip, ':') != NULL;

    buf_printf(b, "%s%s%s%s:%u", b->len > 0 ? ", " : "", is_ip6 ? "[" : "", ip, is_ip6 ? "]" : "",
               p->host_port);
    if (p->count > 1) {
        buf_printf(b, "-%u", p->host_port + p->count - 1U);
    }
    buf_printf(b, "->%u", p->container_port);
    if (p->count > 1) {
        buf_printf(b, "-%u", p->container_port + p->count - 1U);
    }
    buf_puts(b, p->udp ? "/udp" : "/tcp");
}

char *container_ports(const struct spec *s)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < s->box.network.port_count; i++) {
        put_port(&b, &s->box.network.ports[i]);
    }
    return b.data;
}
