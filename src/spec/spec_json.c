/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_json.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "box/caps.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- plain fields, one row each */

enum field_type {
    F_STRING,
    F_STRV,
    F_INT,
    F_BOOL,
    F_INT64,
    F_UINT,
    F_PAIRS /* strv of K=V, an object in JSON */
};

struct field {
    const char *path; /* sections apart by '.' */
    enum field_type type;
    size_t offset;
    int64_t unset; /* numbers: not written when they have this value */
};

enum {
    ALWAYS = INT32_MIN
};

#define FIELD(path_, type_, member_, unset_)                       \
    {                                                              \
        (path_), (type_), offsetof(struct spec, member_), (unset_) \
    }

static const struct field FIELDS[] = {
    FIELD("process.terminal", F_BOOL, process.terminal, ALWAYS),
    FIELD("process.args", F_STRV, process.args, 0),
    FIELD("process.env", F_STRV, process.env, 0),
    FIELD("process.cwd", F_STRING, process.cwd, 0),
    FIELD("process.user.umask", F_INT, process.umask, ALWAYS),
    FIELD("process.noNewPrivileges", F_BOOL, process.no_new_privileges, ALWAYS),
    FIELD("root.readonly", F_BOOL, root_readonly, ALWAYS),
    FIELD("root.path", F_STRING, box.rootfs, 0),
    FIELD("hostname", F_STRING, hostname, 0),
    FIELD("linux.maskedPaths", F_STRV, linux_.masked_paths, 0),
    FIELD("linux.readonlyPaths", F_STRV, linux_.readonly_paths, 0),
    FIELD("linux.sysctl", F_PAIRS, linux_.sysctl, 0),
    FIELD("linux.cgroupsPath", F_STRING, box.cgroup_parent, 0),
    FIELD("linux.resources.memory.limit", F_INT64, linux_.resources.memory_max_bytes, -1),
    FIELD("linux.resources.memory.swap", F_INT64, linux_.resources.memory_swap_max_bytes, -1),
    FIELD("linux.resources.memory.reservation", F_INT64, linux_.resources.memory_low_bytes, -1),
    FIELD("linux.resources.cpu.quota", F_INT64, linux_.resources.cpu_quota_us, -1),
    FIELD("linux.resources.cpu.period", F_INT64, linux_.resources.cpu_period_us, -1),
    FIELD("linux.resources.cpu.shares", F_INT64, linux_.resources.cpu_shares, -1),
    FIELD("linux.resources.cpu.cpus", F_STRING, linux_.resources.cpuset_cpus, 0),
    FIELD("linux.resources.cpu.mems", F_STRING, linux_.resources.cpuset_mems, 0),
    FIELD("linux.resources.pids.limit", F_INT64, linux_.resources.pids_max, -1),
    FIELD("linux.resources.blockIO.weight", F_INT64, linux_.resources.io_weight, -1),
    FIELD("linux.resources.unified", F_PAIRS, linux_.resources.unified, 0),
    FIELD("annotations", F_PAIRS, box.annotations, 0),
    FIELD("rbox.pidsAsked", F_BOOL, linux_.resources.pids_asked, 0),
    FIELD("rbox.ioMax", F_STRV, linux_.resources.io_max, 0),
    FIELD("rbox.limitsBestEffort", F_BOOL, linux_.resources.best_effort, 0),
    FIELD("rbox.user", F_STRING, process.user, 0),
    FIELD("rbox.additionalGroups", F_STRV, process.additional_groups, 0),
    FIELD("rbox.keepGroups", F_BOOL, process.keep_groups, 0),
    FIELD("rbox.oomScoreAdj", F_INT, process.oom_score_adj, 0),
    FIELD("rbox.oomScoreAdjSet", F_BOOL, process.oom_score_adj_set, 0),
    FIELD("rbox.id", F_STRING, box.id, 0),
    FIELD("rbox.name", F_STRING, box.name, 0),
    FIELD("rbox.image", F_STRING, box.image_name, 0),
    FIELD("rbox.imageID", F_STRING, box.image_id, 0),
    FIELD("rbox.layers", F_STRV, box.layers, 0),
    FIELD("rbox.rootfsOverlay", F_BOOL, box.rootfs_overlay, 0),
    FIELD("rbox.init", F_BOOL, box.init, 0),
    FIELD("rbox.interactive", F_BOOL, box.interactive, 0),
    FIELD("rbox.detach", F_BOOL, box.detach, 0),
    FIELD("rbox.remove", F_BOOL, box.remove, 0),
    FIELD("rbox.privileged", F_BOOL, box.privileged, 0),
    FIELD("rbox.nested", F_BOOL, box.nested, 0),
    FIELD("rbox.readOnlyTmpfs", F_BOOL, box.read_only_tmpfs, ALWAYS),
    FIELD("rbox.shmSize", F_INT64, box.shm_size_bytes, ALWAYS),
    FIELD("rbox.stopSignal", F_INT, box.stop_signal, ALWAYS),
    FIELD("rbox.stopTimeoutMs", F_INT64, box.stop_timeout_ms, ALWAYS),
    FIELD("rbox.timeoutMs", F_INT64, box.timeout_ms, 0),
    FIELD("rbox.preserveFDs", F_UINT, box.preserve_fds, 0),
    FIELD("rbox.tz", F_STRING, box.tz, 0),
    FIELD("rbox.storageDriver", F_STRING, box.storage_driver, 0),
    FIELD("rbox.labels", F_PAIRS, box.labels, 0),
    FIELD("rbox.createCommand", F_STRV, box.create_command, 0),
    FIELD("rbox.restart", F_INT, box.restart, 0),
    FIELD("rbox.restartMax", F_INT, box.restart_max, 0),
    FIELD("rbox.logDriver", F_STRING, box.log_driver, 0),
    FIELD("rbox.logMaxSize", F_INT64, box.log_max_size_bytes, 0),
    FIELD("rbox.cgroups", F_STRING, box.cgroups, 0),
    FIELD("rbox.cgroupManager", F_STRING, box.cgroup_manager, 0),
    FIELD("rbox.seccomp.mode", F_INT, linux_.seccomp.mode, 0),
    FIELD("rbox.seccomp.profile", F_STRING, linux_.seccomp.profile, 0),
    FIELD("rbox.noNestedUserns", F_BOOL, linux_.no_nested_userns, 0),
    FIELD("rbox.userns.mode", F_INT, linux_.userns.mode, 0),
    FIELD("rbox.userns.keepUID", F_INT64, linux_.userns.keep_uid, -1),
    FIELD("rbox.userns.keepGID", F_INT64, linux_.userns.keep_gid, -1),
    FIELD("rbox.userns.uidmap", F_STRV, linux_.userns.uidmap, 0),
    FIELD("rbox.userns.gidmap", F_STRV, linux_.userns.gidmap, 0),
    FIELD("rbox.network.backend", F_INT, box.network.backend, 0),
    FIELD("rbox.network.options", F_STRV, box.network.options, 0),
    FIELD("rbox.network.target", F_STRING, box.network.target, 0),
    FIELD("rbox.network.dns", F_STRV, box.network.dns, 0),
    FIELD("rbox.network.dnsSearch", F_STRV, box.network.dns_search, 0),
    FIELD("rbox.network.dnsOptions", F_STRV, box.network.dns_options, 0),
    FIELD("rbox.network.addHosts", F_STRV, box.network.add_hosts, 0),
    FIELD("rbox.network.noHosts", F_BOOL, box.network.no_hosts, 0),
    FIELD("rbox.network.publishAll", F_BOOL, box.network.publish_all, 0),
    FIELD("rbox.network.exposed", F_STRV, box.network.exposed, 0),
    FIELD("rbox.network.allowNet", F_STRV, box.network.allow_net, 0),
    FIELD("rbox.network.allowNetSet", F_BOOL, box.network.allow_net_set, 0),
};
enum {
    FIELD_COUNT = sizeof(FIELDS) / sizeof(FIELDS[0])
};

/* ---- sections */

/* The object that holds the last part of @path below @root, which goes to *ret_key. Missing
 * sections are made when @make. */
static json_t *section(json_t *root, const char *path, int make, const char **ret_key)
{
    json_t *at = root;
    const char *dot = NULL;

    while (at != NULL && (dot = strchr(path, '.')) != NULL) {
        autofree char *name = xstrndup(path, (size_t)(dot - path));
        json_t *next = json_object_get(at, name);

        if (next == NULL && make) {
            next = json_object();
            (void)json_object_set_new(at, name, next);
        }
        at = json_is_object(next) ? next : NULL;
        path = dot + 1;
    }
    *ret_key = path;
    return at;
}

static void set(json_t *root, const char *path, json_t *value)
{
    const char *key = NULL;
    json_t *at = section(root, path, 1, &key);

    (void)json_object_set_new(at, key, value);
}

static json_t *get(json_t *root, const char *path)
{
    const char *key = NULL;
    json_t *at = section(root, path, 0, &key);

    return json_object_get(at, key);
}

/* ---- writing */

static json_t *pairs_to_object(const struct strv *pairs)
{
    json_t *o = json_object();

    for (size_t i = 0; i < pairs->len; i++) {
        const char *value = strchr(pairs->v[i], '=');
        autofree char *key =
            xstrndup(pairs->v[i], value != NULL ? (size_t)(value - pairs->v[i]) : SIZE_MAX / 2);

        (void)json_object_set_new(o, key, json_str(value != NULL ? value + 1 : ""));
    }
    return o;
}

static int64_t read_number(const struct field *f, const void *p)
{
    if (f->type == F_INT64) {
        return *(const int64_t *)p;
    }
    return f->type == F_UINT ? (int64_t) * (const unsigned int *)p : (int64_t) * (const int *)p;
}

static void write_field(json_t *root, const struct spec *s, const struct field *f)
{
    const void *p = (const char *)s + f->offset;
    const struct strv *list = p;

    switch (f->type) {
    case F_STRING:
        if (*(char *const *)p != NULL) {
            set(root, f->path, json_str(*(char *const *)p));
        }
        break;
    case F_STRV:
    case F_PAIRS:
        if (list->len > 0) {
            set(root, f->path, f->type == F_STRV ? json_from_strv(list) : pairs_to_object(list));
        }
        break;
    case F_BOOL:
        if (*(const int *)p != f->unset) {
            set(root, f->path, json_boolean(*(const int *)p));
        }
        break;
    case F_INT:
    case F_UINT:
    case F_INT64:
        if (read_number(f, p) != f->unset) {
            set(root, f->path, json_integer(read_number(f, p)));
        }
        break;
    }
}

static json_t *caps_to_array(uint64_t mask)
{
    json_t *a = json_array();

    for (int cap = 0; caps_name(cap) != NULL; cap++) {
        if ((mask >> cap & 1) != 0) {
            (void)json_array_append_new(a, json_string(caps_name(cap)));
        }
    }
    return a;
}

static const struct {
    const char *path;
    size_t offset;
} CAPS[] = {
    {"process.capabilities.bounding", offsetof(struct spec_caps, bounding)},
    {"process.capabilities.effective", offsetof(struct spec_caps, effective)},
    {"process.capabilities.inheritable", offsetof(struct spec_caps, inheritable)},
    {"process.capabilities.permitted", offsetof(struct spec_caps, permitted)},
    {"process.capabilities.ambient", offsetof(struct spec_caps, ambient)},
};

/* The set of row @i of CAPS in @c. */
static uint64_t *caps_set_of(struct spec_caps *c, size_t i)
{
    return (uint64_t *)(void *)((char *)c + CAPS[i].offset);
}

static const char *const NS_NAMES[SPEC_NS_COUNT] = {"pid", "ipc", "uts", "network", "cgroup"};

static json_t *idmap_to_array(const struct spec_idmap *m)
{
    json_t *a = json_array();

    for (size_t i = 0; i < m->count; i++) {
        (void)json_array_append_new(a, json_pack("{s:I, s:I, s:I}", "containerID",
                                                 (json_int_t)m->rows[i].container_id, "hostID",
                                                 (json_int_t)m->rows[i].host_id, "size",
                                                 (json_int_t)m->rows[i].size));
    }
    return a;
}

static void set_string(json_t *o, const char *key, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(o, key, json_str(value));
    }
}

static json_t *mounts_to_array(const struct spec *s)
{
    json_t *a = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];
        json_t *o = json_object();

        set_string(o, "destination", m->destination);
        set_string(o, "type", m->type);
        set_string(o, "source", m->source);
        (void)json_object_set_new(o, "options", json_from_strv(&m->options));
        set_string(o, "volume", m->volume_name);
        set_string(o, "subpath", m->subpath);
        (void)json_object_set_new(o, "fromImage", json_boolean(m->from_image));
        (void)json_array_append_new(a, o);
    }
    return a;
}

static void write_lists(json_t *root, const struct spec *s)
{
    json_t *namespaces = json_array();
    json_t *rlimits = json_array();
    json_t *devices = json_array();
    json_t *ports = json_array();

    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        const struct spec_namespace *n = &s->linux_.namespaces[i];
        json_t *o = json_pack("{s:s, s:i}", "type", NS_NAMES[i], "mode", (int)n->mode);

        set_string(o, "path", n->target);
        (void)json_array_append_new(namespaces, o);
    }
    for (size_t i = 0; i < s->process.rlimit_count; i++) {
        const struct spec_rlimit *l = &s->process.rlimits[i];

        (void)json_array_append_new(rlimits, json_pack("{s:i, s:I, s:I, s:b}", "type", l->resource,
                                                       "soft", (json_int_t)l->soft, "hard",
                                                       (json_int_t)l->hard, "asked", l->asked));
    }
    for (size_t i = 0; i < s->linux_.device_count; i++) {
        const struct spec_device *d = &s->linux_.devices[i];
        json_t *o = json_object();

        set_string(o, "hostPath", d->host_path);
        set_string(o, "path", d->path);
        set_string(o, "access", d->access);
        (void)json_array_append_new(devices, o);
    }
    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];
        json_t *o = json_pack("{s:i, s:i, s:i, s:b}", "hostPort", p->host_port, "containerPort",
                              p->container_port, "count", p->count, "udp", p->udp);

        set_string(o, "hostIP", p->host_ip);
        (void)json_array_append_new(ports, o);
    }
    set(root, "linux.namespaces", namespaces);
    set(root, "process.rlimits", rlimits);
    set(root, "rbox.devices", devices);
    set(root, "rbox.network.ports", ports);
}

char *spec_json_write(const struct spec *s)
{
    json_t *root = json_pack("{s:s}", "ociVersion", "1.1.0");
    struct spec_caps caps = s->process.capabilities;
    char *text = NULL;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        write_field(root, s, &FIELDS[i]);
    }
    for (size_t i = 0; i < sizeof(CAPS) / sizeof(CAPS[0]); i++) {
        set(root, CAPS[i].path, caps_to_array(*caps_set_of(&caps, i)));
    }
    set(root, "mounts", mounts_to_array(s));
    set(root, "linux.uidMappings", idmap_to_array(&s->linux_.uid_mappings));
    set(root, "linux.gidMappings", idmap_to_array(&s->linux_.gid_mappings));
    write_lists(root, s);
    text = json_text(root);
    json_decref(root);
    return text;
}

/* ---- reading */

static int bad(const char *path, struct err *e)
{
    return err_new(e, EINVAL, "config.json: field '%s' has the wrong type", path);
}

static int object_to_pairs(json_t *o, struct strv *ret)
{
    const char *key = NULL;
    json_t *v = NULL;

    json_object_foreach(o, key, v)
    {
        if (!json_is_string(v)) {
            return -EINVAL;
        }
        strv_pushf(ret, "%s=%s", key, json_string_value(v));
    }
    return 0;
}

static int array_to_strv(json_t *a, struct strv *ret)
{
    size_t i = 0;
    json_t *v = NULL;

    strv_done(ret);
    json_array_foreach(a, i, v)
    {
        if (!json_is_string(v)) {
            return -EINVAL;
        }
        strv_push(ret, json_string_value(v));
    }
    return 0;
}

static int store_number(const struct field *f, void *p, json_t *v)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v)) {
        return -EINVAL;
    }
    if (f->type == F_INT64) {
        *(int64_t *)p = n;
        return 0;
    }
    if (n < (f->type == F_UINT ? 0 : INT_MIN) || n > INT_MAX) {
        return -EINVAL;
    }
    *(int *)p = (int)n;
    return 0;
}

static int read_field(json_t *root, struct spec *s, const struct field *f)
{
    void *p = (char *)s + f->offset;
    json_t *v = get(root, f->path);

    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    switch (f->type) {
    case F_STRING:
        if (!json_is_string(v)) {
            return -EINVAL;
        }
        free(*(char **)p);
        *(char **)p = xstrdup(json_string_value(v));
        return 0;
    case F_STRV:
        return json_is_array(v) ? array_to_strv(v, p) : -EINVAL;
    case F_PAIRS:
        return json_is_object(v) ? object_to_pairs(v, p) : -EINVAL;
    case F_BOOL:
        *(int *)p = json_is_true(v);
        return json_is_boolean(v) ? 0 : -EINVAL;
    case F_INT:
    case F_UINT:
    case F_INT64:
        break;
    }
    return store_number(f, p, v);
}

static int read_caps(json_t *root, struct spec *s, struct err *e)
{
    for (size_t i = 0; i < sizeof(CAPS) / sizeof(CAPS[0]); i++) {
        uint64_t *mask = caps_set_of(&s->process.capabilities, i);
        autostrv struct strv names = {0};
        json_t *a = get(root, CAPS[i].path);

        if (a == NULL) {
            continue;
        }
        if (!json_is_array(a) || array_to_strv(a, &names) < 0) {
            return bad(CAPS[i].path, e);
        }
        *mask = 0;
        for (size_t j = 0; j < names.len; j++) {
            uint64_t one = 0;

            if (caps_parse(names.v[j], &one, e) < 0) {
                return err_wrap(e, "config.json");
            }
            *mask |= one;
        }
    }
    return 0;
}

static int read_idmap(json_t *root, const char *path, struct spec_idmap *ret, struct err *e)
{
    size_t i = 0;
    json_t *o = NULL;
    json_t *a = get(root, path);

    json_array_foreach(a, i, o)
    {
        json_int_t container = -1;
        json_int_t host = -1;
        json_int_t size = -1;

        if (json_unpack(o, "{s:I, s:I, s:I}", "containerID", &container, "hostID", &host, "size",
                        &size) < 0 ||
            container < 0 || host < 0 || size < 1 || container > UINT32_MAX || host > UINT32_MAX ||
            size > UINT32_MAX) {
            return bad(path, e);
        }
        spec_idmap_add(ret, (uint32_t)container, (uint32_t)host, (uint32_t)size);
    }
    return 0;
}

static char *get_string(json_t *o, const char *key)
{
    return xstrdup_null(json_string_value(json_object_get(o, key)));
}

static int read_mounts(json_t *root, struct spec *s, struct err *e)
{
    size_t i = 0;
    json_t *o = NULL;
    json_t *a = json_object_get(root, "mounts");

    json_array_foreach(a, i, o)
    {
        struct spec_mount *m = spec_add_mount(s);
        json_t *options = json_object_get(o, "options");

        m->destination = get_string(o, "destination");
        m->type = get_string(o, "type");
        m->source = get_string(o, "source");
        m->volume_name = get_string(o, "volume");
        m->subpath = get_string(o, "subpath");
        m->from_image = json_is_true(json_object_get(o, "fromImage"));
        if (m->destination == NULL || m->type == NULL || array_to_strv(options, &m->options) < 0) {
            return bad("mounts", e);
        }
    }
    return 0;
}

static int read_lists(json_t *root, struct spec *s, struct err *e)
{
    size_t i = 0;
    json_t *o = NULL;

    json_array_foreach(get(root, "linux.namespaces"), i, o)
    {
        json_int_t mode = json_integer_value(json_object_get(o, "mode"));

        if (i >= SPEC_NS_COUNT || mode < SPEC_NS_PRIVATE || mode > SPEC_NS_PATH) {
            return bad("linux.namespaces", e);
        }
        s->linux_.namespaces[i].mode = (enum spec_ns_mode)mode;
        s->linux_.namespaces[i].target = get_string(o, "path");
    }
    s->process.rlimit_count = 0;
    json_array_foreach(get(root, "process.rlimits"), i, o)
    {
        struct spec_rlimit *l = spec_add_rlimit(s);

        l->resource = (int)json_integer_value(json_object_get(o, "type"));
        l->soft = (uint64_t)json_integer_value(json_object_get(o, "soft"));
        l->hard = (uint64_t)json_integer_value(json_object_get(o, "hard"));
        l->asked = json_is_true(json_object_get(o, "asked"));
    }
    json_array_foreach(get(root, "rbox.devices"), i, o)
    {
        struct spec_device *d = spec_add_device(s);

        d->host_path = get_string(o, "hostPath");
        d->path = get_string(o, "path");
        d->access = get_string(o, "access");
        if (d->host_path == NULL || d->path == NULL) {
            return bad("rbox.devices", e);
        }
    }
    json_array_foreach(get(root, "rbox.network.ports"), i, o)
    {
        struct spec_port *p = spec_add_port(s);

        p->host_ip = get_string(o, "hostIP");
        p->host_port = (uint16_t)json_integer_value(json_object_get(o, "hostPort"));
        p->container_port = (uint16_t)json_integer_value(json_object_get(o, "containerPort"));
        p->count = (uint16_t)json_integer_value(json_object_get(o, "count"));
        p->udp = json_is_true(json_object_get(o, "udp"));
    }
    return 0;
}

static int read_all(json_t *root, struct spec *s, struct err *e)
{
    int r = 0;

    strv_done(&s->linux_.masked_paths);
    strv_done(&s->linux_.readonly_paths);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (read_field(root, s, &FIELDS[i]) < 0) {
            return bad(FIELDS[i].path, e);
        }
    }
    r = read_caps(root, s, e);
    if (r == 0) {
        r = read_idmap(root, "linux.uidMappings", &s->linux_.uid_mappings, e);
    }
    if (r == 0) {
        r = read_idmap(root, "linux.gidMappings", &s->linux_.gid_mappings, e);
    }
    if (r == 0) {
        r = read_mounts(root, s, e);
    }
    return r < 0 ? r : read_lists(root, s, e);
}

int spec_json_read(const char *text, size_t len, struct spec *ret, struct err *e)
{
    json_t *root = NULL;
    int r = json_parse(text, len, "config.json", &root, e);

    if (r < 0) {
        return r;
    }
    spec_init(ret);
    r = read_all(root, ret, e);
    json_decref(root);
    if (r < 0) {
        spec_done(ret);
    }
    return r;
}
