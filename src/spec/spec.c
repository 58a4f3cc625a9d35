/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec.h"

#include "base/cleanup.h"
#include "spec/spec_join.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP:
 * podman's 11. */
enum {
    DEFAULT_CAPS = 0x800405fb
};

static const char *const MASKED[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
    "/sys/dev/block",
    "/sys/devices/system/cpu/cpu*/thermal_throttle",
};

static const char *const READONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};

enum {
    RLIMIT_DEFAULT = 1048576,
    PIDS_DEFAULT = 2048,
    SHM_DEFAULT_BYTES = 64 << 20,
    STOP_DEFAULT_MS = 10000
};

static void init_resources(struct spec_resources *r)
{
    r->memory_max_bytes = SPEC_ID_UNSET;
    r->memory_swap_max_bytes = SPEC_ID_UNSET;
    r->memory_low_bytes = SPEC_ID_UNSET;
    r->cpu_quota_us = SPEC_ID_UNSET;
    r->cpu_period_us = SPEC_ID_UNSET;
    r->cpu_shares = SPEC_ID_UNSET;
    r->io_weight = SPEC_ID_UNSET;
    r->pids_max = PIDS_DEFAULT;
}

const char *const SPEC_SDNOTIFY_NAMES[] = {
    [SPEC_SDNOTIFY_DEFAULT] = "default", [SPEC_SDNOTIFY_CONTAINER] = "container",
    [SPEC_SDNOTIFY_CONMON] = "conmon",   [SPEC_SDNOTIFY_HEALTHY] = "healthy",
    [SPEC_SDNOTIFY_IGNORE] = "ignore",   NULL};

void spec_init_bare(struct spec *s)
{
    static const int LIMITS[] = {RLIMIT_NOFILE, RLIMIT_NPROC};

    memset(s, 0, sizeof(*s));
    s->process.umask = 0022;
    s->process.capabilities.bounding = DEFAULT_CAPS;
    s->process.capabilities.effective = DEFAULT_CAPS;
    s->process.capabilities.permitted = DEFAULT_CAPS;
    for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
        *spec_add_rlimit(s) = (struct spec_rlimit){
            .resource = LIMITS[i], .soft = RLIMIT_DEFAULT, .hard = RLIMIT_DEFAULT};
    }
    s->linux_.userns.keep_uid = SPEC_ID_UNSET;
    s->linux_.userns.keep_gid = SPEC_ID_UNSET;
    init_resources(&s->linux_.resources);
    s->box.read_only_tmpfs = 1;
    s->box.shm_size_bytes = SHM_DEFAULT_BYTES;
    s->box.stop_signal = SIGTERM;
    s->box.stop_timeout_ms = STOP_DEFAULT_MS;
}

void spec_init(struct spec *s)
{
    spec_init_bare(s);
    for (size_t i = 0; i < sizeof(MASKED) / sizeof(MASKED[0]); i++) {
        strv_push(&s->linux_.masked_paths, MASKED[i]);
    }
    for (size_t i = 0; i < sizeof(READONLY) / sizeof(READONLY[0]); i++) {
        strv_push(&s->linux_.readonly_paths, READONLY[i]);
    }
}

void spec_mount_done(struct spec_mount *m)
{
    free(m->destination);
    free(m->type);
    free(m->source);
    free(m->volume_name);
    free(m->subpath);
    strv_done(&m->options);
}

static void linux_done(struct spec_linux *l)
{
    struct spec_resources *r = &l->resources;

    free(l->uid_mappings.rows);
    free(l->gid_mappings.rows);
    strv_done(&l->userns.uidmap);
    strv_done(&l->userns.gidmap);
    free(l->userns.target);
    for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
        free(l->namespaces[i].target);
    }
    for (size_t i = 0; i < l->device_count; i++) {
        free(l->devices[i].host_path);
        free(l->devices[i].path);
        free(l->devices[i].access);
    }
    free(l->devices);
    strv_done(&l->masked_paths);
    strv_done(&l->readonly_paths);
    strv_done(&l->sysctl);
    free(r->cpuset_cpus);
    free(r->cpuset_mems);
    strv_done(&r->io_max);
    strv_done(&r->unified);
    free(l->seccomp.profile);
    strv_done(&l->label_options);
    free(l->mount_label);
}

static void network_done(struct spec_network *n)
{
    strv_done(&n->options);
    strv_done(&n->dns);
    strv_done(&n->dns_search);
    strv_done(&n->dns_options);
    strv_done(&n->add_hosts);
    for (size_t i = 0; i < n->port_count; i++) {
        free(n->ports[i].host_ip);
    }
    free(n->ports);
    for (size_t i = 0; i < n->join_count; i++) {
        spec_join_done(&n->joins[i]);
    }
    free(n->joins);
    strv_done(&n->aliases);
    free(n->ip);
    free(n->ip6);
    free(n->mac);
    strv_done(&n->exposed);
    strv_done(&n->allow_net);
    free(n->net_log);
}

static void box_done(struct spec_box *b)
{
    char *const strings[] = {b->id,
                             b->name,
                             b->image_name,
                             b->image_id,
                             b->rootfs,
                             b->tz,
                             b->storage_driver,
                             b->log_driver,
                             b->cgroups,
                             b->cgroup_manager,
                             b->cgroup_parent,
                             b->cgroup_name,
                             b->report};

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        free(strings[i]);
    }
    strv_done(&b->layers);
    strv_done(&b->labels);
    strv_done(&b->annotations);
    strv_done(&b->requires);
    strv_done(&b->secret_env);
    strv_done(&b->create_command);
    spec_health_done(&b->health);
    network_done(&b->network);
}

void spec_done(struct spec *s)
{
    strv_done(&s->process.args);
    strv_done(&s->process.env);
    strv_done(&s->process.additional_groups);
    free(s->process.cwd);
    free(s->process.user);
    free(s->process.selinux_label);
    free(s->process.rlimits);
    free(s->hostname);
    free(s->domainname);
    for (size_t i = 0; i < s->mount_count; i++) {
        spec_mount_done(&s->mounts[i]);
    }
    free(s->mounts);
    linux_done(&s->linux_);
    box_done(&s->box);
    memset(s, 0, sizeof(*s));
}

/* Grow @array by a zeroed element and return it. */
static void *grow(void *array, size_t *count, size_t size)
{
    void **p = array;
    char *element = NULL;

    *p = xrealloc(*p, *count + 1, size);
    element = (char *)*p + *count * size;
    memset(element, 0, size);
    (*count)++;
    return element;
}

struct spec_mount *spec_add_mount(struct spec *s)
{
    return grow(&s->mounts, &s->mount_count, sizeof(*s->mounts));
}

struct spec_device *spec_add_device(struct spec *s)
{
    return grow(&s->linux_.devices, &s->linux_.device_count, sizeof(*s->linux_.devices));
}

struct spec_rlimit *spec_add_rlimit(struct spec *s)
{
    return grow(&s->process.rlimits, &s->process.rlimit_count, sizeof(*s->process.rlimits));
}

struct spec_port *spec_add_port(struct spec *s)
{
    return grow(&s->box.network.ports, &s->box.network.port_count, sizeof(*s->box.network.ports));
}

struct spec_join *spec_add_join(struct spec *s)
{
    return grow(&s->box.network.joins, &s->box.network.join_count, sizeof(*s->box.network.joins));
}

void spec_idmap_add(struct spec_idmap *m, uint32_t container_id, uint32_t host_id, uint32_t size)
{
    struct spec_idmap_row *row = grow(&m->rows, &m->count, sizeof(*m->rows));

    *row = (struct spec_idmap_row){.container_id = container_id, .host_id = host_id, .size = size};
}

static size_t env_find(const struct strv *env, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < env->len; i++) {
        if (strncmp(env->v[i], key, len) == 0 && env->v[i][len] == '=') {
            return i;
        }
    }
    return env->len;
}

const char *spec_env_get(const struct strv *env, const char *key)
{
    size_t i = env_find(env, key);

    return i < env->len ? env->v[i] + strlen(key) + 1 : NULL;
}

int spec_env_has(const struct strv *env, const char *wanted)
{
    autofree char *key = xstrndup(wanted, strcspn(wanted, "="));
    const char *value = spec_env_get(env, key);

    return value != NULL &&
           (wanted[strlen(key)] == '\0' || strcmp(value, strchr(wanted, '=') + 1) == 0);
}

void spec_env_set(struct strv *env, const char *key, const char *value)
{
    char *pair = xasprintf("%s=%s", key, value);
    size_t i = env_find(env, key);

    if (i < env->len) {
        free(env->v[i]);
        env->v[i] = pair;
    } else {
        strv_take(env, pair);
    }
}
