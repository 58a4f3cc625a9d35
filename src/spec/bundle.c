/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/bundle.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "spec/bundle_json.h"
#include "spec/spec_json.h"
#include "spec/spec_json_lists.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char WHAT[] = "config.json";

/* ---- what can't be done */

static const char *const CANNOT[] = {
    "process.apparmorProfile",
    "process.scheduler",
    "process.ioPriority",
    "process.execCPUAffinity",
    "linux.intelRdt",
    "linux.timeOffsets",
    "linux.memoryPolicy",
    "linux.netDevices",
    "linux.resources.hugepageLimits",
    "linux.resources.rdma",
    "linux.resources.network.classID",
    "linux.resources.network.priorities",
    "linux.resources.memory.kernel",
    "linux.resources.memory.kernelTCP",
    "linux.resources.memory.swappiness",
    "linux.resources.memory.disableOOMKiller",
    "linux.resources.cpu.realtimeRuntime",
    "linux.resources.cpu.realtimePeriod",
    "linux.resources.cpu.burst",
    "linux.resources.cpu.idle",
    "linux.resources.blockIO.leafWeight",
    "linux.resources.blockIO.weightDevice",
    "linux.resources.blockIO.throttleReadBpsDevice",
    "linux.resources.blockIO.throttleWriteBpsDevice",
    "linux.resources.blockIO.throttleReadIOPSDevice",
    "linux.resources.blockIO.throttleWriteIOPSDevice",
    "linux.seccomp.listenerPath",
    "solaris",
    "windows",
    "vm",
    "zos",
};

/* Does @v ask for nothing? */
static int is_empty(const json_t *v)
{
    return v == NULL || json_is_null(v) || json_is_false(v) ||
           (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0) ||
           (json_is_integer(v) && json_integer_value(v) == 0);
}

static int cannot(const char *path, struct err *e)
{
    return err_new(e, ENOTSUP, "%s: rbox has no '%s'", WHAT, path);
}

static int check_cannot(json_t *root, struct err *e)
{
    const char *domain = json_string_value(json_path_get(root, "linux.personality.domain"));
    const char *propagation = json_string_value(json_path_get(root, "linux.rootfsPropagation"));

    for (size_t i = 0; i < sizeof(CANNOT) / sizeof(CANNOT[0]); i++) {
        if (!is_empty(json_path_get(root, CANNOT[i]))) {
            return cannot(CANNOT[i], e);
        }
    }
    if (domain != NULL && !str_eq(domain, "LINUX")) {
        return cannot("linux.personality", e);
    }
    /* Nothing of the container shows on the host, whatever is asked. */
    if (propagation != NULL && strstr(propagation, "private") == NULL &&
        strstr(propagation, "slave") == NULL && *propagation != '\0') {
        return err_new(e, ENOTSUP, "%s: linux.rootfsPropagation '%s' is not private or slave", WHAT,
                       propagation);
    }
    return 0;
}

/* ---- the process */

static int read_id(const json_t *user, const char *key, uint32_t *ret, struct err *e)
{
    int64_t n = 0;
    int r = json_get_int(user, key, "process.user", &n, e);

    if (r == 0 && (n < 0 || n >= UINT32_MAX)) {
        return err_new(e, EINVAL, "%s: process.user.%s is out of range", WHAT, key);
    }
    *ret = (uint32_t)n;
    return r;
}

static int read_user(json_t *root, struct spec *s, struct err *e)
{
    const json_t *user = json_path_get(root, "process.user");
    const json_t *groups = json_object_get(user, "additionalGids");
    const json_t *v = NULL;
    uint32_t uid = 0;
    uint32_t gid = 0;
    size_t i = 0;
    int r = read_id(user, "uid", &uid, e);

    r = r < 0 ? r : read_id(user, "gid", &gid, e);
    json_array_foreach(groups, i, v)
    {
        if (!json_is_integer(v) || json_integer_value(v) < 0 ||
            json_integer_value(v) >= UINT32_MAX) {
            return err_new(e, EINVAL, "%s: process.user.additionalGids is wrong", WHAT);
        }
        strv_pushf(&s->process.additional_groups, "%lld", (long long)json_integer_value(v));
    }
    free(s->process.user);
    s->process.user = xasprintf("%u:%u", uid, gid);
    return r;
}

static int complete_process(json_t *root, struct spec *s, struct err *e)
{
    struct spec_process *p = &s->process;

    if (p->cwd == NULL || p->cwd[0] != '/') {
        return err_new(e, EINVAL, "%s: process.cwd is not an absolute path", WHAT);
    }
    if (p->args.len == 0) {
        return err_new(e, EINVAL, "%s: process.args is missing or empty", WHAT);
    }
    for (size_t i = 0; i < p->rlimit_count; i++) {
        p->rlimits[i].asked = 1;
    }
    p->oom_score_adj_set = json_path_get(root, "process.oomScoreAdj") != NULL;
    return read_user(root, s, e);
}

/* Nothing that config.json does not say: rbox's own defaults go. */
static void empty_process(struct spec *s)
{
    s->process.capabilities = (struct spec_caps){0};
    s->process.rlimit_count = 0;
    s->process.terminal = 0;
    s->process.no_new_privileges = 0;
    s->process.umask = 0022;
    strv_done(&s->process.args);
    strv_done(&s->process.env);
    strv_done(&s->process.additional_groups);
    free(s->process.cwd);
    s->process.cwd = NULL;
}

int bundle_read_process(const char *text, size_t len, struct spec *s, struct err *e)
{
    json_t *process = NULL;
    json_auto_t *root = NULL;
    int r = bundle_json_parse(text, len, "the process", &process, e);

    if (r < 0) {
        return r;
    }
    root = json_pack("{s:o}", "process", process);
    r = check_cannot(root, e);
    if (r < 0) {
        return r;
    }
    empty_process(s);
    r = spec_json_read_parts(root, "process.", s, e);
    return r < 0 ? r : complete_process(root, s, e);
}

/* ---- mounts, devices */

/* Unless @path is absolute, it is below @folder. */
static void make_absolute(char **path, const char *folder)
{
    if (**path != '/') {
        char *absolute = xasprintf("%s/%s", folder, *path);

        free(*path);
        *path = absolute;
    }
}

/* Sources of binds are relative to the bundle. */
static int complete_mounts(struct spec *s, const char *path, struct err *e)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        struct spec_mount *m = &s->mounts[i];
        int is_bind = strv_has(&m->options, "bind") || strv_has(&m->options, "rbind");

        if (is_bind) {
            free(m->type);
            m->type = xstrdup("bind");
        }
        if (str_eq(m->type, "none")) {
            return err_new(e, EINVAL, "%s: mounts: '%s' has no type", WHAT, m->destination);
        }
        if (str_eq(m->type, "bind") && (m->source == NULL || m->source[0] == '\0')) {
            return err_new(e, EINVAL, "%s: mounts: '%s' has no source", WHAT, m->destination);
        }
        if (str_eq(m->type, "bind")) {
            make_absolute(&m->source, path);
        }
        make_absolute(&m->destination, "");
    }
    return 0;
}

/* A device is the host's at the same path: no node can be made in a user namespace. */
static int read_devices(json_t *root, struct spec *s, struct err *e)
{
    const json_t *list = json_path_get(root, "linux.devices");
    const json_t *o = NULL;
    size_t i = 0;

    json_array_foreach(list, i, o)
    {
        const char *path = json_string_value(json_object_get(o, "path"));
        struct spec_device *d = NULL;

        if (path == NULL || path[0] != '/') {
            return err_new(e, EINVAL, "%s: linux.devices: a device has no path", WHAT);
        }
        d = spec_add_device(s);
        d->path = xstrdup(path);
        d->host_path = xstrdup(path);
        d->access = xstrdup("rwm");
    }
    return 0;
}

/* ---- namespaces */

/* Those that the tables of spec_json.c do not know: user, mount, time. */
static int read_namespaces(json_t *root, struct bundle *b, struct err *e)
{
    const json_t *list = json_path_get(root, "linux.namespaces");
    const json_t *o = NULL;
    int has_mount = 0;
    size_t i = 0;

    json_array_foreach(list, i, o)
    {
        const char *type = json_string_value(json_object_get(o, "type"));
        const char *path = json_string_value(json_object_get(o, "path"));
        int has_path = path != NULL && *path != '\0';

        if (str_eq(type, "user")) {
            b->user_ns.mode = has_path ? SPEC_NS_PATH : SPEC_NS_PRIVATE;
            b->user_ns.target = has_path ? xstrdup(path) : NULL;
        } else if (str_eq(type, "mount") && has_path) {
            return cannot("linux.namespaces: mount with a path", e);
        } else if (str_eq(type, "mount")) {
            has_mount = 1;
        } else if (!spec_json_is_namespace(type)) {
            return err_new(e, ENOTSUP, "%s: linux.namespaces: rbox has no '%s'", WHAT,
                           type != NULL ? type : "");
        }
    }
    if (!has_mount) {
        return err_new(e, ENOTSUP, "%s: linux.namespaces has no mount", WHAT);
    }
    if ((b->spec.linux_.uid_mappings.count == 0) != (b->spec.linux_.gid_mappings.count == 0)) {
        return err_new(e, EINVAL,
                       "%s: linux.uidMappings and linux.gidMappings are there both, or neither",
                       WHAT);
    }
    if (b->user_ns.mode != SPEC_NS_PRIVATE && b->spec.linux_.uid_mappings.count > 0) {
        return err_new(e, EINVAL, "%s: linux.uidMappings without a user namespace of its own",
                       WHAT);
    }
    return 0;
}

/* ---- resources */

static int is_unlimited(json_t *root, const char *path)
{
    json_t *v = json_path_get(root, path);

    return json_is_integer(v) && json_integer_value(v) < 0;
}

/* For a running container no limit is something else than none that is named. */
static void complete_update(json_t *root, struct spec *s)
{
    struct spec_resources *r = &s->linux_.resources;

    if (is_unlimited(root, "linux.resources.memory.limit")) {
        r->memory_max_bytes = -2;
    }
    if (is_unlimited(root, "linux.resources.memory.swap")) {
        r->memory_swap_max_bytes = -2;
    }
    if (is_unlimited(root, "linux.resources.cpu.quota")) {
        r->cpu_quota_us = -2;
    }
    r->pids_asked |= is_unlimited(root, "linux.resources.pids.limit");
}

static void complete_resources(json_t *root, struct spec *s)
{
    struct spec_resources *r = &s->linux_.resources;
    json_t *pids = json_path_get(root, "linux.resources.pids.limit");

    spec_unset_zeros(r);
    r->memory_max_bytes = r->memory_max_bytes > 0 ? r->memory_max_bytes : -1;
    r->memory_low_bytes = r->memory_low_bytes > 0 ? r->memory_low_bytes : -1;
    r->cpu_quota_us = r->cpu_quota_us > 0 ? r->cpu_quota_us : -1;
    if (is_unlimited(root, "linux.resources.memory.swap")) {
        r->memory_swap_max_bytes = -2;
    }
    if (r->memory_max_bytes == -1 && r->memory_swap_max_bytes == -2) {
        r->memory_swap_max_bytes = -1;
    }
    r->pids_asked = json_integer_value(pids) > 0;
    r->pids_max = r->pids_asked ? json_integer_value(pids) : 0;
    if (r->cpuset_cpus != NULL && *r->cpuset_cpus == '\0') {
        free(steal_ptr(&r->cpuset_cpus));
    }
    if (r->cpuset_mems != NULL && *r->cpuset_mems == '\0') {
        free(steal_ptr(&r->cpuset_mems));
    }
}

int bundle_read_resources(const char *text, size_t len, struct spec *ret, struct err *e)
{
    json_t *resources = NULL;
    json_auto_t *root = NULL;
    int r = bundle_json_parse(text, len, "the resources", &resources, e);

    if (r < 0) {
        return r;
    }
    root = json_pack("{s:{s:o}}", "linux", "resources", resources);
    r = check_cannot(root, e);
    r = r < 0 ? r : spec_json_read_parts(root, "linux.resources.", ret, e);
    if (r == 0) {
        complete_resources(root, ret);
        complete_update(root, ret);
    }
    return r;
}

int bundle_set_cgroup(struct spec *s, const char *path, int is_systemd, struct err *e)
{
    autostrv struct strv parts = {0};
    const char *slash = strrchr(path, '/');

    if (!is_systemd) {
        const char *name = slash != NULL ? slash + 1 : path;

        if (*name == '\0' || str_eq(name, "..") || strstr(path, "/../") != NULL) {
            return err_new(e, EINVAL, "%s: linux.cgroupsPath '%s' names no cgroup", WHAT, path);
        }
        s->box.cgroup_parent =
            slash != NULL && slash > path ? xstrndup(path, (size_t)(slash - path)) : xstrdup("/");
        s->box.cgroup_name = xstrdup(name);
        return 0;
    }
    strv_split(&parts, path, ':');
    if (parts.len != 3 || *parts.v[2] == '\0') {
        return err_new(e, EINVAL, "%s: linux.cgroupsPath '%s' is not SLICE:PREFIX:NAME", WHAT,
                       path);
    }
    s->box.cgroup_parent = *parts.v[0] != '\0' ? xstrdup(parts.v[0]) : NULL;
    s->box.cgroup_name = *parts.v[1] != '\0' ? xasprintf("%s-%s.scope", parts.v[1], parts.v[2])
                                             : xasprintf("%s.scope", parts.v[2]);
    return 0;
}

/* ---- the whole */

static void set_defaults(struct spec *s)
{
    empty_process(s);
    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        s->linux_.namespaces[i].mode = SPEC_NS_HOST;
    }
    strv_done(&s->linux_.masked_paths);
    strv_done(&s->linux_.readonly_paths);
    s->box.bundle = 1;
    s->box.interactive = 1; /* descriptors 0 to 2 go through as they come */
    s->box.network.backend = SPEC_NET_NONE;
    s->linux_.seccomp.mode = SPEC_SECCOMP_UNCONFINED;
}

static int complete(json_t *root, const char *path, struct bundle *b, struct err *e)
{
    struct spec *s = &b->spec;
    json_t *seccomp = json_path_get(root, "linux.seccomp");
    json_t *hooks = json_object_get(root, "hooks");
    int r = complete_process(root, s, e);

    r = r < 0 ? r : complete_mounts(s, path, e);
    r = r < 0 ? r : read_devices(root, s, e);
    r = r < 0 ? r : read_namespaces(root, b, e);
    if (r < 0) {
        return r;
    }
    if (s->box.rootfs == NULL) {
        return err_new(e, EINVAL, "%s: root.path is missing", WHAT);
    }
    make_absolute(&s->box.rootfs, path);
    if ((s->hostname != NULL || s->domainname != NULL) &&
        s->linux_.namespaces[SPEC_NS_UTS].mode != SPEC_NS_PRIVATE) {
        return err_new(e, EINVAL, "%s: hostname or domainname without a uts namespace of its own",
                       WHAT);
    }
    complete_resources(root, s);
    b->seccomp = is_empty(seccomp) ? NULL : json_incref(seccomp);
    b->hooks = is_empty(hooks) ? NULL : json_incref(hooks);
    return 0;
}

int bundle_read(const char *text, size_t len, const char *path, struct bundle *ret, struct err *e)
{
    struct bundle b = {.user_ns = {.mode = SPEC_NS_HOST}};
    json_auto_t *root = NULL;
    int r = bundle_json_parse(text, len, WHAT, &root, e);

    if (r < 0) {
        return r;
    }
    /* Another rbox's section is not the caller's to fill in: what it says is not of the OCI spec.
     */
    (void)json_object_del(root, "rbox");
    spec_init(&b.spec);
    set_defaults(&b.spec);
    r = check_cannot(root, e);
    r = r < 0 ? r : spec_json_read_parts(root, "", &b.spec, e);
    r = r < 0 ? r : complete(root, path, &b, e);
    if (r < 0) {
        bundle_done(&b);
        return r;
    }
    *ret = b;
    return 0;
}

void bundle_done(struct bundle *b)
{
    spec_done(&b->spec);
    free(b->user_ns.target);
    json_decref(b->seccomp);
    json_decref(b->hooks);
    memset(b, 0, sizeof(*b));
}
