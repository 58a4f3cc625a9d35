/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ps_row.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/format.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    COMMAND_WIDTH = 20
};

/* What Go makes of a time that is not set: the year 1, in seconds since 1970. */
static const int64_t NEVER_S = -62135596800;

static int64_t seconds(int64_t ns)
{
    return ns == 0 ? NEVER_S : ns / 1000000000;
}

static const char *image_of(const struct spec *s)
{
    return s->box.image_name != NULL ? s->box.image_name
           : s->box.rootfs != NULL   ? s->box.rootfs
                                     : "";
}

/* Without "sha256:". */
static const char *image_id(const struct spec *s)
{
    const char *id = s->box.image_id != NULL ? s->box.image_id : "";
    const char *hex = str_after(id, "sha256:");

    return hex != NULL ? hex : id;
}

/* ---- what the table shows, of each a text */

static char *id_cell(const struct container *c, int no_trunc)
{
    return no_trunc ? xstrdup(c->spec.box.id) : xstrndup(c->spec.box.id, 12);
}

static char *image_cell(const struct container *c, int no_trunc)
{
    (void)no_trunc;
    return xstrdup(image_of(&c->spec));
}

static char *command_cell(const struct container *c, int no_trunc)
{
    autofree char *whole = container_command(&c->spec);

    if (no_trunc || strlen(whole) <= COMMAND_WIDTH) {
        return steal_ptr(&whole);
    }
    return xasprintf("%.*s...", (int)format_cut(whole, COMMAND_WIDTH - strlen("...")), whole);
}

static char *age_cell(const struct container *c, int no_trunc)
{
    (void)no_trunc;
    return format_ago(time(NULL) - seconds(c->created_ns));
}

static char *status_cell(const struct container *c, int no_trunc)
{
    (void)no_trunc;
    return container_status(c, time(NULL));
}

static char *ports_cell(const struct container *c, int no_trunc)
{
    (void)no_trunc;
    return container_ports(&c->spec);
}

static char *name_cell(const struct container *c, int no_trunc)
{
    (void)no_trunc;
    return xstrdup(c->spec.box.name);
}

const struct format_column PS_COLUMNS[] = {
    {"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"CREATED", "RunningFor"},
    {"STATUS", "Status"},   {"PORTS", "Ports"}, {"NAMES", "Names"},     {NULL, NULL}};

/* In the order of PS_COLUMNS. */
static char *(*const CELLS[])(const struct container *c, int no_trunc) = {
    id_cell, image_cell, command_cell, age_cell, status_cell, ports_cell, name_cell};

enum {
    CELL_COUNT = sizeof(CELLS) / sizeof(CELLS[0])
};
static_assert(CELL_COUNT + 1 == sizeof(PS_COLUMNS) / sizeof(PS_COLUMNS[0]), "a cell each");

char *ps_line(const struct container *c, int no_trunc, int id_only)
{
    struct buf line = {0};

    for (size_t i = 0; i < (id_only ? 1 : CELL_COUNT); i++) {
        autofree char *text = CELLS[i](c, no_trunc);

        buf_puts(&line, i > 0 ? "\t" : "");
        buf_puts(&line, text);
    }
    return line.data;
}

/* ---- what templates and --format json have */

static json_t *network_names(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->box.network.join_count; i++) {
        (void)json_array_append_new(list, json_str(s->box.network.joins[i].network));
    }
    return list;
}

static json_t *network_line(const struct spec *s)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < s->box.network.join_count; i++) {
        buf_printf(&b, "%s%s", i > 0 ? "," : "", s->box.network.joins[i].network);
    }
    return json_str(b.data);
}

static json_t *mount_places(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        (void)json_array_append_new(list, json_str(s->mounts[i].destination));
    }
    return list;
}

/* "2026-11-30 13:06:40 +0000 UTC", as docker and podman print it. */
static json_t *time_line(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;
    char text[40];

    (void)localtime_r(&t, &tm);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
    return json_string(text);
}

json_t *ps_row(const struct container *c, int no_trunc)
{
    json_t *row = json_pack("{s:I, s:I}", "Created", (json_int_t)seconds(c->created_ns), "Pid",
                            (json_int_t)c->pid);

    for (size_t i = 0; i < CELL_COUNT; i++) {
        autofree char *text = CELLS[i](c, no_trunc);

        (void)json_object_set_new(row, PS_COLUMNS[i].field, json_str(text));
    }
    return row;
}

void ps_row_add_details(json_t *row, const struct container *c, int no_trunc)
{
    const struct spec *s = &c->spec;
    size_t id_len = strlen(image_id(s));

    (void)json_object_update_new(
        row, json_pack("{s:o, s:o, s:O, s:s, s:I, s:b, s:I, s:I, s:o}", "ImageID",
                       json_stringn(image_id(s), no_trunc || id_len < 12 ? id_len : 12),
                       "CreatedAt", time_line(seconds(c->created_ns)), "CreatedHuman",
                       json_object_get(row, "RunningFor"), "State", container_state(c), "StartedAt",
                       (json_int_t)seconds(c->started_ns), "Exited", !c->is_running && c->has_ended,
                       "ExitedAt", (json_int_t)seconds(c->finished_ns), "ExitCode",
                       (json_int_t)c->status, "Labels", json_from_pairs(&s->box.labels)));
    (void)json_object_update_new(
        row, json_pack("{s:o, s:o, s:b, s:I, s:b, s:s, s:s}", "Mounts", mount_places(s), "Networks",
                       network_line(s), "AutoRemove", s->box.remove, "Restarts",
                       (json_int_t)c->restarts, "IsInfra", 0, "Pod", "", "PodName", ""));
}

/* [{"host_ip", "container_port", "host_port", "range", "protocol"}], or null. */
static json_t *port_list(const struct spec *s)
{
    json_t *list = s->box.network.port_count > 0 ? json_array() : json_null();

    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];

        (void)json_array_append_new(
            list, json_pack("{s:o, s:i, s:i, s:i, s:s}", "host_ip",
                            json_str(p->host_ip != NULL ? p->host_ip : ""), "container_port",
                            (int)p->container_port, "host_port", (int)p->host_port, "range",
                            (int)p->count, "protocol", p->udp ? "udp" : "tcp"));
    }
    return list;
}

json_t *ps_row_json(const struct container *c)
{
    const struct spec *s = &c->spec;
    int64_t created_s = seconds(c->created_ns);
    int64_t now_s = time(NULL);
    autofree char *status = container_status(c, now_s);
    autofree char *since = format_ago(now_s - created_s);
    json_t *o = json_pack(
        "{s:b, s:o, s:s, s:b, s:I, s:I, s:o, s:o, s:o, s:b, s:o, s:o, s:[o]}", "AutoRemove",
        s->box.remove, "Command", json_from_strv(&s->process.args), "CreatedAt", since, "Exited",
        !c->is_running && c->has_ended, "ExitedAt", (json_int_t)seconds(c->finished_ns), "ExitCode",
        (json_int_t)c->status, "Id", json_str(s->box.id), "Image", json_str(image_of(s)), "ImageID",
        json_str(image_id(s)), "IsInfra", 0, "Labels", json_from_pairs(&s->box.labels), "Mounts",
        mount_places(s), "Names", json_str(s->box.name));

    (void)json_object_update_new(
        o,
        json_pack("{s:{}, s:o, s:I, s:s, s:s, s:o, s:n, s:I, s:s, s:s, s:I}", "Namespaces",
                  "Networks", network_names(s), "Pid", (json_int_t)c->pid, "Pod", "", "PodName", "",
                  "Ports", port_list(s), "Size", "StartedAt", (json_int_t)seconds(c->started_ns),
                  "State", container_state(c), "Status", status, "Created", (json_int_t)created_s));
    return o;
}

/* ---- sizes */

void ps_row_set_size(json_t *row, int64_t own, int64_t all)
{
    autofree char *own_text = format_size(own);
    autofree char *all_text = format_size(all);
    autofree char *text = xasprintf("%s (virtual %s)", own_text, all_text);

    (void)json_object_update_new(row, json_pack("{s:o, s:I, s:I}", "Size", json_str(text), "SizeRw",
                                                (json_int_t)own, "SizeRootFs", (json_int_t)all));
}

void ps_row_json_set_size(json_t *row, int64_t own, int64_t all)
{
    (void)json_object_set_new(
        row, "Size",
        json_pack("{s:I, s:I}", "rootFsSize", (json_int_t)all, "rwSize", (json_int_t)own));
}

/* ---- namespaces */

static const struct {
    const char *file;  /* of /proc/PID/ns */
    const char *field; /* of templates */
    const char *json;  /* podman's name */
} NAMESPACES[] = {{"cgroup", "CGROUPNS", "Cgroup"},
                  {"ipc", "IPC", "Ipc"},
                  {"mnt", "MNT", "Mnt"},
                  {"net", "NET", "Net"},
                  {"pid", "PIDNS", "Pidns"},
                  {"user", "USERNS", "User"},
                  {"uts", "UTS", "Uts"}};

enum {
    NAMESPACE_COUNT = sizeof(NAMESPACES) / sizeof(NAMESPACES[0])
};

/* The number of "net:[4026531840]"; "" for one that has just ended. */
static json_t *namespace_number(int64_t pid, const char *file)
{
    autofree char *path = xasprintf("/proc/%" PRId64 "/ns/%s", pid, file);
    char link[64];
    ssize_t len = pid > 0 ? readlink(path, link, sizeof(link)) : -1;
    const char *open = len > 0 ? memchr(link, '[', (size_t)len) : NULL;

    return open == NULL ? json_string("") : json_stringn(open + 1, (size_t)(link + len - open - 2));
}

void ps_row_add_namespaces(json_t *row, const struct container *c)
{
    for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
        (void)json_object_set_new(row, NAMESPACES[i].field,
                                  namespace_number(c->pid, NAMESPACES[i].file));
    }
}

void ps_row_json_add_namespaces(json_t *row, const struct container *c)
{
    json_t *o = json_object();

    for (size_t i = 0; c->pid > 0 && i < NAMESPACE_COUNT; i++) {
        (void)json_object_set_new(o, NAMESPACES[i].json,
                                  namespace_number(c->pid, NAMESPACES[i].file));
    }
    (void)json_object_set_new(row, "Namespaces", o);
}
