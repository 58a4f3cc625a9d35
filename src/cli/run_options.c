/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run_options.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/container.h"
#include "cli/unpacking_options.h"
#include "spec/spec_join.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    LIST_BYTES_MAX = 1 << 20
};

void run_options_init(void *options)
{
    struct run_options *o = options;

    spec_request_init(&o->request);
    o->request.host_env = (const char *const *)environ;
    o->request.caller_uid = geteuid();
    o->request.caller_gid = getegid();
    o->action = box_run;
}

void run_options_done(void *options)
{
    struct run_options *o = options;

    spec_request_done(&o->request);
}

/* ---- parsers that need more than the value */

static int parse_pull(const char *value, void *field, struct err *e)
{
    static const struct {
        const char *name;
        enum image_pull pull;
    } POLICIES[] = {{"missing", IMAGE_PULL_MISSING}, {"never", IMAGE_PULL_NEVER},
                    {"always", IMAGE_PULL_ALWAYS},   {"newer", IMAGE_PULL_NEWER},
                    {"true", IMAGE_PULL_ALWAYS},     {"false", IMAGE_PULL_NEVER}};

    for (size_t i = 0; i < sizeof(POLICIES) / sizeof(POLICIES[0]); i++) {
        if (strcmp(value, POLICIES[i].name) == 0) {
            *(enum image_pull *)field = POLICIES[i].pull;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not missing, never, always or newer", value);
}

/* podman and docker take these in capitals, too. */
static int parse_attach(const char *value, void *field, struct err *e)
{
    static const char *const STREAMS[] = {"stdin", "stdout", "stderr"};

    for (size_t i = 0; i < sizeof(STREAMS) / sizeof(STREAMS[0]); i++) {
        if (strcasecmp(value, STREAMS[i]) == 0) {
            *(int *)field |= 1 << i;
            return 0;
        }
    }
    (void)err_new(e, EINVAL, "'%s' is not stdin, stdout or stderr", value);
    return err_hint(e, "of several each has an option of its own: -a stdout -a stderr");
}

static int parse_image_volume(const char *value, void *field, struct err *e)
{
    static const struct {
        const char *name;
        enum spec_image_volumes kind;
    } KINDS[] = {{"anonymous", SPEC_IMAGE_VOLUMES_ANONYMOUS},
                 {"bind", SPEC_IMAGE_VOLUMES_ANONYMOUS},
                 {"tmpfs", SPEC_IMAGE_VOLUMES_TMPFS},
                 {"ignore", SPEC_IMAGE_VOLUMES_IGNORE}};

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (strcmp(value, KINDS[i].name) == 0) {
            *(enum spec_image_volumes *)field = KINDS[i].kind;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not anonymous, bind, tmpfs or ignore", value);
}

int run_option_lines(const char *path, void *list, struct err *e)
{
    autofree char *text = NULL;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? err_set(e, errno, "cannot open '%s'", path)
                   : fd_read_all(fd, LIST_BYTES_MAX, &text, NULL, e);

    return r < 0 ? r : spec_parse_lines(text, path, list, e);
}

int run_option_names(const char *value, void *list, struct err *e)
{
    strv_split(list, value, ',');
    return strv_has(list, "") ? err_new(e, EINVAL, "'%s' is no list of names", value) : 0;
}

int run_option_env(const char *value, void *list, struct err *e)
{
    if (value[0] == '\0' || value[0] == '=') {
        return err_new(e, EINVAL, "'%s' has no name", value);
    }
    strv_push(list, value);
    return 0;
}

/* ---- the rows */

#define REQUEST(member) offsetof(struct run_options, request.member)
#define SPEC(member)    offsetof(struct run_options, request.spec.member)
#define OPTION(member)  offsetof(struct run_options, member)
#define NS(ns)          SPEC(linux_.namespaces[ns])
#define WHOLE           offsetof(struct run_options, request.spec)

#define HEADING(title)                    \
    {                                     \
        NULL, 0, NULL, 0, 0, title, NULL, \
    }

/* clang-format off */
const struct opt RUN_OPTIONS[] = {
    HEADING("Container"),
    {"name", 0, "NAME", OPT_PARSE, SPEC(box.name), "its name (default: one is made up)", spec_parse_name},
    {"replace", 0, NULL, OPT_FLAG, OPTION(replace), "remove a container of that name first", NULL},
    {"rm", 0, NULL, OPT_FLAG, SPEC(box.remove), "remove the container when it ends, unless others need it", NULL},
    {"rmi", 0, NULL, OPT_FLAG, OPTION(rmi), "the same, and the image, unless another container has it", NULL},
    {"detach", 'd', NULL, OPT_FLAG, SPEC(box.detach), "run in the background and print the id", NULL},
    CONTAINER_DETACH_KEYS(OPTION(detach_keys)),
    {"interactive", 'i', NULL, OPT_FLAG, SPEC(box.interactive), "pass standard input on (else it is /dev/null)", NULL},
    {"attach", 'a', "STREAM", OPT_PARSE, SPEC(process.attached), "in the foreground: of stdout and stderr those that are named, the other is thrown away; stdin goes by -i", parse_attach},
    {"tty", 't', NULL, OPT_FLAG, SPEC(process.terminal), "give it a terminal", NULL},
    {"systemd", 0, "WHEN", OPT_PARSE, REQUEST(systemd), "what a systemd as PID 1 wants: true, when the command is one; false; always (default: true)", spec_parse_systemd},
    {"init", 0, NULL, OPT_FLAG, SPEC(box.init), "an init as PID 1, which reaps and forwards signals", NULL},
    {"entrypoint", 0, "COMMAND", OPT_STRING, REQUEST(entrypoint), "instead of the image's; \"\" for none, or a JSON array", NULL},
    {"workdir", 'w', "DIR", OPT_PARSE, REQUEST(workdir), "where the command starts (default: the image's)", spec_parse_workdir},
    {"user", 'u', "USER[:GROUP]", OPT_PARSE, REQUEST(user), "names of the image or numbers (default: the image's)", spec_parse_user},
    {"group-add", 0, "GROUP", OPT_PARSE, WHOLE, "one more group; keep-groups: the caller's own", spec_parse_group_add},
    {"stop-signal", 0, "SIGNAL", OPT_PARSE, REQUEST(stop_signal), "what stop sends (default: the image's, else TERM)", spec_parse_signal},
    {"stop-timeout", 0, "SECONDS", OPT_DURATION, SPEC(box.stop_timeout_ms), "how long stop waits before KILL (default: 10)", NULL},
    {"timeout", 0, "SECONDS", OPT_DURATION, SPEC(box.timeout_ms), "kill it after that time", NULL},
    {"sdnotify", 0, "WHO", OPT_PARSE, WHOLE, "tells NOTIFY_SOCKET of being ready: container, conmon (rbox), healthy or ignore (default: container)", spec_parse_sdnotify},
    {"requires", 0, "CONTAINER[,CONTAINER]", OPT_PARSE, SPEC(box.requires), "start these before it", run_option_names},
    {"restart", 0, "POLICY", OPT_PARSE, WHOLE, "no, on-failure[:TRIES], always or unless-stopped", spec_parse_restart},
    {"label", 'l', "KEY=VALUE", OPT_PARSE, REQUEST(labels), "a label", spec_parse_pair},
    {"label-file", 0, "FILE", OPT_PARSE, REQUEST(labels), "labels, one a line", run_option_lines},
    {"annotation", 0, "KEY=VALUE", OPT_PARSE, SPEC(box.annotations), "an annotation of config.json", spec_parse_pair},
    {"cidfile", 0, "FILE", OPT_STRING, OPTION(cidfile), "write the id there; the file must not exist", NULL},
    {"pidfile", 0, "FILE", OPT_STRING, OPTION(pidfile), "write the host's pid of PID 1 there", NULL},
    {"preserve-fds", 0, "N", OPT_PARSE, WHOLE, "pass descriptors 3 to 2+N on", spec_parse_preserve_fds},
    {"report", 0, "FILE", OPT_STRING, SPEC(box.report), "write what the run took: text, .json, - for stderr", NULL},
    {"dry-run", 0, NULL, OPT_FLAG, OPTION(dry_run), "print what would run, as OCI config.json, and stop", NULL},

    HEADING("Image and root"),
    {"pull", 0, "WHEN", OPT_PARSE, OPTION(pull), "missing, never, always or newer (default: missing)", parse_pull},
    {"quiet", 'q', NULL, OPT_FLAG, OPTION(registry.quiet), "say nothing of a pull", NULL},
    UNPACKING_ROWS(OPTION(unpacking)),
    REGISTRY_PLATFORM_ROWS(struct run_options, registry),
    REGISTRY_ACCESS_ROWS(struct run_options, registry),
    {"rootfs", 0, "DIR[:O]", OPT_PARSE, WHOLE, "a folder as root instead of an image; O: changes are thrown away", spec_parse_rootfs},
    {"read-only", 0, NULL, OPT_FLAG, SPEC(root_readonly), "the root cannot be written", NULL},
    {"read-only-tmpfs", 0, NULL, OPT_FLAG, SPEC(box.read_only_tmpfs), "with --read-only: tmpfs on /run, /tmp, /var/tmp (default: true)", NULL},
    {"volume", 'v', "[SOURCE:]PLACE[:OPTIONS]", OPT_PARSE, WHOLE, "a host path or a named volume; options: ro, create, U, O, noexec …", spec_parse_volume},
    {"mount", 0, "type=T,src=S,dst=D,…", OPT_PARSE, WHOLE, "the same in words; types: bind, volume, tmpfs", spec_parse_mount},
    {"volumes-from", 0, "CONTAINER[:ro]", OPT_STRV, OPTION(volumes_from), "the volumes and binds of another container", NULL},
    {"image-volume", 0, "KIND", OPT_PARSE, REQUEST(image_volumes), "the image's volumes are anonymous ones (the default; podman's bind), tmpfs, or ignored: ignore", parse_image_volume},
    {"secret", 0, "NAME[,OPTION…]", OPT_STRV, OPTION(secrets),
     "a secret, as the file /run/secrets/NAME; target=PATH,uid=N,gid=N,mode=0400; or type=env,target=VARIABLE", NULL},
    {"tmpfs", 0, "PLACE[:OPTIONS]", OPT_PARSE, WHOLE, "memory at a place; begins with the image's content", spec_parse_tmpfs},
    {"device", 0, "DEVICE[:PLACE[:rwm]]", OPT_PARSE, WHOLE, "a device of the host that the caller can open", spec_parse_device},
    {"shm-size", 0, "BYTES", OPT_BYTES, SPEC(box.shm_size_bytes), "size of /dev/shm (default: 64m)", NULL},

    HEADING("Environment"),
    {"env", 'e', "NAME=VALUE", OPT_PARSE, REQUEST(env), "a variable; NAME or PREFIX* copies the host's", run_option_env},
    {"env-file", 0, "FILE", OPT_PARSE, REQUEST(env_file), "variables, one a line", run_option_lines},
    {"env-host", 0, NULL, OPT_FLAG, REQUEST(env_host), "all of the host's variables", NULL},
    {"unsetenv", 0, "NAME", OPT_STRV, REQUEST(unset_env), "drop a variable of the image", NULL},
    {"unsetenv-all", 0, NULL, OPT_FLAG, REQUEST(unset_env_all), "drop all variables of the image", NULL},
    {"http-proxy", 0, NULL, OPT_FLAG, REQUEST(http_proxy), "copy the host's proxy variables (default: true)", NULL},
    {"tz", 0, "ZONE", OPT_PARSE, SPEC(box.tz), "time zone, or local", spec_parse_tz},
    {"umask", 0, "MODE", OPT_PARSE, SPEC(process.umask), "umask (default: 0022)", spec_parse_umask},

    HEADING("Network"),
    {"network", 0, "MODE", OPT_PARSE, WHOLE, "slirp4netns[:OPTIONS], pasta[:OPTIONS], none, host, container:NAME, ns:PATH, or NAME[:ip=,mac=,alias=] of a network", spec_parse_network},
    {"net", 0, "MODE", OPT_PARSE, WHOLE, "the same", spec_parse_network},
    {"network-alias", 0, "NAME", OPT_PARSE, SPEC(box.network.aliases), "a name more in its networks", spec_parse_network_alias},
    {"net-alias", 0, "NAME", OPT_PARSE, SPEC(box.network.aliases), "the same", spec_parse_network_alias},
    {"ip", 0, "ADDRESS", OPT_PARSE, SPEC(box.network.ip), "its address in the network", spec_parse_ip4},
    {"ip6", 0, "ADDRESS", OPT_PARSE, SPEC(box.network.ip6), "its IPv6 address in the network", spec_parse_ip6},
    {"mac-address", 0, "ADDRESS", OPT_PARSE, SPEC(box.network.mac), "its hardware address in the network", spec_parse_mac},
    {"publish", 'p', "[IP:][HOST:]PORT[/udp]", OPT_PARSE, WHOLE, "forward a port of the host, or a range", spec_parse_publish},
    {"publish-all", 'P', NULL, OPT_FLAG, SPEC(box.network.publish_all), "forward all ports the image exposes", NULL},
    {"expose", 0, "PORT[/udp]", OPT_PARSE, SPEC(box.network.exposed), "a port for --publish-all", spec_parse_expose},
    {"hostname", 'h', "NAME", OPT_PARSE, SPEC(hostname), "host name (default: the id's first digits)", spec_parse_hostname},
    {"domainname", 0, "NAME", OPT_PARSE, SPEC(domainname), "NIS domain name, as domainname(1) prints it", spec_parse_hostname},
    {"allow-net", 0, "HOST[:PORT],...", OPT_PARSE, WHOLE, "reach these and nothing else: names, *.DOMAIN, NETWORK/PREFIX, udp:...", spec_parse_allow_net},
    {"net-log", 0, "FILE", OPT_STRING, SPEC(box.network.net_log), "write down names and connections, and the --allow-net they need", NULL},
    {"add-host", 0, "NAME:ADDRESS", OPT_PARSE, SPEC(box.network.add_hosts), "a line of /etc/hosts; host-gateway is the host", spec_parse_add_host},
    {"no-hosts", 0, NULL, OPT_FLAG, SPEC(box.network.no_hosts), "leave the image's /etc/hosts", NULL},
    {"dns", 0, "ADDRESS", OPT_PARSE, SPEC(box.network.dns), "a name server; none leaves the image's resolv.conf", spec_parse_dns},
    {"dns-search", 0, "DOMAIN", OPT_PARSE, SPEC(box.network.dns_search), "a search domain", spec_parse_dns_word},
    {"dns-option", 0, "OPTION", OPT_PARSE, SPEC(box.network.dns_options), "an option of resolv.conf", spec_parse_dns_word},
    {"dns-opt", 0, "OPTION", OPT_PARSE, SPEC(box.network.dns_options), "the same", spec_parse_dns_word},

    HEADING("Namespaces and ids"),
    {"userns", 0, "MODE", OPT_PARSE, WHOLE, "default, keep-id[:uid=N,gid=N], nomap, container:NAME or ns:PATH", spec_parse_userns},
    {"uidmap", 0, "IN:OUT[:SIZE]", OPT_PARSE, WHOLE, "map user ids; OUT 0 is the caller, 1… its range", spec_parse_uidmap},
    {"gidmap", 0, "IN:OUT[:SIZE]", OPT_PARSE, WHOLE, "the same for groups", spec_parse_gidmap},
    {"pid", 0, "MODE", OPT_PARSE, NS(SPEC_NS_PID), "private, host, container:NAME or ns:PATH", spec_parse_namespace},
    {"ipc", 0, "MODE", OPT_PARSE, WHOLE, "shareable, private, none, host, container:NAME or ns:PATH", spec_parse_ipc},
    {"uts", 0, "MODE", OPT_PARSE, NS(SPEC_NS_UTS), "private, host, container:NAME or ns:PATH", spec_parse_namespace},
    {"cgroupns", 0, "MODE", OPT_PARSE, NS(SPEC_NS_CGROUP), "private, host, container:NAME or ns:PATH", spec_parse_namespace},

    HEADING("Privileges"),
    {"cap-add", 0, "CAPABILITY", OPT_STRV, REQUEST(cap_add), "a capability more, or ALL", NULL},
    {"cap-drop", 0, "CAPABILITY", OPT_STRV, REQUEST(cap_drop), "a capability less, or ALL", NULL},
    {"security-opt", 0, "OPTION", OPT_PARSE, WHOLE, "no-new-privileges, seccomp=FILE, mask=, unmask=, label=, no-nested-userns", spec_parse_security_opt},
    {"privileged", 0, NULL, OPT_FLAG, SPEC(box.privileged), "all capabilities, no filter, nothing masked: root inside only", NULL},
    {"nested", 0, NULL, OPT_FLAG, SPEC(box.nested), "let it run containers itself", NULL},
    {"explain", 0, NULL, OPT_FLAG, SPEC(box.explain), "say at the end what was denied, and which option allows it", NULL},
    {"sysctl", 0, "NAME=VALUE", OPT_PARSE, WHOLE, "a sysctl of the container's namespaces", spec_parse_sysctl},
    {"ulimit", 0, "NAME=SOFT[:HARD]", OPT_PARSE, WHOLE, "a resource limit; host: the caller's", spec_parse_ulimit},
    {"oom-score-adj", 0, "N", OPT_PARSE, WHOLE, "how soon the kernel's memory killer takes it", spec_parse_oom_score_adj},

    HEADING("Limits"),
    {"memory", 'm', "BYTES", OPT_BYTES, SPEC(linux_.resources.memory_max_bytes), "memory", NULL},
    {"memory-swap", 0, "BYTES", OPT_PARSE, WHOLE, "memory and swap together; -1: any amount of swap", spec_parse_memory_swap},
    {"memory-reservation", 0, "BYTES", OPT_BYTES, SPEC(linux_.resources.memory_low_bytes), "memory that is reclaimed last", NULL},
    {"cpus", 0, "N", OPT_PARSE, REQUEST(cpus_quota_us), "processors' worth of time, such as 1.5", spec_parse_cpus},
    {"cpu-quota", 0, "MICROSECONDS", OPT_INT64, SPEC(linux_.resources.cpu_quota_us), "time in each period", NULL},
    {"cpu-period", 0, "MICROSECONDS", OPT_INT64, SPEC(linux_.resources.cpu_period_us), "length of the period", NULL},
    {"cpu-shares", 'c', "N", OPT_INT64, SPEC(linux_.resources.cpu_shares), "weight against others, 1024 is usual", NULL},
    {"cpuset-cpus", 0, "LIST", OPT_PARSE, SPEC(linux_.resources.cpuset_cpus), "processors, such as 0-3,5", spec_parse_cpuset},
    {"cpuset-mems", 0, "LIST", OPT_PARSE, SPEC(linux_.resources.cpuset_mems), "memory nodes", spec_parse_cpuset},
    {"pids-limit", 0, "N", OPT_PARSE, WHOLE, "processes and threads; -1: any number (default: 2048)", spec_parse_pids_limit},
    {"blkio-weight", 0, "N", OPT_INT64, SPEC(linux_.resources.io_weight), "weight of input and output, 10 to 1000", NULL},
    {"device-read-bps", 0, "DEVICE:BYTES", OPT_PARSE, WHOLE, "bytes read per second", spec_parse_read_bps},
    {"device-write-bps", 0, "DEVICE:BYTES", OPT_PARSE, WHOLE, "bytes written per second", spec_parse_write_bps},
    {"device-read-iops", 0, "DEVICE:N", OPT_PARSE, WHOLE, "reads per second", spec_parse_read_iops},
    {"device-write-iops", 0, "DEVICE:N", OPT_PARSE, WHOLE, "writes per second", spec_parse_write_iops},
    {"cgroup-conf", 0, "FILE=VALUE", OPT_PARSE, SPEC(linux_.resources.unified), "any file of cgroup v2, such as memory.high=1g", spec_parse_pair},
    {"cgroup-parent", 0, "SLICE", OPT_STRING, SPEC(box.cgroup_parent), "the slice or folder above", NULL},
    {"cgroups", 0, "MODE", OPT_PARSE, SPEC(box.cgroups), "enabled, disabled or split (default: where needed)", spec_parse_cgroups},
    {"limits", 0, "MODE", OPT_PARSE, WHOLE, "strict, or best-effort: run with less than asked for", spec_parse_limits},

    HEADING("Health"),
    {"health-cmd", 0, "COMMAND", OPT_PARSE, SPEC(box.health), "says by its exit status whether it is well; none, or a JSON array", spec_parse_health_cmd},
    {"health-interval", 0, "SECONDS", OPT_PARSE, SPEC(box.health.interval_ms), "from one check to the next (default: 30), or disable", spec_parse_health_interval},
    {"health-timeout", 0, "SECONDS", OPT_PARSE, SPEC(box.health.timeout_ms), "how long a check may take (default: 30)", spec_parse_health_time},
    {"health-retries", 0, "N", OPT_PARSE, SPEC(box.health.retries), "failures in a row that make it unhealthy (default: 3)", spec_parse_health_retries},
    {"health-start-period", 0, "SECONDS", OPT_DURATION, SPEC(box.health.start_period_ms), "in which a failure does not count (default: 0)", NULL},
    {"health-on-failure", 0, "ACTION", OPT_PARSE, SPEC(box.health.on_failure), "of an unhealthy one: none, kill, restart or stop", spec_parse_health_on_failure},
    {"no-healthcheck", 0, NULL, OPT_FLAG, REQUEST(no_healthcheck), "not the image's check", NULL},

    HEADING("Logs"),
    {"log-driver", 0, "NAME", OPT_PARSE, SPEC(box.log_driver), "k8s-file, json-file, none or passthrough", spec_parse_log_driver},
    {"log-opt", 0, "KEY=VALUE", OPT_PARSE, WHOLE, "max-size=BYTES; max-file=COUNT, of which two are kept", spec_parse_log_opt},
    {0},
};

const struct opt_refused RUN_REFUSED[] = {
    {"blkio-weight-device", 0, "--blkio-weight"},
    {"cgroup-manager", 0, "rbox --cgroup-manager NAME run …"},
    {"chrootdirs", 0, "-v for each file that such a folder needs"},
    {"cpu-count", 0, "--cpus"},
    {"cpu-percent", 0, "--cpus"},
    {"cpu-rt-period", 0, "cgroup version 2 has no such limit"},
    {"cpu-rt-runtime", 0, "cgroup version 2 has no such limit"},
    {"decryption-key", 0, "encrypted images are not read"},
    {"device-cgroup-rule", 0, "a normal user can only use devices he can open: --device"},
    {"disable-content-trust", 0, "leave it out: there is no content trust to disable; IMAGE@sha256:DIGEST holds to the bytes"},
    {"env-merge", 0, "-e NAME=VALUE with the whole value (rbox image inspect shows the image's)"},
    {"gpus", 0, "--device for each device"},
    {"group-entry", 0, "-v FILE:/etc/group:ro"},
    {"health-log-destination", 0, NULL},
    {"health-max-log-count", 0, NULL},
    {"health-max-log-size", 0, NULL},
    {"health-start-interval", 0, "--health-start-period and --health-interval"},
    {"health-startup-cmd", 0, "--health-cmd with --health-start-period"},
    {"health-startup-interval", 0, NULL},
    {"health-startup-retries", 0, NULL},
    {"health-startup-success", 0, NULL},
    {"health-startup-timeout", 0, NULL},
    {"hosts-file", 0, "--no-hosts"},
    {"hostuser", 0, "--userns keep-id for the id, -v FILE:/etc/passwd:ro for the name"},
    {"conmon-pidfile", 0, "--pidfile"},
    {"init-ctr", 0, "there are no pods; --requires NAME is started first"},
    {"init-path", 0, "--init brings its own; another: --entrypoint"},
    {"io-maxbandwidth", 0, "an option of Windows; here --device-read-bps and --device-write-bps"},
    {"io-maxiops", 0, "an option of Windows; here --device-read-iops and --device-write-iops"},
    {"isolation", 0, "an option of Windows"},
    {"kernel-memory", 0, "cgroup version 2 has no such limit"},
    {"link", 0, "rbox network create NET; with --network NET both see each other by name"},
    {"link-local-ip", 0, "--ip of a network of your own (rbox network create)"},
    {"memory-swappiness", 0, "cgroup version 2 has no such limit"},
    {"no-hostname", 0, "-v FILE:/etc/hostname"},
    {"oom-kill-disable", 0, "cgroup version 2 has no such switch"},
    {"passwd", 0, "-v FILE:/etc/passwd:ro; -u takes numbers that the image has no name for"},
    {"passwd-entry", 0, "-v FILE:/etc/passwd:ro"},
    {"personality", 0, "as the command: setarch linux32 COMMAND, if the image has it"},
    {"pod", 0, "there are no pods; --network container:NAME, --ipc and --pid share what a pod does"},
    {"pod-id-file", 0, "there are no pods"},
    {"preserve-fd", 0, "--preserve-fds N"},
    {"rdt-class", 0, "it takes root of the host"},
    {"retry", 0, "a pull always is"},
    {"retry-delay", 0, "rbox pull first"},
    {"runtime", 0, "rbox is its own runtime"},
    {"seccomp-policy", 0, "--security-opt seccomp=FILE"},
    {"shm-size-systemd", 0, "--tmpfs PLACE:size=BYTES"},
    {"sig-proxy", 0, "signals are always passed on"},
    {"signature-policy", 0, "signatures are not checked; IMAGE@sha256:DIGEST holds to the bytes"},
    {"storage-opt", 0, "a quota takes root of the host; a size that holds: --tmpfs PLACE:size=BYTES, with --read-only for all else"},
    {"subgidname", 0, "--uidmap and --gidmap, or another range in /etc/subgid"},
    {"subuidname", 0, "--uidmap and --gidmap, or another range in /etc/subuid"},
    {"use-api-socket", 0, "there is no API, and no socket of one"},
    {"volume-driver", 0, "volumes are folders of the store; another file system: -v DIR:PLACE"},
    {0},
};
/* clang-format on */
