/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What will run: pure data, no side effects. Sections and names are those of the OCI runtime spec
 * (https://github.com/opencontainers/runtime-spec/blob/main/config.md); what that spec has no place
 * for stands in struct spec_box, written under the key "rbox" of config.json.
 *
 * Calling sequence: spec_init() gives podman's defaults; spec_merge.h puts image and options in;
 * spec_json.h writes and reads config.json; the core (box/) starts it. Zero is a good value for
 * every field that spec_init() does not set. All pointers belong to the spec; spec_done() frees
 * them. */
#ifndef RBOX_SPEC_SPEC_H
#define RBOX_SPEC_SPEC_H

#include "base/mem.h"
#include "spec/spec_health.h"

#include <stdint.h>
#include <sys/types.h>

enum {
    SPEC_ID_UNSET = -1
};

/* ---- process */

struct spec_rlimit {
    int resource; /* RLIMIT_… */
    uint64_t soft;
    uint64_t hard;
    int asked; /* by an option: cannot be had is an error; a default is lowered to the caller's hard
                  limit */
};

struct spec_caps { /* one bit a capability, 1 << CAP_… */
    uint64_t bounding;
    uint64_t effective;
    uint64_t inheritable; /* always 0 (CVE-2022-24769) but kept, as config.json has it */
    uint64_t permitted;
    uint64_t ambient;
};

enum spec_streams {
    SPEC_STDIN = 1 << 0,
    SPEC_STDOUT = 1 << 1,
    SPEC_STDERR = 1 << 2
};

struct spec_process {
    int terminal;     /* -t */
    int attached;     /* of a run in the foreground: SPEC_STDIN…; 0: all. Not in config.json */
    struct strv args; /* entrypoint and command; empty is an error when started */
    struct strv env;  /* "K=V" */
    char *cwd;        /* absolute */
    char *user; /* "name|uid[:group|gid]" as given, resolved inside the root by the child; NULL =
                   0:0 */
    int umask;  /* 0022 */
    struct strv additional_groups; /* --group-add: names or numbers, resolved like user */
    int keep_groups;               /* --group-add keep-groups: no setgroups at all */
    struct spec_caps capabilities;
    struct spec_rlimit *rlimits;
    size_t rlimit_count;
    int no_new_privileges;
    char *selinux_label; /* or NULL */
    int oom_score_adj;
    int oom_score_adj_set;
};

/* ---- mounts: type, source and options as in the OCI spec.
 * type "bind": source is an absolute host path. type "tmpfs", "proc", "sysfs", "devpts", "mqueue",
 * "cgroup2": source is the type. type "volume": volume_name is a volume of the store; source is the
 * same, or "" for an anonymous one, which has a name once the container has an id. type "overlay":
 * source is a host path whose changes go to a throw-away upper (option upperdir=,workdir= keep
 * them). type "secret": source is a secret's name, options are uid= gid= mode=. options: ro rw
 * nosuid suid nodev dev noexec exec noatime relatime strictatime [r]bind [r]private [r]shared
 * [r]slave U z Z create nocopy tmpcopyup notmpcopyup, and tmpfs' own size= mode= nr_inodes= uid=
 * gid=. */
struct spec_mount {
    char *destination; /* absolute path inside */
    char *type;
    char *source;
    struct strv options;
    char *volume_name; /* of a volume, else NULL */
    int is_anonymous;  /* made with the container, or another one (--volumes-from) */
    char *subpath;     /* beneath source, or NULL */
    int from_image;    /* a VOLUME of the image config: may be replaced by any option for the same
                          place */
};

struct spec_device {
    char *host_path;
    char *path;   /* inside */
    char *access; /* "rwm"; only said, a user namespace cannot enforce it */
};

/* ---- linux */

struct spec_idmap_row {
    uint32_t container_id;
    uint32_t host_id;
    uint32_t size;
};

struct spec_idmap {
    struct spec_idmap_row *rows;
    size_t count;
};

enum spec_ns {
    SPEC_NS_PID,
    SPEC_NS_IPC,
    SPEC_NS_UTS,
    SPEC_NS_NETWORK,
    SPEC_NS_CGROUP,
    SPEC_NS_COUNT
};

enum spec_ns_mode {
    SPEC_NS_PRIVATE = 0,
    SPEC_NS_HOST,
    SPEC_NS_CONTAINER,
    SPEC_NS_PATH
};

struct spec_namespace {
    enum spec_ns_mode mode;
    char *target; /* container id or name, or a path */
};

/* How the user's own and subordinate ids become the container's (--userns, --uidmap, --gidmap). */
enum spec_userns_mode {
    SPEC_USERNS_DEFAULT = 0,
    SPEC_USERNS_KEEP_ID,
    SPEC_USERNS_NOMAP,
    SPEC_USERNS_EXPLICIT,
    SPEC_USERNS_CONTAINER,
    SPEC_USERNS_PATH
};

struct spec_userns {
    enum spec_userns_mode mode;
    int64_t keep_uid; /* keep-id:uid=,gid= ; SPEC_ID_UNSET = the caller's own */
    int64_t keep_gid;
    struct strv uidmap; /* EXPLICIT: "container:intermediate:size" as given, intermediate ids of
                           podman's rootless map */
    struct strv gidmap;
    int asked; /* by --userns, --uidmap or --gidmap: nothing is chosen instead; not in config.json
                */
    char *target; /* container or path whose ids they are */
};

/* Limits of cgroup v2; each with "asked" because one that was asked for and can't be had is an
 * error. Unset = -1. */
struct spec_resources {
    int64_t memory_max_bytes;
    int64_t
        memory_swap_max_bytes; /* memory and swap together as the option has it; -2 = unlimited */
    int64_t memory_low_bytes;
    int64_t cpu_quota_us;
    int64_t cpu_period_us;
    int64_t cpu_shares;
    char *cpuset_cpus;
    char *cpuset_mems;
    int64_t pids_max; /* spec_init: 2048, pids_asked 0; 0 = unlimited */
    int pids_asked;
    int64_t io_weight;
    struct strv io_max;  /* "PATH rbps=N" … */
    struct strv unified; /* --cgroup-conf K=V */
    int best_effort;     /* --limits=best-effort: run with less than was asked for */
};

enum spec_seccomp_mode {
    SPEC_SECCOMP_DEFAULT = 0,
    SPEC_SECCOMP_NESTED,
    SPEC_SECCOMP_UNCONFINED,
    SPEC_SECCOMP_FILE
};

struct spec_seccomp {
    enum spec_seccomp_mode mode;
    char *profile; /* path of a docker-format JSON profile */
};

struct spec_linux {
    struct spec_idmap uid_mappings; /* filled in by userns/idmap from the mode below */
    struct spec_idmap gid_mappings;
    struct spec_userns userns;
    struct spec_namespace namespaces[SPEC_NS_COUNT];
    struct spec_device *devices;
    size_t device_count;
    struct strv masked_paths;
    struct strv readonly_paths;
    struct strv sysctl; /* "K=V" */
    struct spec_resources resources;
    struct spec_seccomp seccomp;
    int no_nested_userns;      /* --security-opt no-nested-userns */
    struct strv label_options; /* --security-opt label=: see spec_label.h */
    char *mount_label; /* of SELinux: the root's, and that of what is mounted for it alone; or NULL
                        */
};

/* ---- rbox's own */

enum spec_net {
    SPEC_NET_SLIRP4NETNS = 0,
    SPEC_NET_PASTA,
    SPEC_NET_NONE,
    SPEC_NET_HOST,
    SPEC_NET_CONTAINER,
    SPEC_NET_PATH,
    SPEC_NET_USER /* networks of the user's own, see joins */
};

/* A user network that the container is in: what was asked for (NULL: nothing), and what it got when
 * it was last started. See spec_join.h. */
struct spec_join {
    char *network;
    struct strv aliases;
    char *ip;
    char *ip6;
    char *mac;
    char *interface;

    char *address; /* NULL: it has not been started */
    int64_t prefix;
    char *gateway;
    char *address6;
    int64_t prefix6;
    char *gateway6;
    char *used_mac;
    char *used_interface;
    int has_dns;     /* the gateway answers for names */
    int is_internal; /* there is no way out */
};

struct spec_port {
    char *host_ip;      /* NULL = all */
    uint16_t host_port; /* 0 = any free one */
    uint16_t container_port;
    uint16_t count; /* length of the range, at least 1 */
    int udp;
};

struct spec_network {
    enum spec_net backend;
    struct strv options; /* of the backend: "cidr=10.0.3.0/24", "allow_host_loopback=true", … */
    struct spec_join *joins;
    size_t join_count;
    struct strv aliases; /* --network-alias: in all of its networks */
    char *ip;            /* --ip, --ip6, --mac-address: in the only one */
    char *ip6;
    char *mac;
    struct strv dns; /* "none" alone leaves the image's file */
    struct strv dns_search;
    struct strv dns_options;
    struct strv add_hosts; /* "name;name2:ip" with host-gateway resolved by the core */
    int no_hosts;
    struct spec_port *ports;
    size_t port_count;
    int publish_all;
    struct strv exposed;   /* "80/tcp" of image and --expose */
    struct strv allow_net; /* --allow-net, entries as given; egress.h has their form */
    char *net_log;         /* --net-log FILE, absolute, or "-"; or NULL */
    int allow_net_set;     /* even when the list is empty: nothing is allowed then */
};

enum spec_restart {
    SPEC_RESTART_NO = 0,
    SPEC_RESTART_ON_FAILURE,
    SPEC_RESTART_ALWAYS,
    SPEC_RESTART_UNLESS_STOPPED
};

/* Who tells the service manager that the container is ready (--sdnotify). */
enum spec_sdnotify {
    SPEC_SDNOTIFY_DEFAULT = 0, /* nothing was asked for: the container, if it likes to */
    SPEC_SDNOTIFY_CONTAINER,
    SPEC_SDNOTIFY_CONMON,  /* rbox, when the command runs; podman's word */
    SPEC_SDNOTIFY_HEALTHY, /* rbox, when its check says so */
    SPEC_SDNOTIFY_IGNORE
};

extern const char *const SPEC_SDNOTIFY_NAMES[]; /* ends with NULL */

/* Who may join its IPC namespace (--ipc). */
enum spec_ipc {
    SPEC_IPC_SHAREABLE = 0,
    SPEC_IPC_PRIVATE,
    SPEC_IPC_NONE /* nobody, and there is no /dev/shm */
};

/* Where the front end mounts rbox-init for --init. */
#define SPEC_INIT_PATH "/run/rbox-init"

struct spec_box {
    char *id; /* 64 hex digits */
    char *name;
    int64_t created_ns; /* since the epoch */
    char *image_name;   /* as resolved, docker.io/library/busybox:latest; NULL with --rootfs */
    char *image_id;     /* sha256:… of the image's config */
    struct strv layers; /* short ids in the store, lowest first */
    char *rootfs;       /* --rootfs DIR, absolute, or NULL */
    int rootfs_overlay; /* --rootfs DIR:O */
    int init;           /* --init */
    int interactive;    /* -i */
    int detach;         /* -d */
    int remove;         /* --rm */
    int privileged;
    int systemd; /* PID 1 is one: see spec_systemd.h */
    int nested;  /* --nested */
    int bundle;  /* of `rbox oci`: the mounts are those of config.json, in its order, and no others
                  */
    int explain; /* --explain */
    int read_only_tmpfs; /* --read-only-tmpfs, with a read-only root: tmpfs on /run /tmp /var/tmp */
    int64_t shm_size_bytes;
    enum spec_ipc ipc;
    int stop_signal;           /* SIGTERM */
    int64_t stop_timeout_ms;   /* 10 000 */
    int64_t timeout_ms;        /* --timeout; 0 = none */
    unsigned int preserve_fds; /* --preserve-fds N: 3 … 2+N */
    char *tz;                  /* --tz: a zone's name, or "local" */
    char *storage_driver;      /* --storage-driver, NULL = choose */
    struct strv labels;        /* "K=V" */
    struct strv annotations;
    struct strv requires;   /* ids of containers to be started before it */
    struct strv secret_env; /* "VARIABLE=SECRET": its content is nowhere but in the environment */
    enum spec_sdnotify sdnotify;
    enum spec_restart restart;
    int restart_max;
    struct spec_health health;
    struct strv create_command; /* the command line, for inspect */
    struct spec_network network;
    char *log_driver;
    int64_t log_max_size_bytes;
    char *cgroups; /* enabled, disabled, split; NULL = where a limit asks for it */
    char *cgroup_manager;
    char *cgroup_parent;
    char *cgroup_name; /* NULL: by its id */
    char *report;      /* --report FILE, "-" = stderr; or NULL. Of this run: not in config.json */
};

struct spec {
    struct spec_process process;
    int root_readonly;
    char *domainname; /* or NULL */
    char *hostname;   /* NULL: the first 12 digits of the id */
    struct spec_mount
        *mounts; /* volumes and options only; the fixed ones (/proc, /dev …) are the core's table */
    size_t mount_count;
    struct spec_linux linux_;
    struct spec_box box;
};

/* podman's defaults: 11 capabilities, masked and read-only paths, umask 0022, pids 2048, shm 64m,
 * stop by TERM in 10 s. */
void spec_init(struct spec *s);

/* The same without masked and read-only paths, for those who read a spec that has its own. */
void spec_init_bare(struct spec *s);
void spec_done(struct spec *s);

/* Append a zeroed row and return it; the pointer holds until the next call. */
struct spec_mount *spec_add_mount(struct spec *s);
struct spec_device *spec_add_device(struct spec *s);
struct spec_rlimit *spec_add_rlimit(struct spec *s);
struct spec_port *spec_add_port(struct spec *s);
struct spec_join *spec_add_join(struct spec *s);
void spec_idmap_add(struct spec_idmap *m, uint32_t container_id, uint32_t host_id, uint32_t size);
void spec_mount_done(struct spec_mount *m);

/* Value of @key in a list of "K=V", or NULL. */
const char *spec_env_get(const struct strv *env, const char *key);
/* Does the list have @wanted, "K" or "K=V"? */
int spec_env_has(const struct strv *env, const char *wanted);
/* Set @key to @value in a list of "K=V", replacing an earlier one in place. */
void spec_env_set(struct strv *env, const char *key, const char *value);

#endif
