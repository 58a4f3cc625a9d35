/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options: what is taken, what is refused, and in which words (issues 2, 6, 8). */
#include "base/cleanup.h"
#include "cli/opts.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is refused: the message says why */

struct refusal {
    opt_parser *parse;
    const char *value;
    const char *message;
};

#define SPEC_REFUSALS                                                                              \
    {spec_parse_group_add, "", "'' is not a group"},                                               \
        {spec_parse_group_add, "a,,b", "'a,,b' is not a group"},                                   \
        {spec_parse_ulimit, "nofile", "'nofile' is not NAME=SOFT[:HARD]"},                         \
        {spec_parse_ulimit, "nofile=", "'nofile=' is not NAME=SOFT[:HARD]"},                       \
        {spec_parse_ulimit, "nofile=1:2:3", "'nofile=1:2:3' is not NAME=SOFT[:HARD]"},             \
        {spec_parse_ulimit, "files=1", "'files' is not a limit such as nofile"},                   \
        {spec_parse_ulimit, "nofile=2:1", "'nofile=2:1' has a soft limit above the hard one"},     \
        {spec_parse_ulimit, "nofile=-2", "'-2' is not a whole number"},                            \
        {spec_parse_ulimit, "nofile=18446744073709551617",                                         \
         "'18446744073709551617' is not from 0 to 9223372036854775807"},                           \
        {spec_parse_oom_score_adj, "1001", "'1001' is not from -1000 to 1000"},                    \
        {spec_parse_preserve_fds, "4294967297", "'4294967297' is not from 0 to 1024"},             \
        {spec_parse_restart, "sometimes",                                                          \
         "'sometimes' is not no, on-failure[:TRIES], always or unless-stopped"},                   \
        {spec_parse_restart, "on-failure:0", "'0' is not from 1 to 2147483647"},                   \
        {spec_parse_rootfs, ":O", "':O' is not a folder"},                                         \
        {spec_parse_rootfs, "--rm", "'--rm' is not a folder"},                                     \
        {spec_parse_userns, "auto", "'auto' is not supported yet"},                                \
        {spec_parse_userns, "keepid",                                                              \
         "'keepid' is not default, keep-id[:uid=N,gid=N], nomap, "                                 \
         "container:NAME or ns:PATH"},                                                             \
        {spec_parse_userns, "container:",                                                          \
         "'container:' is not default, keep-id[:uid=N,gid=N], nomap, container:NAME or ns:PATH"},  \
        {spec_parse_userns, "keep-id:uid=x", "'x' is not a whole number"},                         \
        {spec_parse_userns, "keep-id:uid=4294967295", "'4294967295' is not from 0 to 4294967294"}, \
        {spec_parse_userns, "keep-id:size=5", "keep-id has uid= and gid=, not 'size=5'"},          \
        {spec_parse_uidmap, "", "'' is not CONTAINER:HOST[:SIZE]"},                                \
        {spec_parse_security_opt, "nonsense", "'nonsense' is not a security option"},              \
        {spec_parse_security_opt, "seccomp",                                                       \
         "seccomp: seccomp needs a file, default or unconfined"},                                  \
        {spec_parse_security_opt, "mask=proc", "mask: 'proc' is not an absolute path"},            \
        {spec_parse_security_opt, "unmask", "unmask: needs paths"},                                \
        {spec_parse_security_opt, "systempaths=x",                                                 \
         "systempaths: systempaths can only be unconfined"},                                       \
        {spec_parse_security_opt, "label=type:",                                                   \
         "label: 'type:' is not disable, nested, user:U, role:R, type:T, level:L or filetype:T"},  \
        {spec_parse_security_opt, "apparmor=x",                                                    \
         "apparmor: rbox sets no profiles of its own, so that only unconfined can be asked for"},  \
        {spec_parse_security_opt, "proc-opts=hidepid=2", "proc-opts is not supported yet"},        \
        {spec_parse_sysctl, "net.core.somaxconn", "'net.core.somaxconn' is not NAME=VALUE"},       \
        {spec_parse_sysctl, "kernel.panic=1",                                                      \
         "'kernel.panic' is not of a namespace: the whole host has one"},                          \
        {spec_parse_sysctl, "kernel.shmmaxx=1",                                                    \
         "'kernel.shmmaxx' is not of a namespace: the whole host has one"},                        \
        {spec_parse_sysctl, "net.=1", "'net.' is not of a namespace: the whole host has one"},     \
        {spec_parse_sysctl, "net/../kernel/panic=1", "'net/../kernel/panic=1' is not NAME=VALUE"}, \
        {spec_parse_sysctl, "kernel/panic=1",                                                      \
         "'kernel.panic' is not of a namespace: the whole host has one"},                          \
        {spec_parse_device, "fuse", "'fuse' is not DEVICE[:INSIDE[:rwm]]"},                        \
        {spec_parse_device, "/dev/fuse:/dev/x:rwx",                                                \
         "'/dev/fuse:/dev/x:rwx' is not "                                                          \
         "DEVICE[:INSIDE[:rwm]]"},                                                                 \
        {spec_parse_device, "vendor.com/gpu=0",                                                    \
         "'vendor.com/gpu=0': CDI devices are not supported yet"},                                 \
        {spec_parse_memory_swap, "-2", "'-2' is not a size such as 512m or 2g"},                   \
        {spec_parse_pids_limit, "-2", "'-2' is not from -1 to 4194304"},                           \
        {spec_parse_pids_limit, "99999999999999999999",                                            \
         "'99999999999999999999' is not from -1 to 4194304"},                                      \
        {spec_parse_read_bps, "sda:1m", "'sda:1m' is not DEVICE:RATE"},                            \
        {spec_parse_read_bps, "/dev/sda", "'/dev/sda' is not DEVICE:RATE"},                        \
        {spec_parse_read_bps, "/dev/sda:0", "'/dev/sda:0': the rate must be more than 0"},         \
        {spec_parse_limits, "loose", "'loose' is not strict or best-effort"},                      \
        {spec_parse_log_opt, "tag=x",                                                              \
         "only max-size=BYTES and max-file=COUNT are supported yet, not 'tag=x'"},                 \
        {spec_parse_log_opt, "max-file=1", "max-file: '1' is not from 2 to 2147483647"},           \
    {                                                                                              \
        spec_parse_log_opt, "max-size=1k", "max-size must be 64k or more"                          \
    }

#define MOUNT_REFUSALS                                                                           \
    {spec_parse_volume, "", "'' is not [SOURCE:]PLACE[:OPTIONS]"},                               \
        {spec_parse_volume, "/a:/b:ro:x", "'/a:/b:ro:x' is not [SOURCE:]PLACE[:OPTIONS]"},       \
        {spec_parse_volume, "/a:b", "'b' is not an absolute path"},                              \
        {spec_parse_volume, "a", "'a' is not an absolute path"},                                 \
        {spec_parse_volume, ":/b", "':/b' has no source before the colon"},                      \
        {spec_parse_volume, "/a:/", "nothing can be mounted over the container's root"},         \
        {spec_parse_volume, "/a:/x/..", "nothing can be mounted over the container's root"},     \
        {spec_parse_volume, "a b:/c", "'a b' is neither a path nor the name of a volume"},       \
        {spec_parse_volume, "/a:/b:rx", "'rx' is not an option of this kind of mount"},          \
        {spec_parse_volume, "/a:/b:ro,rw", "'ro' and 'rw' contradict each other"},               \
        {spec_parse_volume, "/a:/b:nocopy", "'nocopy' is not an option of this kind of mount"},  \
        {spec_parse_volume, "/a:/b:size=5", "'size=5' is not an option of this kind of mount"},  \
        {spec_parse_volume, "/a:/b:idmap",                                                       \
         "'idmap' is not possible: the kernel lets only root map a disk's ids"},                 \
        {spec_parse_volume, "vol:/b:create", "'create' is not an option of this kind of mount"}, \
        {spec_parse_tmpfs, "tmp", "'tmp' is not an absolute path"},                              \
        {spec_parse_tmpfs, "/t:size=big", "'big' is not a size such as 512m or 2g"},             \
        {spec_parse_tmpfs, "/t:size=101%", "'101' is not from 1 to 100"},                        \
        {spec_parse_tmpfs, "/t:mode=999", "'999' is not an octal mode"},                         \
        {spec_parse_tmpfs, "/t:rbind", "'rbind' is not an option of this kind of mount"},        \
        {spec_parse_tmpfs, "/t:context=x", "'context=x' is not a mount option"},                 \
        {spec_parse_mount, "type=bind,dst=/b", "a bind needs src=PATH"},                         \
        {spec_parse_mount, "type=bind,src=/a", "there is no dst=PLACE"},                         \
        {spec_parse_mount, "type=bind,src=/a,dst=/b,wat",                                        \
         "'wat' is not an option of this kind of "                                               \
         "mount"},                                                                               \
        {spec_parse_mount, "type=bind,src=/a,dst=/b,wat=1", "'wat' is not a key of --mount"},    \
        {spec_parse_mount, "type=bind,src=,dst=/b", "'src' needs a value"},                      \
        {spec_parse_mount, "type=bind,src=/a,dst=/b,ro=perhaps",                                 \
         "'perhaps' is neither true nor false"},                                                 \
        {spec_parse_mount, "type=tmpfs,src=/a,dst=/b", "a tmpfs has no src="},                   \
        {spec_parse_mount, "type=image,src=x,dst=/b", "type=image is not supported yet"},        \
        {spec_parse_mount, "type=nfs,dst=/b", "type=nfs is not bind, volume or tmpfs"},          \
    {                                                                                            \
        spec_parse_mount, "type=bind,src=/a,dst=/b,bind-propagation=ro",                         \
            "'ro' is not a propagation such as rprivate"                                         \
    }

#define NET_REFUSALS                                                                               \
    {spec_parse_network, "none:x=1", "'none' has no options"},                                     \
        {spec_parse_network, "a/b", "there is no network 'a/b'"},                                  \
        {spec_parse_network, "net:ip=10.0.0.256", "'10.0.0.256' is not an IPv4 address"},          \
        {spec_parse_network, "net:mtu=9", "a network has no option 'mtu=9'"},                      \
        {spec_parse_network, "net,net", "network 'net' is named twice"},                           \
        {spec_parse_network, "net:alias=a b", "'a b' is not a name for the network"},              \
        {spec_parse_network, "", "there is no network ''"},                                        \
        {spec_parse_network, "ns:relative", "there is no network 'ns'"},                           \
        {spec_parse_network, "container:", "there is no network 'container'"},                     \
        {spec_parse_publish, "", "'' is not a port from 1 to 65535"},                              \
        {spec_parse_publish, "80:", "'' is not a port from 1 to 65535"},                           \
        {spec_parse_publish, ":80", "'' is not a port from 1 to 65535"},                           \
        {spec_parse_publish, "0:80", "'0' is not a port from 1 to 65535"},                         \
        {spec_parse_publish, "65536", "'65536' is not a port from 1 to 65535"},                    \
        {spec_parse_publish, "65616:80", "'65616' is not a port from 1 to 65535"},                 \
        {spec_parse_publish, "-1:80", "'-1' is not a port from 1 to 65535"},                       \
        {spec_parse_publish, "90-80:90-80", "'90-80' ends before it begins"},                      \
        {spec_parse_publish, "80-81:80", "'80-81:80' has ranges of different lengths"},            \
        {spec_parse_publish, "127.0.0.1:80", "'127.0.0.1' is not a port from 1 to 65535"},         \
        {spec_parse_publish, "localhost:80:80", "'localhost' is not an address"},                  \
        {spec_parse_publish, "[::1:80:80", "'[::1:80:80' is not [IP6]:[HOST:]CONTAINER"},          \
        {spec_parse_publish, "[zz]:80:80", "'zz' is not an address"},                              \
        {spec_parse_publish, "80:80/icmp", "'icmp' is neither tcp nor udp"},                       \
    {                                                                                              \
        spec_parse_publish, "80:80/sctp", "sctp is not forwarded: slirp4netns and pasta have none" \
    }

static void nonsense_is_refused_with_what_is_wrong(void **unused)
{
    static const struct refusal rows[] = {SPEC_REFUSALS, MOUNT_REFUSALS, NET_REFUSALS};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec s;
        struct err e = {0};
        int r = 0;

        spec_init(&s);
        r = rows[i].parse(rows[i].value, &s, &e);
        if (r >= 0 || strcmp(e.msg, rows[i].message) != 0) {
            print_error("'%s' gave %d: %s\n", rows[i].value, r, e.msg);
        }
        assert_true(r < 0);
        assert_int_equal(r, -e.errnum);
        assert_string_equal(e.msg, rows[i].message);
        spec_done(&s);
    }
}

static const struct refusal STRING_REFUSALS[] = {
    {spec_parse_name, "", ""},
    {spec_parse_name, "-x", ""},
    {spec_parse_name, ".", ""},
    {spec_parse_name, "a/b", ""},
    {spec_parse_name, "a b", ""},
    {spec_parse_name, "n\xc3\xa4me", ""},
    {spec_parse_user, "", ""},
    {spec_parse_user, ":1", ""},
    {spec_parse_user, "a:", ""},
    {spec_parse_user, "a:b:c", ""},
    {spec_parse_user, "a\nb", ""},
    {spec_parse_workdir, "", ""},
    {spec_parse_workdir, "src", ""},
    {spec_parse_hostname, "", ""},
    {spec_parse_hostname, "-web", ""},
    {spec_parse_hostname, "we b", ""},
    {spec_parse_hostname, "a123456789b123456789c123456789d123456789e123456789f123456789g123", ""},
    {spec_parse_tz, "", ""},
    {spec_parse_tz, "../../etc/passwd", ""},
    {spec_parse_tz, "/etc/passwd", ""},
    {spec_parse_cpuset, "", ""},
    {spec_parse_cpuset, "0-", ""},
    {spec_parse_cpuset, "3-1", ""},
    {spec_parse_cpuset, "0,,1", ""},
    {spec_parse_cpuset, "4294967296", ""},
    {spec_parse_cgroups, "on", ""},
    {spec_parse_log_driver, "syslog", ""},
    {spec_parse_log_driver, "journald", ""},
};

static void bad_words_leave_the_old_value(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(STRING_REFUSALS) / sizeof(STRING_REFUSALS[0]); i++) {
        struct err e = {0};
        char *value = strdup("old");

        if (STRING_REFUSALS[i].parse(STRING_REFUSALS[i].value, &value, &e) >= 0) {
            print_error("'%s' was taken\n", STRING_REFUSALS[i].value);
            fail();
        }
        assert_string_equal(value, "old");
        free(value);
    }
}

static void lists_refuse_what_would_be_more_than_one_entry(void **unused)
{
    static const struct refusal rows[] = {
        {spec_parse_expose, "0", ""},
        {spec_parse_expose, "80/x", ""},
        {spec_parse_add_host, "web", ""},
        {spec_parse_add_host, ":1.2.3.4", ""},
        {spec_parse_add_host, "a:b", ""},
        {spec_parse_add_host, "a b:1.2.3.4", ""},
        {spec_parse_add_host, "a\nb:1.2.3.4", ""},
        {spec_parse_add_host, "a:[]", ""},
        {spec_parse_add_host, "a;;b:1.2.3.4", ""},
        {spec_parse_dns, "", ""},
        {spec_parse_dns, "8.8.8", ""},
        {spec_parse_dns, "1.1.1.1,x", ""},
        {spec_parse_dns_word, "", ""},
        {spec_parse_dns_word, "a\nnameserver", ""},
        {spec_parse_pair, "", ""},
        {spec_parse_pair, "=v", ""},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        struct strv list = {0};

        if (rows[i].parse(rows[i].value, &list, &e) >= 0) {
            print_error("'%s' was taken\n", rows[i].value);
            fail();
        }
        assert_int_equal(list.len, 0);
    }
}

/* ---- what is taken */

static void must(opt_parser *parse, const char *value, void *field)
{
    struct err e = {0};

    if (parse(value, field, &e) < 0) {
        print_error("'%s': %s\n", value, e.msg);
        fail();
    }
}

static void volumes_are_binds_named_or_anonymous(void **unused)
{
    static const struct {
        const char *value;
        const char *type;
        const char *source;
        const char *destination;
        const char *volume;
        const char *option;
    } rows[] = {
        {"/a:/b", "bind", "/a", "/b", NULL, NULL},
        {"/a//x/../y/:/b/", "bind", "/a/y", "/b", NULL, NULL},
        {"/a:/b:ro,noexec,rslave,U,z", "bind", "/a", "/b", NULL, "noexec"},
        {"/a:/b:create", "bind", "/a", "/b", NULL, "create"},
        {"/a:/b:O", "overlay", "/a", "/b", NULL, NULL},
        {"./x:/b", "bind", "CWD/x", "/b", NULL, NULL},
        {".:/b", "bind", "CWD", "/b", NULL, NULL},
        {"data:/b", "volume", "data", "/b", "data", NULL},
        {"data:/b:nocopy", "volume", "data", "/b", "data", "nocopy"},
        {"/b", "volume", "", "/b", NULL, NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec s;
        char *cwd = getcwd(NULL, 0);
        char expected[PATH_MAX + 8];

        spec_init(&s);
        must(spec_parse_volume, rows[i].value, &s);
        assert_int_equal(s.mount_count, 1);
        assert_string_equal(s.mounts[0].type, rows[i].type);
        (void)snprintf(
            expected, sizeof(expected), "%s%s", str_after(rows[i].source, "CWD") != NULL ? cwd : "",
            str_after(rows[i].source, "CWD") != NULL ? rows[i].source + 3 : rows[i].source);
        assert_string_equal(s.mounts[0].source, expected);
        assert_string_equal(s.mounts[0].destination, rows[i].destination);
        assert_true(str_eq(s.mounts[0].volume_name, rows[i].volume));
        assert_true(rows[i].option == NULL || strv_has(&s.mounts[0].options, rows[i].option));
        spec_done(&s);
        free(cwd);
    }
}

static void mount_says_the_same_in_words(void **unused)
{
    struct spec s;
    const struct spec_mount *m = NULL;
    struct err e = {0};

    (void)unused;
    spec_init(&s);
    must(spec_parse_mount, "type=bind,source=/a,target=/b,readonly,bind-propagation=rshared", &s);
    must(spec_parse_mount, "dst=/c,src=data,subpath=x/y,ro=false", &s);
    must(spec_parse_mount, "type=tmpfs,destination=/d,tmpfs-size=64m,tmpfs-mode=1777", &s);
    must(spec_parse_tmpfs, "/e:size=50%,mode=755,noexec,notmpcopyup", &s);
    assert_int_equal(s.mount_count, 4);
    m = spec_find_mount(&s, "/b");
    assert_true(strv_has(&m->options, "ro") && strv_has(&m->options, "rshared"));
    m = spec_find_mount(&s, "/c");
    assert_string_equal(m->type, "volume");
    assert_string_equal(m->volume_name, "data");
    assert_string_equal(m->subpath, "x/y");
    assert_true(strv_has(&m->options, "rw"));
    m = spec_find_mount(&s, "/d");
    assert_string_equal(m->source, "tmpfs");
    assert_true(strv_has(&m->options, "size=64m") && strv_has(&m->options, "mode=1777"));
    assert_true(strv_has(&spec_find_mount(&s, "/e")->options, "notmpcopyup"));

    assert_int_equal(spec_parse_volume("/x:/b/.", &s, &e), -EINVAL);
    assert_string_equal(e.msg, "'/b' has a mount already");
    spec_done(&s);
}

static void ports_have_addresses_and_ranges(void **unused)
{
    static const struct {
        const char *value;
        const char *ip;
        struct spec_port port;
    } rows[] = {
        {"80", NULL, {NULL, 0, 80, 1, 0}},
        {"8080:80", NULL, {NULL, 8080, 80, 1, 0}},
        {"53:53/udp", NULL, {NULL, 53, 53, 1, 1}},
        {"53:53/UDP", NULL, {NULL, 53, 53, 1, 1}},
        {"127.0.0.1:8080:80/tcp", "127.0.0.1", {NULL, 8080, 80, 1, 0}},
        {"127.0.0.1::80", "127.0.0.1", {NULL, 0, 80, 1, 0}},
        {"[::1]:8080:80", "::1", {NULL, 8080, 80, 1, 0}},
        {"[::]::80", "::", {NULL, 0, 80, 1, 0}},
        {"8000-8005:9000-9005", NULL, {NULL, 8000, 9000, 6, 0}},
        {"1-65535:1-65535", NULL, {NULL, 1, 1, 65535, 0}},
        {"80-85", NULL, {NULL, 0, 80, 6, 0}},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec s;
        const struct spec_port *p = NULL;

        spec_init(&s);
        must(spec_parse_publish, rows[i].value, &s);
        assert_int_equal(s.box.network.port_count, 1);
        p = &s.box.network.ports[0];
        assert_true(str_eq(p->host_ip, rows[i].ip));
        assert_int_equal(p->host_port, rows[i].port.host_port);
        assert_int_equal(p->container_port, rows[i].port.container_port);
        assert_int_equal(p->count, rows[i].port.count);
        assert_int_equal(p->udp, rows[i].port.udp);
        spec_done(&s);
    }
}

static void networks_keep_only_the_last_ones_options(void **unused)
{
    struct spec s;

    (void)unused;
    spec_init(&s);
    must(spec_parse_network, "slirp4netns:cidr=10.9.0.0/24,allow_host_loopback=true", &s);
    assert_int_equal(s.box.network.backend, SPEC_NET_SLIRP4NETNS);
    assert_int_equal(s.box.network.options.len, 2);
    must(spec_parse_network, "container:web", &s);
    assert_int_equal(s.box.network.backend, SPEC_NET_CONTAINER);
    assert_string_equal(s.linux_.namespaces[SPEC_NS_NETWORK].target, "web");
    assert_int_equal(s.box.network.options.len, 0);
    must(spec_parse_network, "host", &s);
    assert_int_equal(s.box.network.backend, SPEC_NET_HOST);
    assert_null(s.linux_.namespaces[SPEC_NS_NETWORK].target);
    spec_done(&s);
}

static void names_of_hosts_have_one_form(void **unused)
{
    struct strv list = {0};

    (void)unused;
    must(spec_parse_add_host, "web:1.2.3.4", &list);
    must(spec_parse_add_host, "web=[::1]", &list);
    must(spec_parse_add_host, "a;b:host-gateway", &list);
    must(spec_parse_add_host, "six:fe80::1", &list);
    assert_string_equal(list.v[0], "web:1.2.3.4");
    assert_string_equal(list.v[1], "web:::1");
    assert_string_equal(list.v[2], "a;b:host-gateway");
    assert_string_equal(list.v[3], "six:fe80::1");
    strv_done(&list);
}

static void signals_have_names_and_numbers(void **unused)
{
    static const struct {
        const char *value;
        int number; /* -1: refused */
    } rows[] = {{"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"sigkill", SIGKILL},
                {"15", 15},        {"64", 64},           {"0", -1},
                {"65", -1},        {"-9", -1},           {"TERMINATE", -1},
                {"", -1},          {"SIG", -1},          {"4294967305", -1}};
    int number = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        int r = spec_parse_signal(rows[i].value, &number, &e);

        assert_int_equal(r < 0 ? -1 : number, rows[i].number);
    }
    must(spec_parse_signal, "RTMIN+3", &number);
    assert_int_equal(number, SIGRTMIN + 3);
    must(spec_parse_signal, "SIGRTMAX", &number);
    assert_int_equal(number, SIGRTMAX);
}

static void a_limit_replaces_the_default_one(void **unused)
{
    struct spec s;

    (void)unused;
    spec_init(&s);
    must(spec_parse_ulimit, "nofile=100:200", &s);
    must(spec_parse_ulimit, "CORE=-1", &s);
    assert_int_equal(s.process.rlimit_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct spec_rlimit *l = &s.process.rlimits[i];

        if (l->resource == RLIMIT_NOFILE) {
            assert_true(l->soft == 100 && l->hard == 200 && l->asked);
        } else if (l->resource == RLIMIT_CORE) {
            assert_true(l->soft == RLIM_INFINITY && l->hard == RLIM_INFINITY && l->asked);
        } else {
            assert_false(l->asked);
        }
    }
    must(spec_parse_ulimit, "host", &s);
    assert_int_equal(s.process.rlimit_count, 0);
    spec_done(&s);
}

static void unmasking_takes_what_is_below_too(void **unused)
{
    struct spec s;

    (void)unused;
    spec_init(&s);
    must(spec_parse_security_opt, "unmask=/proc/kcore:/sys/", &s);
    assert_false(strv_has(&s.linux_.masked_paths, "/proc/kcore"));
    assert_false(strv_has(&s.linux_.masked_paths, "/sys/firmware"));
    assert_true(strv_has(&s.linux_.masked_paths, "/proc/keys"));
    must(spec_parse_security_opt, "mask=/etc/secret:/srv", &s);
    assert_true(strv_has(&s.linux_.masked_paths, "/srv"));
    must(spec_parse_security_opt, "unmask=ALL", &s);
    assert_int_equal(s.linux_.masked_paths.len + s.linux_.readonly_paths.len, 0);
    must(spec_parse_security_opt, "no-new-privileges", &s);
    assert_int_equal(s.process.no_new_privileges, 1);
    must(spec_parse_security_opt, "no-new-privileges:false", &s);
    assert_int_equal(s.process.no_new_privileges, 0);
    must(spec_parse_security_opt, "seccomp=/p.json", &s);
    assert_int_equal(s.linux_.seccomp.mode, SPEC_SECCOMP_FILE);
    assert_string_equal(s.linux_.seccomp.profile, "/p.json");
    must(spec_parse_security_opt, "seccomp=unconfined", &s);
    assert_int_equal(s.linux_.seccomp.mode, SPEC_SECCOMP_UNCONFINED);
    assert_null(s.linux_.seccomp.profile);
    spec_done(&s);
}

static void ids_are_kept_or_mapped_not_both(void **unused)
{
    struct spec s;
    struct err e = {0};

    (void)unused;
    spec_init(&s);
    must(spec_parse_userns, "container:web", &s);
    assert_int_equal(s.linux_.userns.mode, SPEC_USERNS_CONTAINER);
    assert_string_equal(s.linux_.userns.target, "web");
    must(spec_parse_ipc, "none", &s);
    assert_int_equal(s.box.ipc, SPEC_IPC_NONE);
    must(spec_parse_ipc, "container:web", &s);
    assert_int_equal(s.box.ipc, SPEC_IPC_SHAREABLE);
    assert_string_equal(s.linux_.namespaces[SPEC_NS_IPC].target, "web");
    must(spec_parse_userns, "keep-id:uid=1000,gid=50", &s);
    assert_null(s.linux_.userns.target);
    assert_int_equal(s.linux_.userns.mode, SPEC_USERNS_KEEP_ID);
    assert_int_equal(s.linux_.userns.keep_uid, 1000);
    assert_int_equal(s.linux_.userns.keep_gid, 50);
    assert_int_equal(spec_parse_uidmap("0:0:1", &s, &e), -EINVAL);
    must(spec_parse_userns, "host", &s);
    must(spec_parse_uidmap, "0:0:1,1:1:9", &s);
    assert_int_equal(s.linux_.userns.mode, SPEC_USERNS_EXPLICIT);
    assert_int_equal(s.linux_.userns.uidmap.len, 2);
    assert_int_equal(spec_parse_userns("keep-id", &s, &e), -EINVAL);
    spec_done(&s);
}

static void limits_are_kept_as_the_kernel_counts(void **unused)
{
    struct spec s;
    int64_t quota = 0;

    (void)unused;
    spec_init(&s);
    must(spec_parse_cpus, "1.5", &quota);
    assert_int_equal(quota, 150000);
    must(spec_parse_memory_swap, "-1", &s);
    assert_int_equal(s.linux_.resources.memory_swap_max_bytes, -2);
    must(spec_parse_pids_limit, "-1", &s);
    assert_int_equal(s.linux_.resources.pids_max, 0);
    assert_int_equal(s.linux_.resources.pids_asked, 1);
    must(spec_parse_write_bps, "/dev/sda:1m", &s);
    must(spec_parse_read_iops, "/dev/a:b:100", &s);
    assert_string_equal(s.linux_.resources.io_max.v[0], "/dev/sda wbps=1048576");
    assert_string_equal(s.linux_.resources.io_max.v[1], "/dev/a:b riops=100");
    must(spec_parse_sysctl, "net/ipv4/conf/eth0.5/forwarding=1", &s);
    must(spec_parse_sysctl, "net.ipv4.ip_forward=1", &s);
    must(spec_parse_sysctl, "kernel.sem=1 2 3 4", &s);
    assert_string_equal(s.linux_.sysctl.v[0], "net.ipv4.conf.eth0/5.forwarding=1");
    assert_string_equal(s.linux_.sysctl.v[1], "net.ipv4.ip_forward=1");
    assert_string_equal(s.linux_.sysctl.v[2], "kernel.sem=1 2 3 4");
    spec_done(&s);
}

static void processors_are_counted_from_a_hundredth(void **unused)
{
    static const char *const refused[] = {
        "0.009", "-1", "many", "1e3", "99999999999999999999", "9223372036854775807", "1048578"};

    (void)unused;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct err e = {0};
        int64_t quota = 7;

        assert_true(spec_parse_cpus(refused[i], &quota, &e) < 0);
        assert_int_equal(quota, 7);
    }
    for (int64_t n = 0; n <= get_nprocs() + 1; n++) {
        autofree char *text = xasprintf("%" PRId64, n);
        struct err e = {0};
        int64_t quota = 7;

        assert_int_equal(spec_parse_cpus(text, &quota, &e) == 0, n <= get_nprocs());
        assert_int_equal(quota, n <= get_nprocs() ? n * 100000 : 7); /* 0: none, as docker has it */
    }
}

static void devices_may_be_renamed(void **unused)
{
    struct spec s;

    (void)unused;
    spec_init(&s);
    must(spec_parse_device, "/dev/fuse", &s);
    must(spec_parse_device, "/dev/fuse:rw", &s);
    must(spec_parse_device, "/dev/a:/dev/b", &s);
    must(spec_parse_device, "/dev/a:/dev/b:r", &s);
    assert_string_equal(s.linux_.devices[0].path, "/dev/fuse");
    assert_string_equal(s.linux_.devices[0].access, "rwm");
    assert_string_equal(s.linux_.devices[1].access, "rw");
    assert_string_equal(s.linux_.devices[2].path, "/dev/b");
    assert_string_equal(s.linux_.devices[3].access, "r");
    spec_done(&s);
}

static void paths_are_cleaned_by_their_words(void **unused)
{
    static const char *const rows[][2] = {
        {"/", "/"},           {"//", "/"},  {"/a/./b//c/", "/a/b/c"},
        {"/a/../../b", "/b"}, {"/..", "/"}, {"/a/b/..", "/a"}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *clean = spec_clean_path(rows[i][0]);

        assert_string_equal(clean, rows[i][1]);
        free(clean);
    }
    assert_null(spec_clean_path("a"));
    assert_null(spec_clean_path(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_is_refused_with_what_is_wrong),
        cmocka_unit_test(bad_words_leave_the_old_value),
        cmocka_unit_test(lists_refuse_what_would_be_more_than_one_entry),
        cmocka_unit_test(volumes_are_binds_named_or_anonymous),
        cmocka_unit_test(mount_says_the_same_in_words),
        cmocka_unit_test(ports_have_addresses_and_ranges),
        cmocka_unit_test(networks_keep_only_the_last_ones_options),
        cmocka_unit_test(names_of_hosts_have_one_form),
        cmocka_unit_test(signals_have_names_and_numbers),
        cmocka_unit_test(a_limit_replaces_the_default_one),
        cmocka_unit_test(unmasking_takes_what_is_below_too),
        cmocka_unit_test(ids_are_kept_or_mapped_not_both),
        cmocka_unit_test(limits_are_kept_as_the_kernel_counts),
        cmocka_unit_test(processors_are_counted_from_a_hundredth),
        cmocka_unit_test(devices_may_be_renamed),
        cmocka_unit_test(paths_are_cleaned_by_their_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
