/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec ⇄ config.json: every field survives, under the OCI runtime spec's names (issue 2). */
#include "base/cleanup.h"
#include "base/json.h"
#include "spec/spec_json.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* Fields by kind. Each gets a value no other has and no default is. */

/* Lists of macro calls move at each run of it. */
/* clang-format off */
#define INT_FIELDS(X)                                                                          \
    X(process.terminal)                                                                        \
    X(process.umask)                                                                           \
    X(process.keep_groups)                                                                     \
    X(process.no_new_privileges)                                                               \
    X(process.oom_score_adj)                                                                   \
    X(process.oom_score_adj_set) X(root_readonly) X(linux_.resources.pids_asked)               \
        X(linux_.no_nested_userns) X(box.rootfs_overlay) X(box.init) X(box.interactive)        \
            X(box.detach) X(box.remove) X(box.privileged) X(box.nested) X(box.explain) X(box.read_only_tmpfs) \
                X(box.stop_signal) X(box.restart_max) X(box.network.no_hosts)                  \
                    X(box.network.publish_all)

#define INT64_FIELDS(X)                                                                           \
    X(linux_.userns.keep_uid)                                                                     \
    X(linux_.userns.keep_gid)                                                                     \
    X(linux_.resources.memory_max_bytes)                                                          \
    X(linux_.resources.memory_swap_max_bytes)                                                     \
    X(linux_.resources.memory_low_bytes)                                                          \
    X(linux_.resources.cpu_quota_us) X(linux_.resources.cpu_period_us)                            \
        X(linux_.resources.cpu_shares) X(linux_.resources.pids_max) X(linux_.resources.io_weight) \
            X(box.shm_size_bytes) X(box.stop_timeout_ms) X(box.timeout_ms)                        \
                X(box.log_max_size_bytes)

#define STRING_FIELDS(X)                                                                      \
    X(process.cwd)                                                                            \
    X(process.user)                                                                           \
    X(domainname) X(hostname)                                                                               \
    X(linux_.resources.cpuset_cpus)                                                           \
    X(linux_.resources.cpuset_mems)                                                           \
    X(box.network.net_log) X(linux_.userns.target)                                                                   \
    X(linux_.seccomp.profile) X(box.id) X(box.name) X(box.image_name) X(box.image_id)         \
        X(box.rootfs) X(box.tz) X(box.storage_driver) X(box.log_driver)                       \
            X(box.cgroups) X(box.cgroup_manager) X(box.cgroup_parent)

#define LIST_FIELDS(X)                                                                           \
    X(process.args)                                                                              \
    X(process.env)                                                                               \
    X(process.additional_groups)                                                                 \
    X(linux_.userns.uidmap)                                                                      \
    X(linux_.userns.gidmap)                                                                      \
    X(linux_.resources.io_max) X(linux_.resources.unified) X(linux_.masked_paths)                \
        X(linux_.readonly_paths) X(linux_.sysctl) X(box.layers) X(box.labels) X(box.annotations) \
            X(box.create_command) X(box.network.options) X(box.network.dns)                      \
                X(box.network.dns_search) X(box.network.dns_options) X(box.network.add_hosts)    \
                    X(box.network.exposed)
/* clang-format on */

static void fill_lists(struct spec *s)
{
    struct err e = {0};

    assert_int_equal(spec_parse_volume("/a:/b:ro,U", s, &e), 0);
    assert_int_equal(spec_parse_volume("data:/c", s, &e), 0);
    assert_int_equal(spec_parse_mount("type=bind,src=/x,dst=/d,subpath=y", s, &e), 0);
    assert_int_equal(spec_parse_tmpfs("/e:size=5m", s, &e), 0);
    s->mounts[1].from_image = 1;
    s->mounts[1].is_anonymous = 1;
    assert_int_equal(spec_parse_device("/dev/fuse:/dev/f:rw", s, &e), 0);
    assert_int_equal(spec_parse_publish("127.0.0.1:8000-8001:80-81/udp", s, &e), 0);
    assert_int_equal(spec_parse_publish("80", s, &e), 0);
    assert_int_equal(spec_parse_ulimit("nofile=5:6", s, &e), 0);
    assert_int_equal(spec_parse_ulimit("core=-1", s, &e), 0);
    spec_idmap_add(&s->linux_.uid_mappings, 0, 1000, 1);
    spec_idmap_add(&s->linux_.uid_mappings, 1, 100000, 65536);
    spec_idmap_add(&s->linux_.gid_mappings, 0, 4294967294U, 1);
    s->linux_.namespaces[SPEC_NS_PID].mode = SPEC_NS_HOST;
    assert_int_equal(spec_parse_ipc("container:web", s, &e), 0);
    s->box.ipc = SPEC_IPC_NONE;
    assert_int_equal(
        spec_parse_namespace("ns:/proc/1/ns/uts", &s->linux_.namespaces[SPEC_NS_UTS], &e), 0);
    s->process.capabilities = (struct spec_caps){
        .bounding = 0xff, .effective = 0x7f, .inheritable = 0, .permitted = 0x3f, .ambient = 1};
    s->linux_.userns.mode = SPEC_USERNS_EXPLICIT;
    s->linux_.seccomp.mode = SPEC_SECCOMP_FILE;
    s->box.network.backend = SPEC_NET_PATH;
    s->box.restart = SPEC_RESTART_UNLESS_STOPPED;
    s->box.preserve_fds = 7;
    assert_int_equal(spec_parse_health_cmd("[\"/check\", \"a b\"]", &s->box.health, &e), 0);
    s->box.health.interval_ms = SPEC_HEALTH_BY_HAND;
    s->box.health.retries = 4;
    s->box.health.on_failure = SPEC_HEALTH_RESTART;
}

static void fill(struct spec *s)
{
    int n = 100;

    spec_init(s);
#define FILL_INT64(f) s->f = n++;
#define FILL_STRING(f) \
    free(s->f);        \
    s->f = xasprintf("string %d", n++);
#define FILL_LIST(f)                       \
    strv_done(&s->f);                      \
    strv_pushf(&s->f, "KEY%d=value", n++); \
    strv_pushf(&s->f, "KEY%d=va=lue", n++);
    INT64_FIELDS(FILL_INT64)
    STRING_FIELDS(FILL_STRING)
    LIST_FIELDS(FILL_LIST)
    fill_lists(s);
#define FLIP(f) s->f = !s->f;
    INT_FIELDS(FLIP)
    s->process.umask = 0027;
    s->process.oom_score_adj = -5;
    s->box.stop_signal = 9;
    s->box.restart_max = 3;
}

static void assert_same_list(const struct strv *a, const struct strv *b, const char *name)
{
    if (a->len != b->len) {
        print_error("%s: %zu and %zu\n", name, a->len, b->len);
    }
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_string_equal(a->v[i], b->v[i]);
    }
}

static void assert_same_mounts(const struct spec *a, const struct spec *b)
{
    assert_int_equal(a->mount_count, b->mount_count);
    for (size_t i = 0; i < a->mount_count; i++) {
        const struct spec_mount *x = &a->mounts[i];
        const struct spec_mount *y = &b->mounts[i];

        assert_string_equal(x->destination, y->destination);
        assert_string_equal(x->type, y->type);
        assert_string_equal(x->source, y->source);
        assert_true(str_eq(x->volume_name, y->volume_name));
        assert_true(str_eq(x->subpath, y->subpath));
        assert_int_equal(x->from_image, y->from_image);
        assert_int_equal(x->is_anonymous, y->is_anonymous);
        assert_same_list(&x->options, &y->options, "mount options");
    }
}

static void assert_same_network(const struct spec *a, const struct spec *b)
{
    assert_int_equal(a->box.network.port_count, b->box.network.port_count);
    for (size_t i = 0; i < a->box.network.port_count; i++) {
        const struct spec_port *x = &a->box.network.ports[i];
        const struct spec_port *y = &b->box.network.ports[i];

        assert_true(str_eq(x->host_ip, y->host_ip));
        assert_int_equal(x->host_port, y->host_port);
        assert_int_equal(x->container_port, y->container_port);
        assert_int_equal(x->count, y->count);
        assert_int_equal(x->udp, y->udp);
    }
    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        assert_int_equal(a->linux_.namespaces[i].mode, b->linux_.namespaces[i].mode);
        assert_true(str_eq(a->linux_.namespaces[i].target, b->linux_.namespaces[i].target));
    }
}

static void assert_same_linux(const struct spec *a, const struct spec *b)
{
    assert_int_equal(a->process.rlimit_count, b->process.rlimit_count);
    for (size_t i = 0; i < a->process.rlimit_count; i++) {
        assert_memory_equal(&a->process.rlimits[i], &b->process.rlimits[i],
                            sizeof(a->process.rlimits[i]));
    }
    assert_memory_equal(&a->process.capabilities, &b->process.capabilities,
                        sizeof(a->process.capabilities));
    assert_int_equal(a->linux_.uid_mappings.count, b->linux_.uid_mappings.count);
    assert_memory_equal(a->linux_.uid_mappings.rows, b->linux_.uid_mappings.rows,
                        a->linux_.uid_mappings.count * sizeof(struct spec_idmap_row));
    assert_int_equal(a->linux_.gid_mappings.count, b->linux_.gid_mappings.count);
    assert_int_equal(a->linux_.gid_mappings.rows[0].host_id,
                     b->linux_.gid_mappings.rows[0].host_id);
    assert_int_equal(a->linux_.device_count, b->linux_.device_count);
    assert_string_equal(a->linux_.devices[0].host_path, b->linux_.devices[0].host_path);
    assert_string_equal(a->linux_.devices[0].path, b->linux_.devices[0].path);
    assert_string_equal(a->linux_.devices[0].access, b->linux_.devices[0].access);
    assert_int_equal(a->linux_.userns.mode, b->linux_.userns.mode);
    assert_int_equal(a->box.ipc, b->box.ipc);
    assert_int_equal(a->linux_.seccomp.mode, b->linux_.seccomp.mode);
    assert_int_equal(a->box.network.backend, b->box.network.backend);
    assert_int_equal(a->box.restart, b->box.restart);
    assert_int_equal(a->box.preserve_fds, b->box.preserve_fds);
    assert_same_list(&a->box.health.test, &b->box.health.test, "health check");
    assert_int_equal(a->box.health.interval_ms, b->box.health.interval_ms);
    assert_int_equal(a->box.health.retries, b->box.health.retries);
    assert_int_equal(a->box.health.on_failure, b->box.health.on_failure);
}

static void every_field_survives(void **unused)
{
    struct spec a;
    struct spec b;
    struct err e = {0};
    char *text = NULL;
    char *again = NULL;

    (void)unused;
    fill(&a);
    text = spec_json_write(&a);
    if (spec_json_read(text, strlen(text), &b, &e) < 0) {
        print_error("%s\n", e.msg);
        fail();
    }
#define SAME_INT(f)    assert_int_equal(a.f, b.f);
#define SAME_STRING(f) assert_string_equal(a.f, b.f);
#define SAME_LIST(f)   assert_same_list(&a.f, &b.f, #f);
    INT_FIELDS(SAME_INT)
    INT64_FIELDS(SAME_INT)
    STRING_FIELDS(SAME_STRING)
    LIST_FIELDS(SAME_LIST)
    assert_same_mounts(&a, &b);
    assert_same_network(&a, &b);
    assert_same_linux(&a, &b);
    again = spec_json_write(&b);
    assert_string_equal(text, again);
    free(text);
    free(again);
    spec_done(&a);
    spec_done(&b);
}

static void the_defaults_survive(void **unused)
{
    struct spec a;
    struct spec b;
    struct err e = {0};
    char *text = NULL;
    char *again = NULL;

    (void)unused;
    spec_init(&a);
    text = spec_json_write(&a);
    assert_int_equal(spec_json_read(text, strlen(text), &b, &e), 0);
    again = spec_json_write(&b);
    assert_string_equal(text, again);
    free(text);
    free(again);
    spec_done(&a);
    spec_done(&b);
}

/* The value at @path ("a.b.0") of @root. */
static json_t *at(json_t *root, const char *path)
{
    struct strv words = {0};
    json_t *v = root;

    strv_split(&words, path, '.');
    for (size_t i = 0; i < words.len; i++) {
        v = json_is_array(v) ? json_array_get(v, strtoul(words.v[i], NULL, 10))
                             : json_object_get(v, words.v[i]);
    }
    strv_done(&words);
    return v;
}

static void names_are_those_of_the_oci_runtime_spec(void **unused)
{
    /* https://github.com/opencontainers/runtime-spec: config.md, config-linux.md (1.1.0) */
    static const char *const present[] = {
        "ociVersion",
        "process.terminal",
        "process.args.0",
        "process.env.0",
        "process.cwd",
        "process.user.umask",
        "process.capabilities.bounding.0",
        "process.capabilities.inheritable",
        "process.rlimits.0.soft",
        "process.rlimits.0.hard",
        "process.noNewPrivileges",
        "process.oomScoreAdj",
        "root.path",
        "root.readonly",
        "hostname",
        "mounts.0.destination",
        "mounts.0.type",
        "mounts.0.source",
        "mounts.0.options.0",
        "linux.uidMappings.0.containerID",
        "linux.uidMappings.0.hostID",
        "linux.uidMappings.0.size",
        "linux.gidMappings.0.containerID",
        "linux.maskedPaths.0",
        "linux.readonlyPaths.0",
        "linux.sysctl",
        "linux.cgroupsPath",
        "linux.resources.memory.limit",
        "linux.resources.memory.swap",
        "linux.resources.memory.reservation",
        "linux.resources.cpu.quota",
        "linux.resources.cpu.period",
        "linux.resources.cpu.shares",
        "linux.resources.cpu.cpus",
        "linux.resources.cpu.mems",
        "linux.resources.pids.limit",
        "linux.resources.blockIO.weight",
        "linux.resources.unified",
        "annotations",
    };
    struct spec s;
    struct err e = {0};
    json_t *root = NULL;
    char *text = NULL;

    (void)unused;
    fill(&s);
    text = spec_json_write(&s);
    assert_int_equal(json_parse(text, strlen(text), "config.json", &root, &e), 0);
    for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++) {
        if (at(root, present[i]) == NULL) {
            print_error("there is no %s\n", present[i]);
            fail();
        }
    }
    assert_string_equal(json_string_value(at(root, "process.rlimits.0.type")), "RLIMIT_NOFILE");
    assert_string_equal(json_string_value(at(root, "process.capabilities.bounding.0")),
                        "CAP_CHOWN");
    assert_string_equal(json_string_value(at(root, "linux.namespaces.0.type")), "user");
    assert_string_equal(json_string_value(at(root, "linux.namespaces.1.type")), "mount");
    assert_string_equal(json_string_value(at(root, "linux.namespaces.2.type")), "uts");
    assert_string_equal(json_string_value(at(root, "linux.namespaces.2.path")), "/proc/1/ns/uts");
    json_decref(root);
    free(text);
    spec_done(&s);
}

static void a_damaged_file_is_refused_by_the_field(void **unused)
{
    static const char *const rows[][2] = {
        {"", "config.json is not valid JSON: '[' or '{' expected near end of file (line 1, column "
             "0)"},
        {"{\"hostname\": 5}", "config.json: field 'hostname' has the wrong type"},
        {"{\"process\": {\"args\": \"sh\"}}",
         "config.json: field 'process.args' has the wrong type"},
        {"{\"process\": {\"args\": [1]}}", "config.json: field 'process.args' has the wrong type"},
        {"{\"process\": {\"user\": {\"umask\": 99999999999}}}",
         "config.json: field 'process.user.umask' has the wrong type"},
        {"{\"process\": {\"terminal\": 1}}",
         "config.json: field 'process.terminal' has the wrong type"},
        {"{\"process\": {\"capabilities\": {\"bounding\": [\"CAP_NONE\"]}}}",
         "config.json: field 'process.capabilities' has the wrong type"},
        {"{\"process\": {\"rlimits\": [{\"type\": \"RLIMIT_X\", \"soft\": 1, \"hard\": 1}]}}",
         "config.json: field 'process.rlimits' has the wrong type"},
        {"{\"mounts\": [{\"type\": \"bind\"}]}", "config.json: field 'mounts' has the wrong type"},
        {"{\"linux\": {\"uidMappings\": [{\"containerID\": 0, \"hostID\": -1, \"size\": 1}]}}",
         "config.json: field 'linux.uidMappings' has the wrong type"},
        {"{\"rbox\": {\"restart\": \"perhaps\"}}",
         "config.json: field 'rbox.restart' has the wrong type"},
        {"{\"rbox\": {\"preserveFDs\": -1}}",
         "config.json: field 'rbox.preserveFDs' has the wrong type"},
        {"{\"rbox\": {\"network\": {\"ports\": [{\"hostPort\": 70000, \"containerPort\": 1, "
         "\"count\": 1, \"protocol\": \"tcp\"}]}}}",
         "config.json: field 'rbox.network.ports' has the wrong type"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec s;
        struct err e = {0};

        assert_true(spec_json_read(rows[i][0], strlen(rows[i][0]), &s, &e) < 0);
        assert_string_equal(e.msg, rows[i][1]);
    }
}

/* The quick reader gives the same of what it gives, and refuses the same. */
static void the_listed_fields_are_those_of_the_whole(void **unused)
{
    struct spec whole;
    struct spec some;
    struct spec s;
    struct err e = {0};
    autofree char *text = NULL;
    const char *end = NULL;

    (void)unused;
    fill(&s);
    text = spec_json_write(&s);
    assert_int_equal(spec_json_read(text, strlen(text), &whole, &e), 0);
    assert_int_equal(spec_json_read_listed(text, strlen(text), &some, &e), 0);
    assert_string_equal(some.box.id, whole.box.id);
    assert_string_equal(some.box.name, whole.box.name);
    assert_string_equal(some.box.image_id, whole.box.image_id);
    assert_int_equal(some.box.created_ns, whole.box.created_ns);
    assert_int_equal(some.box.layers.len, whole.box.layers.len);
    assert_int_equal(some.box.labels.len, whole.box.labels.len);
    assert_true(whole.process.args.len > 0);
    assert_string_equal(some.process.args.v[0], whole.process.args.v[0]);
    assert_int_equal(some.mount_count, whole.mount_count);
    assert_int_equal(some.box.network.port_count, whole.box.network.port_count);
    assert_null(some.hostname);
    spec_done(&some);
    spec_done(&whole);
    spec_done(&s);
    end = strstr(text, SPEC_LISTED_END);
    assert_non_null(end);
    assert_int_equal(spec_json_read_listed(text, (size_t)(end - text) + 30, &some, &e), 0);
    spec_done(&some);
    assert_int_equal(spec_json_read_listed(text, (size_t)(end - text) - 10, &some, &e), -EINVAL);
    assert_int_equal(spec_json_read_listed("{\"rbox\": {\"id\": 1}}", 19, &some, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_survives),
        cmocka_unit_test(the_defaults_survive),
        cmocka_unit_test(names_are_those_of_the_oci_runtime_spec),
        cmocka_unit_test(a_damaged_file_is_refused_by_the_field),
        cmocka_unit_test(the_listed_fields_are_those_of_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
