/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox oci state, list, ps, spec, features; pause, resume, update. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/update.h"
#include "cli/oci.h"
#include "spec/bundle.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RESOURCES_BYTES_MAX = 1 << 20
};

/* clang-format off */
static const struct opt LIST_OPTIONS[] = {
    {"quiet", 'q', NULL, OPT_FLAG, OCI_FIELD(quiet), "print ids only", NULL},
    {"format", 'f', "FORMAT", OPT_STRING, OCI_FIELD(format), "table or json", NULL},
    {0}};
static const struct opt PS_OPTIONS[] = {
    {"format", 'f', "FORMAT", OPT_STRING, OCI_FIELD(format), "table or json", NULL},
    {0}};
static const struct opt SPEC_OPTIONS[] = {
    {"bundle", 'b', "DIR", OPT_STRING, OCI_FIELD(bundle), "where to write config.json (default: the current folder)", NULL},
    {"rootless", 0, NULL, OPT_FLAG, OCI_FIELD(rootless), "for a normal user: with a user namespace of its own", NULL},
    {0}};
static const struct opt UPDATE_OPTIONS[] = {
    {"resources", 'r', "FILE", OPT_STRING, OCI_FIELD(resources), "linux.resources as in config.json; - is standard input", NULL},
    {0}};
/* clang-format on */

static int state(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int list(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int spec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int features(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int pause_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int resume(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int update(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_oci_state =
    OCI_CMD("state", "ID", "print a container's state", NULL, 1, 1, state, NULL);
const struct cmd cmd_oci_list =
    OCI_CMD("list", "[options]", "list containers", LIST_OPTIONS, 0, 0, list, NULL);
const struct cmd cmd_oci_ps =
    OCI_CMD("ps", "[options] ID", "list a container's processes", PS_OPTIONS, 1, 1, ps, NULL);
const struct cmd cmd_oci_spec = OCI_CMD("spec", "[options]", "write a config.json to start from",
                                        SPEC_OPTIONS, 0, 0, spec, NULL);
const struct cmd cmd_oci_features =
    OCI_CMD("features", "", "print what the runtime can do", NULL, 0, 0, features, NULL);
const struct cmd cmd_oci_pause =
    OCI_CMD("pause", "ID", "stop its processes for a while", NULL, 1, 1, pause_one, NULL);
const struct cmd cmd_oci_resume =
    OCI_CMD("resume", "ID", "let them go on", NULL, 1, 1, resume, NULL);
const struct cmd cmd_oci_update = OCI_CMD("update", "--resources FILE ID", "change its limits",
                                          UPDATE_OPTIONS, 1, 1, update, NULL);

static void print_json(json_t *v)
{
    char *text = json_dumps(v, JSON_INDENT(2));

    (void)puts(text);
    free(text);
    json_decref(v);
}

static int wants_json(const struct oci_cmd_options *o, int *ret, struct err *e)
{
    *ret = str_eq(o->format, "json");
    return *ret || o->format == NULL || str_eq(o->format, "table")
               ? 0
               : err_new(e, EINVAL, "--format '%s' is neither table nor json", o->format);
}

/* ---- state, list */

static int state(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autoclose int root_fd = -1;
    int r = oci_open(ctx, argv[0], &root_fd, &st, e);

    (void)options;
    (void)argc;
    if (r == 0) {
        print_json(oci_state_json(&st));
    }
    return r;
}

static void print_row(const json_t *o)
{
    const char *text[] = {"bundle", "created", "owner"};

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        const char *value = json_string_value(json_object_get(o, text[i]));

        text[i] = value != NULL ? value : "";
    }
    (void)printf("%-20s %-10lld %-9s %s %s %s\n", json_string_value(json_object_get(o, "id")),
                 (long long)json_integer_value(json_object_get(o, "pid")),
                 json_string_value(json_object_get(o, "status")), text[0], text[1], text[2]);
}

/* An array of their states. New reference. */
static json_t *all_states(int root_fd)
{
    json_t *all = json_array();
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        auto_oci_state struct oci_state st = OCI_STATE_INIT;
        struct err ignored = {0};

        if (entry->d_name[0] != '.' && oci_state_open(root_fd, entry->d_name, &st, &ignored) == 0) {
            (void)json_array_append_new(all, oci_state_json(&st));
        }
    }
    return all;
}

static int list(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    json_auto_t *all = NULL;
    json_t *row = NULL;
    autoclose int root_fd = -1;
    size_t i = 0;
    int is_json = 0;
    int r = wants_json(o, &is_json, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : oci_open_root(ctx, &root_fd, e);
    if (r < 0) {
        return r;
    }
    all = all_states(root_fd);
    if (is_json && !o->quiet) {
        print_json(json_incref(all));
        return 0;
    }
    if (!o->quiet) {
        (void)printf("%-20s %-10s %-9s %s %s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
                     "OWNER");
    }
    json_array_foreach(all, i, row)
    {
        if (o->quiet) {
            (void)puts(json_string_value(json_object_get(row, "id")));
        } else {
            print_row(row);
        }
    }
    return 0;
}

/* ---- ps */

/* Without a cgroup of its own: those in its PID namespace. */
static json_t *pids_of_namespace(pid_t first)
{
    autoclosedir DIR *d = opendir("/proc");
    autofree char *its_path = xasprintf("/proc/%d/ns/pid", (int)first);
    char its[64] = "";
    const struct dirent *entry = NULL;
    json_t *pids = json_array();

    if (readlink(its_path, its, sizeof(its) - 1) <= 0) {
        return pids;
    }
    while (d != NULL && (entry = readdir(d)) != NULL) {
        autofree char *path = xasprintf("/proc/%s/ns/pid", entry->d_name);
        char ns[64] = "";

        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) &&
            readlink(path, ns, sizeof(ns) - 1) > 0 && strcmp(ns, its) == 0) {
            (void)json_array_append_new(pids, json_integer(strtol(entry->d_name, NULL, 10)));
        }
    }
    return pids;
}

static int read_pids(const struct oci_state *st, json_t **ret, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    autofree pid_t *pids = NULL;
    size_t count = 0;
    int r = cgroup_load(st->dir_fd, &c, e);

    if (r == 0 && c.way == CGROUP_NONE) {
        *ret = pids_of_namespace(oci_state_pid(st));
        return 0;
    }
    r = r < 0 ? r : cgroup_tree_pids(c.box_fd, &pids, &count, e);
    if (r < 0) {
        return r;
    }
    *ret = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(*ret, json_integer(pids[i]));
    }
    return 0;
}

static int ps(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autoclose int root_fd = -1;
    autoclose int pidfd = -1;
    json_t *pids = NULL;
    const json_t *pid = NULL;
    size_t i = 0;
    int is_json = 0;
    int r = wants_json(options, &is_json, e);

    (void)argc;
    r = r < 0 ? r : oci_open(ctx, argv[0], &root_fd, &st, e);
    r = r < 0 ? r : oci_state_process(&st, &pidfd, e);
    r = r < 0 ? r : read_pids(&st, &pids, e);
    if (r < 0) {
        return r;
    }
    if (is_json) {
        print_json(pids);
        return 0;
    }
    (void)puts("PID");
    json_array_foreach(pids, i, pid)
    {
        (void)printf("%lld\n", (long long)json_integer_value(pid));
    }
    json_decref(pids);
    return 0;
}

/* ---- spec, features */

static int spec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    json_auto_t *root = bundle_template(o->rootless);
    autofree char *path = xasprintf("%s/config.json", o->bundle != NULL ? o->bundle : ".");
    autofree char *text = json_dumps(root, JSON_INDENT(4));
    autoclose int fd = -1;
    int r = 0;

    (void)ctx;
    (void)argc;
    (void)argv;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
    return r < 0 ? err_set(e, -r, "cannot write '%s'", path) : 0;
}

static int features(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)ctx;
    (void)options;
    (void)argc;
    (void)argv;
    (void)e;
    print_json(bundle_features());
    return 0;
}

/* ---- pause, resume, update */

static int load_cgroup(const struct ctx *ctx, const char *id, struct cgroup *ret,
                       struct oci_state *st, struct err *e)
{
    autoclose int root_fd = -1;
    autoclose int pidfd = -1;
    int r = oci_open(ctx, id, &root_fd, st, e);

    r = r < 0 ? r : oci_state_process(st, &pidfd, e);
    r = r < 0 ? r : cgroup_load(st->dir_fd, ret, e);
    if (r == 0 && ret->way == CGROUP_NONE) {
        return err_new(e, ENOTSUP, "container '%s' has no cgroup: linux.cgroupsPath gives it one",
                       id);
    }
    return r;
}

static int freeze(const struct ctx *ctx, const char *id, int frozen, struct err *e)
{
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autocgroup struct cgroup c = CGROUP_INIT;
    int r = load_cgroup(ctx, id, &c, &st, e);

    if (r == 0 && cgroup_is_frozen(c.box_fd) == frozen) {
        r = err_new(e, EALREADY, "container '%s' is %s", id,
                    frozen ? "paused already" : "not paused");
    }
    return r < 0 ? r : cgroup_freeze(c.box_fd, frozen, e);
}

static int pause_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)options;
    (void)argc;
    return freeze(ctx, argv[0], 1, e);
}

static int resume(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)options;
    (void)argc;
    return freeze(ctx, argv[0], 0, e);
}

static int update(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autocgroup struct cgroup c = CGROUP_INIT;
    autofree char *text = NULL;
    struct spec s = {0};
    size_t len = 0;
    int r = 0;

    (void)argc;
    if (o->resources == NULL) {
        return err_new(e, EINVAL, "update needs --resources FILE");
    }
    r = strcmp(o->resources, "-") == 0
            ? fd_read_all(STDIN_FILENO, RESOURCES_BYTES_MAX, &text, &len, e)
            : file_read_followed(AT_FDCWD, o->resources, RESOURCES_BYTES_MAX, &text, &len, e);
    spec_init(&s);
    r = r < 0 ? r : bundle_read_resources(text, len, &s, e);
    r = r < 0 ? r : load_cgroup(ctx, argv[0], &c, &st, e);
    r = r < 0 ? r : update_limits(st.dir_fd, st.dir_fd, &s.linux_.resources, e);
    spec_done(&s);
    return r;
}
