/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object that `rbox inspect` prints, with docker's names; declared in container.h. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "box/caps.h"
#include "box/logs.h"
#include "cli/container.h"
#include "sys/compat.h"

#include <stdlib.h>
#include <string.h>

/* RFC 3339 in UTC, as docker writes it; the year 1 stands for "not yet" there. */
static json_t *time_value(int64_t ns)
{
    char text[CLOCK_TEXT_BYTES];

    return json_string(ns == 0 ? "0001-01-01T00:00:00Z" : clock_text(ns, text));
}

static json_t *string_value(const char *s)
{
    return json_str(s != NULL ? s : "");
}

static json_t *state(const struct container *c)
{
    json_t *o = json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o}", "Status",
                          container_state(c), "Running", c->is_running, "Paused", c->is_paused,
                          "Restarting", 0, "OOMKilled", c->oom_killed, "Dead", 0, "Pid",
                          (json_int_t)c->pid, "ExitCode", (json_int_t)c->status, "Error",
                          string_value(c->error), "Reason", string_value(c->reason), "StartedAt",
                          time_value(c->started_ns), "FinishedAt", time_value(c->finished_ns));

    (void)json_object_set_new(
        o, "Health",
        c->health != NULL ? json_incref(c->health)
                          : json_pack("{s:s, s:i, s:[]}", "Status", "", "FailingStreak", 0, "Log"));
    return o;
}

/* "rprivate" or what the options say, as docker writes it. */
static const char *propagation(const struct spec_mount *m)
{
    static const char *const WORDS[] = {"shared",  "rshared",    "slave",      "rslave",
                                        "private", "unbindable", "runbindable"};

    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (strv_has(&m->options, WORDS[i])) {
            return WORDS[i];
        }
    }
    return strcmp(m->type, "tmpfs") == 0 ? "" : "rprivate";
}

static json_t *mounts(const struct store *store, const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];
        autofree char *source = m->volume_name != NULL
                                    ? xasprintf("%s/volumes/%s/_data", store->path, m->volume_name)
                                    : xstrdup_null(m->source);

        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:b, s:s}", "Type", m->type, "Name",
                      string_value(m->volume_name), "Source", string_value(source), "Destination",
                      m->destination, "Driver", m->volume_name != NULL ? "local" : "", "Mode", "",
                      "Options", json_from_strv(&m->options), "RW", !strv_has(&m->options, "ro"),
                      "Propagation", propagation(m)));
    }
    return list;
}

static json_t *config(const struct spec *s)
{
    autofree char *signal = xasprintf(
        "%s", sigabbrev_np(s->box.stop_signal) != NULL ? sigabbrev_np(s->box.stop_signal) : "");

    json_t *health = spec_health_write(&s->box.health);

    return json_pack("{s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o*}",
                     "Hostname", string_value(s->hostname), "User", string_value(s->process.user),
                     "Tty", s->process.terminal, "OpenStdin", s->box.interactive, "Env",
                     json_from_strv(&s->process.env), "Cmd", json_from_strv(&s->process.args),
                     "Image", string_value(s->box.image_name), "WorkingDir",
                     string_value(s->process.cwd), "Labels", json_from_pairs(&s->box.labels),
                     "Annotations", json_from_pairs(&s->box.annotations), "StopTimeout",
                     (json_int_t)(s->box.stop_timeout_ms / 1000), "StopSignal",
                     string_value(signal), "CreateCommand", json_from_strv(&s->box.create_command),
                     "Healthcheck", health);
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} */
static json_t *port_bindings(const struct spec *s)
{
    json_t *o = json_object();

    for (size_t i = 0; i < s->box.network.port_count; i++) {
        const struct spec_port *p = &s->box.network.ports[i];

        for (unsigned int k = 0; k < p->count; k++) {
            autofree char *key = xasprintf("%u/%s", p->container_port + k, p->udp ? "udp" : "tcp");
            autofree char *host = xasprintf("%u", p->host_port == 0 ? 0 : p->host_port + k);
            json_t *list = json_object_get(o, key);

            if (list == NULL) {
                list = json_array();
                (void)json_object_set_new(o, key, list);
            }
            (void)json_array_append_new(
                list,
                json_pack("{s:o, s:s}", "HostIp", string_value(p->host_ip), "HostPort", host));
        }
    }
    return o;
}

static json_t *caps_list(uint64_t mask)
{
    json_t *list = json_array();

    for (int cap = 0; caps_name(cap) != NULL; cap++) {
        if ((mask >> cap & 1) != 0) {
            (void)json_array_append_new(list, json_string(caps_name(cap)));
        }
    }
    return list;
}

/* As docker has it: with --memory alone there is as much swap. */
static int64_t memory_and_swap(const struct spec_resources *r)
{
    if (r->memory_swap_max_bytes == -2) {
        return -1;
    }
    if (r->memory_swap_max_bytes > 0) {
        return r->memory_swap_max_bytes;
    }
    return r->memory_max_bytes > 0 && r->memory_max_bytes <= INT64_MAX / 2 ? 2 * r->memory_max_bytes
                                                                           : 0;
}

/* "PATH rbps=N" of @rows: [{"Path", "Rate"}…]. New reference. */
static json_t *device_rates(const struct strv *rows, const char *key)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rows->len; i++) {
        const char *space = strrchr(rows->v[i], ' ');
        const char *rate = space != NULL ? str_after(space + 1, key) : NULL;

        if (rate != NULL && *rate == '=') {
            (void)json_array_append_new(
                list, json_pack("{s:o, s:I}", "Path",
                                json_stringn(rows->v[i], (size_t)(space - rows->v[i])), "Rate",
                                (json_int_t)strtoll(rate + 1, NULL, 10)));
        }
    }
    return list;
}

static json_t *limits(const struct spec_resources *r)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "Memory",
        (json_int_t)(r->memory_max_bytes > 0 ? r->memory_max_bytes : 0), "MemorySwap",
        (json_int_t)memory_and_swap(r), "MemoryReservation",
        (json_int_t)(r->memory_low_bytes > 0 ? r->memory_low_bytes : 0), "CpuQuota",
        (json_int_t)(r->cpu_quota_us > 0 ? r->cpu_quota_us : 0), "CpuPeriod",
        (json_int_t)(r->cpu_period_us > 0 ? r->cpu_period_us : 0), "CpuShares",
        (json_int_t)(r->cpu_shares > 0 ? r->cpu_shares : 0), "CpusetCpus",
        string_value(r->cpuset_cpus), "CpusetMems", string_value(r->cpuset_mems), "PidsLimit",
        (json_int_t)r->pids_max, "BlkioWeight", (json_int_t)(r->io_weight > 0 ? r->io_weight : 0),
        "BlkioDeviceReadBps", device_rates(&r->io_max, "rbps"), "BlkioDeviceWriteBps",
        device_rates(&r->io_max, "wbps"), "BlkioDeviceReadIOps", device_rates(&r->io_max, "riops"),
        "BlkioDeviceWriteIOps", device_rates(&r->io_max, "wiops"));
}

/* "private", "host", "container:ID", "ns:PATH" */
static json_t *namespace_mode(const struct spec_namespace *n)
{
    static const char *const MODES[] = {[SPEC_NS_PRIVATE] = "private",
                                        [SPEC_NS_HOST] = "host",
                                        [SPEC_NS_CONTAINER] = "container",
                                        [SPEC_NS_PATH] = "ns"};

    return n->target == NULL ? json_string(MODES[n->mode])
                             : json_sprintf("%s:%s", MODES[n->mode], n->target);
}

static json_t *network_mode(const struct spec *s)
{
    static const char *const NETWORKS[] = {[SPEC_NET_SLIRP4NETNS] = "slirp4netns",
                                           [SPEC_NET_PASTA] = "pasta",
                                           [SPEC_NET_NONE] = "none",
                                           [SPEC_NET_HOST] = "host",
                                           [SPEC_NET_USER] = "bridge"};
    const enum spec_net backend = s->box.network.backend;

    return backend == SPEC_NET_CONTAINER || backend == SPEC_NET_PATH
               ? namespace_mode(&s->linux_.namespaces[SPEC_NS_NETWORK])
               : json_string(NETWORKS[backend]);
}

/* ["SOURCE:PLACE:OPTIONS"], of volumes and binds. */
static json_t *binds(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];
        const char *source = m->volume_name != NULL ? m->volume_name : m->source;
        autobuf struct buf options = {0};

        if (source == NULL || strcmp(m->type, "tmpfs") == 0) {
            continue;
        }
        buf_puts(&options, strv_has(&m->options, "ro") ? "" : "rw");
        for (size_t k = 0; k < m->options.len; k++) {
            buf_printf(&options, "%s%s", options.len > 0 ? "," : "", m->options.v[k]);
        }
        (void)json_array_append_new(list,
                                    json_sprintf("%s:%s:%s", source, m->destination, options.data));
    }
    return list;
}

static int64_t nano_cpus(const struct spec_resources *r)
{
    return r->cpu_quota_us > 0 && r->cpu_period_us > 0
               ? r->cpu_quota_us * 1000000 / r->cpu_period_us * 1000
               : 0;
}

/* What is said of the log, the network's files and others' namespaces. */
static json_t *host_config_more(const struct store *store, const struct spec *s)
{
    const struct spec_network *n = &s->box.network;
    const char *driver = s->box.log_driver != NULL ? s->box.log_driver : "k8s-file";
    autofree char *log = xasprintf("%s/containers/%s/" LOGS_FILE, store->path, s->box.id);

    return json_pack("{s:o, s:I, s:{s:s, s:n, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "Binds",
                     binds(s), "NanoCpus", (json_int_t)nano_cpus(&s->linux_.resources), "LogConfig",
                     "Type", driver, "Config", "Path", json_str(log), "Dns",
                     json_from_strv(&n->dns), "DnsSearch", json_from_strv(&n->dns_search),
                     "DnsOptions", json_from_strv(&n->dns_options), "ExtraHosts",
                     json_from_strv(&n->add_hosts), "GroupAdd",
                     json_from_strv(&s->process.additional_groups), "CgroupParent",
                     string_value(s->box.cgroup_parent), "OomScoreAdj", s->process.oom_score_adj);
}

/* Of the only network that it is in, as docker's default one is told; else empty. */
static json_t *network_settings(const struct store *store, const struct container *c)
{
    static const char *const FIELDS[] = {"Gateway",     "IPAddress",         "IPPrefixLen",
                                         "IPv6Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen",
                                         "MacAddress"};
    json_t *networks = container_networks(store, c);
    json_t *one =
        json_object_size(networks) == 1 ? json_object_iter_value(json_object_iter(networks)) : NULL;
    json_t *o = json_pack("{s:o, s:o}", "Ports", port_bindings(&c->spec), "Networks", networks);

    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        json_t *v = json_object_get(one, FIELDS[i]);
        json_t *empty = strstr(FIELDS[i], "Len") != NULL ? json_integer(0) : json_string("");

        (void)json_object_set(o, FIELDS[i], v != NULL ? v : empty);
        json_decref(empty);
    }
    return o;
}

static json_t *host_config(const struct store *store, const struct spec *s)
{
    static const char *const IPC[] = {"shareable", "private", "none"};
    const struct spec_namespace *ns = s->linux_.namespaces;
    static const char *const RESTARTS[] = {"no", "on-failure", "always", "unless-stopped"};
    json_t *o = limits(&s->linux_.resources);

    (void)json_object_update_new(
        o, json_pack("{s:o, s:o, s:{s:s, s:i}, s:b, s:b, s:b, s:b, s:I}", "NetworkMode",
                     network_mode(s), "PortBindings", port_bindings(s), "RestartPolicy", "Name",
                     RESTARTS[s->box.restart], "MaximumRetryCount", s->box.restart_max,
                     "AutoRemove", s->box.remove, "Privileged", s->box.privileged, "ReadonlyRootfs",
                     s->root_readonly, "Init", s->box.init, "ShmSize",
                     (json_int_t)s->box.shm_size_bytes));
    (void)json_object_update_new(
        o, json_pack("{s:o, s:o, s:o, s:o}", "PidMode", namespace_mode(&ns[SPEC_NS_PID]), "IpcMode",
                     ns[SPEC_NS_IPC].mode == SPEC_NS_PRIVATE ? json_string(IPC[s->box.ipc])
                                                             : namespace_mode(&ns[SPEC_NS_IPC]),
                     "UTSMode", namespace_mode(&ns[SPEC_NS_UTS]), "CgroupnsMode",
                     namespace_mode(&ns[SPEC_NS_CGROUP])));
    (void)json_object_update_new(o, host_config_more(store, s));
    return o;
}

json_t *container_inspect(const struct store *store, const struct container *c)
{
    const struct spec *s = &c->spec;
    struct strv arguments = s->process.args;
    json_t *o = NULL;

    if (arguments.len > 0) {
        arguments.v++;
        arguments.len--;
    }
    o = json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "Id", string_value(s->box.id),
                  "Name", string_value(s->box.name), "RestartCount", (json_int_t)c->restarts,
                  "Created", time_value(c->created_ns), "Path",
                  string_value(s->process.args.len > 0 ? s->process.args.v[0] : NULL), "Args",
                  json_from_strv(&arguments), "State", state(c), "Image",
                  string_value(s->box.image_id), "ImageName",
                  string_value(s->box.image_name != NULL ? s->box.image_name : s->box.rootfs));
    (void)json_object_update_new(
        o, json_pack("{s:o, s:o, s:{s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "ProcessLabel",
                     string_value(s->process.selinux_label), "MountLabel",
                     string_value(s->linux_.mount_label), "GraphDriver", "Name",
                     string_value(s->box.storage_driver), "Driver",
                     string_value(s->box.storage_driver), "EffectiveCaps",
                     caps_list(s->process.capabilities.effective), "BoundingCaps",
                     caps_list(s->process.capabilities.bounding), "Mounts", mounts(store, s),
                     "Config", config(s), "HostConfig", host_config(store, s), "NetworkSettings",
                     network_settings(store, c)));
    (void)json_object_set_new(o, "Limits",
                              c->limits != NULL ? json_incref(c->limits) : json_null());
    return o;
}
