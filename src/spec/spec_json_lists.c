/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_json_lists.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "box/caps.h"
#include "spec/spec_join.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_string(json_t *o, const char *key, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(o, key, json_str(value));
    }
}

static char *get_string(json_t *o, const char *key)
{
    return xstrdup_null(json_string_value(json_object_get(o, key)));
}

int spec_json_strings(json_t *array, struct strv *ret)
{
    size_t i = 0;
    json_t *v = NULL;

    strv_done(ret);
    json_array_foreach(array, i, v)
    {
        if (!json_is_string(v)) {
            return -EINVAL;
        }
        strv_push(ret, json_string_value(v));
    }
    return json_is_array(array) ? 0 : -EINVAL;
}

/* ---- capabilities */

static const struct {
    const char *name;
    size_t offset;
} SETS[] = {
    {"bounding", offsetof(struct spec_caps, bounding)},
    {"effective", offsetof(struct spec_caps, effective)},
    {"inheritable", offsetof(struct spec_caps, inheritable)},
    {"permitted", offsetof(struct spec_caps, permitted)},
    {"ambient", offsetof(struct spec_caps, ambient)},
};

enum {
    SET_COUNT = sizeof(SETS) / sizeof(SETS[0])
};

static json_t *write_capabilities(const struct spec *s)
{
    json_t *sets = json_object();

    for (size_t i = 0; i < SET_COUNT; i++) {
        const char *base = (const char *)&s->process.capabilities;
        uint64_t mask = 0;
        json_t *names = json_array();

        memcpy(&mask, base + SETS[i].offset, sizeof(mask));
        for (int cap = 0; caps_name(cap) != NULL; cap++) {
            if ((mask >> cap & 1) != 0) {
                (void)json_array_append_new(names, json_string(caps_name(cap)));
            }
        }
        (void)json_object_set_new(sets, SETS[i].name, names);
    }
    return sets;
}

static int read_set(json_t *array, uint64_t *ret)
{
    autostrv struct strv names = {0};
    struct err ignored = {0};
    int r = spec_json_strings(array, &names);

    *ret = 0;
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        uint64_t one = 0;

        r = caps_parse(names.v[i], &one, &ignored);
        *ret |= one;
    }
    return r;
}

static int read_capabilities(json_t *v, struct spec *s)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < SET_COUNT; i++) {
        json_t *array = json_object_get(v, SETS[i].name);
        uint64_t mask = 0;

        if (array != NULL) {
            r = read_set(array, &mask);
            memcpy((char *)&s->process.capabilities + SETS[i].offset, &mask, sizeof(mask));
        }
    }
    return r;
}

/* ---- resource limits */

static json_t *write_rlimits(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->process.rlimit_count; i++) {
        const struct spec_rlimit *l = &s->process.rlimits[i];
        autofree char *type = spec_rlimit_oci_name(l->resource);

        /* "unlimited" is -1 here: jansson has no unsigned numbers */
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:b}", "type", type, "hard",
                                                    (json_int_t)l->hard, "soft",
                                                    (json_int_t)l->soft, "asked", l->asked));
    }
    return list;
}

static int read_rlimits(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;

    s->process.rlimit_count = 0;
    json_array_foreach(v, i, o)
    {
        struct spec_rlimit *l = NULL;
        const char *type = NULL;
        json_int_t soft = 0;
        json_int_t hard = 0;
        int asked = 0;

        if (json_unpack(o, "{s:s, s:I, s:I, s?b}", "type", &type, "hard", &hard, "soft", &soft,
                        "asked", &asked) < 0 ||
            spec_rlimit_number(type) < 0) {
            return -EINVAL;
        }
        l = spec_add_rlimit(s);
        *l = (struct spec_rlimit){.resource = spec_rlimit_number(type),
                                  .soft = (uint64_t)soft,
                                  .hard = (uint64_t)hard,
                                  .asked = asked};
    }
    return 0;
}

/* ---- mounts */

static json_t *write_mounts(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];
        json_t *o = json_object();

        set_string(o, "destination", m->destination);
        set_string(o, "type", m->type);
        set_string(o, "source", m->source);
        (void)json_object_set_new(o, "options", json_from_strv(&m->options));
        set_string(o, "volume", m->volume_name);
        set_string(o, "subpath", m->subpath);
        if (m->is_anonymous) {
            (void)json_object_set_new(o, "anonymous", json_true());
        }
        if (m->from_image) {
            (void)json_object_set_new(o, "fromImage", json_true());
        }
        (void)json_array_append_new(list, o);
    }
    return list;
}

static int read_mounts(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;

    json_array_foreach(v, i, o)
    {
        struct spec_mount *m = spec_add_mount(s);

        m->destination = get_string(o, "destination");
        m->type = get_string(o, "type");
        m->source = get_string(o, "source");
        m->volume_name = get_string(o, "volume");
        m->subpath = get_string(o, "subpath");
        m->is_anonymous = json_is_true(json_object_get(o, "anonymous"));
        m->from_image = json_is_true(json_object_get(o, "fromImage"));
        m->type = m->type != NULL ? m->type : xstrdup("none");
        if (m->destination == NULL ||
            (json_object_get(o, "options") != NULL &&
             spec_json_strings(json_object_get(o, "options"), &m->options) < 0)) {
            return -EINVAL;
        }
    }
    return 0;
}

/* ---- namespaces: one that is not in the list is the host's, as in the OCI spec */

static const char *const NAMESPACES[SPEC_NS_COUNT] = {"pid", "ipc", "uts", "network", "cgroup"};

static json_t *write_namespaces(const struct spec *s)
{
    json_t *list = json_pack("[{s:s}, {s:s}]", "type", "user", "type", "mount");

    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        const struct spec_namespace *n = &s->linux_.namespaces[i];

        if (n->mode == SPEC_NS_PRIVATE || n->mode == SPEC_NS_PATH) {
            json_t *o = json_pack("{s:s}", "type", NAMESPACES[i]);

            set_string(o, "path", n->mode == SPEC_NS_PATH ? n->target : NULL);
            (void)json_array_append_new(list, o);
        }
    }
    return list;
}

static size_t namespace_row(const char *type)
{
    size_t i = 0;

    while (i < SPEC_NS_COUNT && !str_eq(type, NAMESPACES[i])) {
        i++;
    }
    return i;
}

int spec_json_is_namespace(const char *type)
{
    return namespace_row(type) < SPEC_NS_COUNT;
}

static struct spec_namespace *find_namespace(struct spec *s, const char *type)
{
    size_t i = namespace_row(type);

    return i < SPEC_NS_COUNT ? &s->linux_.namespaces[i] : NULL;
}

static int read_namespaces(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;

    for (size_t ns = 0; ns < SPEC_NS_COUNT; ns++) {
        s->linux_.namespaces[ns].mode = SPEC_NS_HOST;
    }
    json_array_foreach(v, i, o)
    {
        struct spec_namespace *n = find_namespace(s, json_string_value(json_object_get(o, "type")));

        if (n != NULL) {
            free(n->target);
            n->target = get_string(o, "path");
            n->mode = n->target != NULL ? SPEC_NS_PATH : SPEC_NS_PRIVATE;
        }
    }
    return 0;
}

/* Those of other containers: the OCI spec knows paths only. */
static json_t *write_joined(const struct spec *s)
{
    json_t *joined = json_object();

    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        if (s->linux_.namespaces[i].mode == SPEC_NS_CONTAINER) {
            set_string(joined, NAMESPACES[i], s->linux_.namespaces[i].target);
        }
    }
    if (json_object_size(joined) == 0) {
        json_decref(joined);
        return NULL;
    }
    return joined;
}

static int read_joined(json_t *v, struct spec *s)
{
    const char *type = NULL;
    json_t *target = NULL;

    json_object_foreach(v, type, target)
    {
        struct spec_namespace *n = find_namespace(s, type);

        if (n == NULL || !json_is_string(target)) {
            return -EINVAL;
        }
        free(n->target);
        *n = (struct spec_namespace){.mode = SPEC_NS_CONTAINER,
                                     .target = xstrdup(json_string_value(target))};
    }
    return 0;
}

/* ---- id maps */

static json_t *write_map(const struct spec_idmap *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->count; i++) {
        (void)json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "containerID",
                                                    (json_int_t)m->rows[i].container_id, "hostID",
                                                    (json_int_t)m->rows[i].host_id, "size",
                                                    (json_int_t)m->rows[i].size));
    }
    return list;
}

static int read_map(json_t *v, struct spec_idmap *ret)
{
    size_t i = 0;
    json_t *o = NULL;

    json_array_foreach(v, i, o)
    {
        json_int_t container = -1;
        json_int_t host = -1;
        json_int_t size = -1;

        if (json_unpack(o, "{s:I, s:I, s:I}", "containerID", &container, "hostID", &host, "size",
                        &size) < 0 ||
            container < 0 || host < 0 || size < 1 || container > UINT32_MAX || host > UINT32_MAX ||
            size > UINT32_MAX) {
            return -EINVAL;
        }
        spec_idmap_add(ret, (uint32_t)container, (uint32_t)host, (uint32_t)size);
    }
    return 0;
}

static json_t *write_uids(const struct spec *s)
{
    return write_map(&s->linux_.uid_mappings);
}

static int read_uids(json_t *v, struct spec *s)
{
    return read_map(v, &s->linux_.uid_mappings);
}

static json_t *write_gids(const struct spec *s)
{
    return write_map(&s->linux_.gid_mappings);
}

static int read_gids(json_t *v, struct spec *s)
{
    return read_map(v, &s->linux_.gid_mappings);
}

/* ---- devices, health check and ports */

static json_t *write_devices(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->linux_.device_count; i++) {
        const struct spec_device *d = &s->linux_.devices[i];
        json_t *o = json_object();

        set_string(o, "hostPath", d->host_path);
        set_string(o, "path", d->path);
        set_string(o, "access", d->access);
        (void)json_array_append_new(list, o);
    }
    return list;
}

static int read_devices(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;

    json_array_foreach(v, i, o)
    {
        struct spec_device *d = spec_add_device(s);

        d->host_path = get_string(o, "hostPath");
        d->path = get_string(o, "path");
        d->access = get_string(o, "access");
        if (d->host_path == NULL || d->path == NULL) {
            return -EINVAL;
        }
    }
    return 0;
}

static json_t *write_health(const struct spec *s)
{
    return spec_health_write(&s->box.health);
}

static int read_health(json_t *v, struct spec *s)
{
    return spec_health_read(v, &s->box.health);
}

static json_t *write_ports(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];
        json_t *o =
            json_pack("{s:i, s:i, s:i, s:s}", "hostPort", p->host_port, "containerPort",
                      p->container_port, "count", p->count, "protocol", p->udp ? "udp" : "tcp");

        set_string(o, "hostIP", p->host_ip);
        (void)json_array_append_new(list, o);
    }
    return list;
}

static int read_ports(json_t *v, struct spec *s)
{
    size_t i = 0;
    json_t *o = NULL;

    json_array_foreach(v, i, o)
    {
        struct spec_port *p = NULL;
        int host = 0;
        int container = 0;
        int count = 0;
        const char *protocol = NULL;

        if (json_unpack(o, "{s:i, s:i, s:i, s:s}", "hostPort", &host, "containerPort", &container,
                        "count", &count, "protocol", &protocol) < 0 ||
            host < 0 || host > UINT16_MAX || container < 1 || container > UINT16_MAX || count < 1 ||
            count > UINT16_MAX) {
            return -EINVAL;
        }
        p = spec_add_port(s);
        *p = (struct spec_port){.host_ip = get_string(o, "hostIP"),
                                .host_port = (uint16_t)host,
                                .container_port = (uint16_t)container,
                                .count = (uint16_t)count,
                                .udp = strcmp(protocol, "udp") == 0};
    }
    return 0;
}

/* ---- */

const struct spec_json_list *spec_json_list(size_t i)
{
    static const struct spec_json_list LISTS[] = {
        {"process.capabilities", write_capabilities, read_capabilities, 0},
        {"process.rlimits", write_rlimits, read_rlimits, 0},
        {"mounts", write_mounts, read_mounts, 1},
        {"linux.namespaces", write_namespaces, read_namespaces, 0},
        {"linux.uidMappings", write_uids, read_uids, 0},
        {"linux.gidMappings", write_gids, read_gids, 0},
        {"rbox.joinedNamespaces", write_joined, read_joined, 1},
        {"rbox.devices", write_devices, read_devices, 0},
        {"rbox.health", write_health, read_health, 1},
        {"rbox.network.ports", write_ports, read_ports, 1},
        {"rbox.network.joins", spec_joins_write, spec_joins_read, 1},
    };

    return i < sizeof(LISTS) / sizeof(LISTS[0]) ? &LISTS[i] : NULL;
}
