/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_json.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "spec/spec_json_lists.h"
#include "sys/fd.h"

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
    F_PAIRS, /* strv of K=V, an object in JSON */
    F_NAME   /* an enum: a name in JSON */
};

struct field {
    const char *path; /* sections apart by '.' */
    enum field_type type;
    size_t offset;
    int64_t unset;            /* numbers: not written when they have this value */
    const char *const *names; /* F_NAME: by value, ends with NULL */
    int is_listed;            /* spec_json_read_listed() reads it */
};

enum {
    ALWAYS = INT32_MIN
};

static const char *const RESTARTS[] = {"no", "on-failure", "always", "unless-stopped", NULL};
static const char *const SECCOMP_MODES[] = {"default", "nested", "unconfined", "file", NULL};
static const char *const USERNS_MODES[] = {"default",   "keep-id", "nomap", "explicit",
                                           "container", "ns",      NULL};
static const char *const IPC_MODES[] = {"shareable", "private", "none", NULL};
static const char *const BACKENDS[] = {"slirp4netns", "pasta", "none", "host",
                                       "container",   "ns",    "user", NULL};

#define FIELD(path_, type_, member_, unset_)                                \
    {                                                                       \
        (path_), (type_), offsetof(struct spec, member_), (unset_), NULL, 0 \
    }
#define LISTED(path_, type_, member_, unset_)                               \
    {                                                                       \
        (path_), (type_), offsetof(struct spec, member_), (unset_), NULL, 1 \
    }
#define NAME(path_, member_, names_)                                    \
    {                                                                   \
        (path_), F_NAME, offsetof(struct spec, member_), 0, (names_), 0 \
    }
#define LISTED_NAME(path_, member_, names_)                             \
    {                                                                   \
        (path_), F_NAME, offsetof(struct spec, member_), 0, (names_), 1 \
    }

static const struct field FIELDS[] = {
    FIELD("process.terminal", F_BOOL, process.terminal, ALWAYS),
    FIELD("process.env", F_STRV, process.env, 0),
    FIELD("process.cwd", F_STRING, process.cwd, 0),
    FIELD("process.user.umask", F_INT, process.umask, ALWAYS),
    FIELD("process.noNewPrivileges", F_BOOL, process.no_new_privileges, ALWAYS),
    FIELD("process.selinuxLabel", F_STRING, process.selinux_label, 0),
    FIELD("root.readonly", F_BOOL, root_readonly, ALWAYS),
    LISTED("root.path", F_STRING, box.rootfs, 0),
    FIELD("hostname", F_STRING, hostname, 0),
    FIELD("domainname", F_STRING, domainname, 0),
    FIELD("linux.maskedPaths", F_STRV, linux_.masked_paths, 0),
    FIELD("linux.readonlyPaths", F_STRV, linux_.readonly_paths, 0),
    FIELD("linux.mountLabel", F_STRING, linux_.mount_label, 0),
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
    FIELD("process.oomScoreAdj", F_INT, process.oom_score_adj, 0),
    FIELD("rbox.oomScoreAdjSet", F_BOOL, process.oom_score_adj_set, 0),
    LISTED("rbox.id", F_STRING, box.id, 0),
    LISTED("rbox.name", F_STRING, box.name, 0),
    LISTED("rbox.createdNs", F_INT64, box.created_ns, 0),
    LISTED("rbox.image", F_STRING, box.image_name, 0),
    LISTED("rbox.imageID", F_STRING, box.image_id, 0),
    LISTED("rbox.layers", F_STRV, box.layers, 0),
    LISTED("rbox.requires", F_STRV, box.requires, 0),
    FIELD("rbox.secretEnv", F_STRV, box.secret_env, 0),
    FIELD("rbox.rootfsOverlay", F_BOOL, box.rootfs_overlay, 0),
    FIELD("rbox.init", F_BOOL, box.init, 0),
    FIELD("rbox.interactive", F_BOOL, box.interactive, 0),
    FIELD("rbox.detach", F_BOOL, box.detach, 0),
    LISTED("rbox.remove", F_BOOL, box.remove, 0),
    FIELD("rbox.privileged", F_BOOL, box.privileged, 0),
    FIELD("rbox.explain", F_BOOL, box.explain, 0),
    FIELD("rbox.systemd", F_BOOL, box.systemd, 0),
    FIELD("rbox.nested", F_BOOL, box.nested, 0),
    FIELD("rbox.readOnlyTmpfs", F_BOOL, box.read_only_tmpfs, ALWAYS),
    NAME("rbox.ipc", box.ipc, IPC_MODES),
    FIELD("rbox.shmSize", F_INT64, box.shm_size_bytes, ALWAYS),
    FIELD("rbox.stopSignal", F_INT, box.stop_signal, ALWAYS),
    FIELD("rbox.stopTimeoutMs", F_INT64, box.stop_timeout_ms, ALWAYS),
    FIELD("rbox.timeoutMs", F_INT64, box.timeout_ms, 0),
    FIELD("rbox.preserveFDs", F_UINT, box.preserve_fds, 0),
    FIELD("rbox.tz", F_STRING, box.tz, 0),
    FIELD("rbox.storageDriver", F_STRING, box.storage_driver, 0),
    LISTED("rbox.labels", F_PAIRS, box.labels, 0),
    FIELD("rbox.createCommand", F_STRV, box.create_command, 0),
    NAME("rbox.sdnotify", box.sdnotify, SPEC_SDNOTIFY_NAMES),
    NAME("rbox.restart", box.restart, RESTARTS),
    FIELD("rbox.restartMax", F_INT, box.restart_max, 0),
    FIELD("rbox.logDriver", F_STRING, box.log_driver, 0),
    FIELD("rbox.logMaxSize", F_INT64, box.log_max_size_bytes, 0),
    FIELD("rbox.bundle", F_BOOL, box.bundle, 0),
    FIELD("rbox.cgroupName", F_STRING, box.cgroup_name, 0),
    FIELD("rbox.cgroups", F_STRING, box.cgroups, 0),
    FIELD("rbox.cgroupManager", F_STRING, box.cgroup_manager, 0),
    NAME("rbox.seccomp.mode", linux_.seccomp.mode, SECCOMP_MODES),
    FIELD("rbox.seccomp.profile", F_STRING, linux_.seccomp.profile, 0),
    FIELD("rbox.noNestedUserns", F_BOOL, linux_.no_nested_userns, 0),
    FIELD("rbox.labelOptions", F_STRV, linux_.label_options, 0),
    LISTED_NAME("rbox.userns.mode", linux_.userns.mode, USERNS_MODES),
    FIELD("rbox.userns.keepUID", F_INT64, linux_.userns.keep_uid, -1),
    FIELD("rbox.userns.keepGID", F_INT64, linux_.userns.keep_gid, -1),
    LISTED("rbox.userns.target", F_STRING, linux_.userns.target, 0),
    FIELD("rbox.userns.uidmap", F_STRV, linux_.userns.uidmap, 0),
    FIELD("rbox.userns.gidmap", F_STRV, linux_.userns.gidmap, 0),
    NAME("rbox.network.backend", box.network.backend, BACKENDS),
    FIELD("rbox.network.options", F_STRV, box.network.options, 0),
    FIELD("rbox.network.dns", F_STRV, box.network.dns, 0),
    FIELD("rbox.network.dnsSearch", F_STRV, box.network.dns_search, 0),
    FIELD("rbox.network.dnsOptions", F_STRV, box.network.dns_options, 0),
    FIELD("rbox.network.addHosts", F_STRV, box.network.add_hosts, 0),
    FIELD("rbox.network.noHosts", F_BOOL, box.network.no_hosts, 0),
    FIELD("rbox.network.publishAll", F_BOOL, box.network.publish_all, 0),
    FIELD("rbox.network.exposed", F_STRV, box.network.exposed, 0),
    FIELD("rbox.network.allowNet", F_STRV, box.network.allow_net, 0),
    FIELD("rbox.network.netLog", F_STRING, box.network.net_log, 0),
    FIELD("rbox.network.allowNetSet", F_BOOL, box.network.allow_net_set, 0),
    LISTED("process.args", F_STRV, process.args, 0), /* the last: see LISTED_END */
};
enum {
    FIELD_COUNT = sizeof(FIELDS) / sizeof(FIELDS[0])
};

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
            json_path_set(root, f->path, json_str(*(char *const *)p));
        }
        break;
    case F_STRV:
    case F_PAIRS:
        if (list->len > 0) {
            json_path_set(root, f->path,
                          f->type == F_STRV ? json_from_strv(list) : pairs_to_object(list));
        }
        break;
    case F_BOOL:
        if (*(const int *)p != f->unset) {
            json_path_set(root, f->path, json_boolean(*(const int *)p));
        }
        break;
    case F_INT:
    case F_UINT:
    case F_INT64:
        if (read_number(f, p) != f->unset) {
            json_path_set(root, f->path, json_integer(read_number(f, p)));
        }
        break;
    case F_NAME:
        if (*(const int *)p != 0) {
            json_path_set(root, f->path, json_string(f->names[*(const int *)p]));
        }
        break;
    }
}

/* Written behind the last of the rows that are listed: who reads only these need go no further. It
 * stands in "process", which has one of them and is written last. */
static const char LISTED_END[] = "process." SPEC_LISTED_END;

static void write_rows(json_t *root, const struct spec *s, int listed)
{
    const struct spec_json_list *list = NULL;

    for (size_t i = 0; (list = spec_json_list(i)) != NULL; i++) {
        json_t *v = list->is_listed == listed ? list->write(s) : NULL;

        if (v != NULL) {
            json_path_set(root, list->path, v);
        }
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (FIELDS[i].is_listed == listed) {
            write_field(root, s, &FIELDS[i]);
        }
    }
}

char *spec_json_write(const struct spec *s)
{
    json_auto_t *root = json_pack("{s:s}", "ociVersion", "1.1.0");

    write_rows(root, s, 1);
    json_path_set(root, LISTED_END, json_true());
    write_rows(root, s, 0);
    return json_text(root);
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

static int store_name(const struct field *f, int *ret, const json_t *v)
{
    for (int i = 0; f->names[i] != NULL; i++) {
        if (str_eq(json_string_value(v), f->names[i])) {
            *ret = i;
            return 0;
        }
    }
    return -EINVAL;
}

/* The value @v of @f, or NULL. */
static int read_field(json_t *v, struct spec *s, const struct field *f)
{
    void *p = (char *)s + f->offset;

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
        return spec_json_strings(v, p);
    case F_PAIRS:
        return json_is_object(v) ? object_to_pairs(v, p) : -EINVAL;
    case F_BOOL:
        *(int *)p = json_is_true(v);
        return json_is_boolean(v) ? 0 : -EINVAL;
    case F_NAME:
        return store_name(f, p, v);
    case F_INT:
    case F_UINT:
    case F_INT64:
        break;
    }
    return store_number(f, p, v);
}

static int read_list(json_t *v, struct spec *s, const struct spec_json_list *list)
{
    return v == NULL || json_is_null(v) ? 0 : list->read(v, s);
}

int spec_json_read_parts(json_t *root, const char *prefix, struct spec *s, struct err *e)
{
    const struct spec_json_list *list = NULL;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &FIELDS[i];

        if (str_after(f->path, prefix) != NULL &&
            read_field(json_path_get(root, f->path), s, f) < 0) {
            return bad(f->path, e);
        }
    }
    for (size_t i = 0; (list = spec_json_list(i)) != NULL; i++) {
        if (str_after(list->path, prefix) != NULL &&
            read_list(json_path_get(root, list->path), s, list) < 0) {
            return bad(list->path, e);
        }
    }
    return 0;
}

int spec_json_read(const char *text, size_t len, struct spec *ret, struct err *e)
{
    json_auto_t *root = NULL;
    int r = json_parse(text, len, "config.json", &root, e);

    *ret = (struct spec){0};
    if (r < 0) {
        return r;
    }
    spec_init_bare(ret);
    r = spec_json_read_parts(root, "", ret, e);
    if (r < 0) {
        spec_done(ret);
    }
    return r;
}

enum {
    CONFIG_BYTES_MAX = 16 << 20,
    LISTED_MAX = 32, /* rows that are listed, in both tables */
    ALL_SEEN = 1
};

/* Where the values of the rows that are listed go. */
struct listed {
    const char *paths[LISTED_MAX + 2];
    const struct field *fields[LISTED_MAX + 1];
    const struct spec_json_list
        *lists[LISTED_MAX + 1]; /* where there is no field; LISTED_END: none */
    struct spec *spec;
};

static void collect_listed(struct listed *l)
{
    const struct spec_json_list *list = NULL;
    size_t count = 0;

    for (size_t i = 0; i < FIELD_COUNT && count < LISTED_MAX; i++) {
        if (FIELDS[i].is_listed) {
            l->fields[count] = &FIELDS[i];
            l->paths[count++] = FIELDS[i].path;
        }
    }
    for (size_t i = 0; (list = spec_json_list(i)) != NULL && count < LISTED_MAX; i++) {
        if (list->is_listed) {
            l->lists[count] = list;
            l->paths[count++] = list->path;
        }
    }
    l->paths[count] = LISTED_END;
}

static int see_listed(void *arg, size_t i, json_t *v)
{
    const struct listed *l = arg;

    return l->fields[i] != NULL  ? read_field(v, l->spec, l->fields[i])
           : l->lists[i] != NULL ? read_list(v, l->spec, l->lists[i])
                                 : ALL_SEEN;
}

int spec_json_read_listed(const char *text, size_t len, struct spec *ret, struct err *e)
{
    struct listed l = {.spec = ret};

    collect_listed(&l);
    spec_init_bare(ret);
    if (json_see_some(text, len, l.paths, see_listed, &l) >= 0) {
        return 0;
    }
    spec_done(ret);
    return spec_json_read(text, len, ret, e); /* who reads all of it says what is wrong */
}

int spec_json_load(int dir_fd, const char *path, int listed_only, struct spec *ret, struct err *e)
{
    autofree char *text = NULL;
    size_t len = 0;
    int r = file_read(dir_fd, path, CONFIG_BYTES_MAX, &text, &len, e);

    *ret = (struct spec){0};
    return r < 0 ? r : (listed_only ? spec_json_read_listed : spec_json_read)(text, len, ret, e);
}
