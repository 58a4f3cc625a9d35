/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents of `rbox oci`: a config.json to start from, and what the runtime can do. */
#include "base/json.h"
#include "base/mem.h"
#include "box/caps.h"
#include "spec/bundle.h"
#include "spec/spec_json.h"
#include "spec/spec_json_lists.h"

#include <string.h>
#include <unistd.h>

static void add_mount(struct spec *s, const char *destination, const char *type,
                      const char *options)
{
    struct spec_mount *m = spec_add_mount(s);

    m->destination = xstrdup(destination);
    m->type = xstrdup(type);
    m->source = xstrdup(type);
    strv_split(&m->options, options, ',');
}

static void add_mounts(struct spec *s)
{
    add_mount(s, "/proc", "proc", "nosuid,noexec,nodev");
    add_mount(s, "/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
    add_mount(s, "/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
    add_mount(s, "/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=65536k");
    add_mount(s, "/dev/mqueue", "mqueue", "nosuid,noexec,nodev");
    add_mount(s, "/sys", "sysfs", "nosuid,noexec,nodev,ro");
    add_mount(s, "/sys/fs/cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro");
}

json_t *bundle_template(int rootless)
{
    json_t *root = NULL;
    struct spec s;
    char *text = NULL;
    struct err ignored = {0};

    spec_init(&s);
    strv_push(&s.process.args, "sh");
    strv_push(&s.process.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    strv_push(&s.process.env, "TERM=xterm");
    s.process.cwd = xstrdup("/");
    s.process.no_new_privileges = 1;
    s.process.rlimit_count = 0;
    s.box.rootfs = xstrdup("rootfs");
    s.hostname = xstrdup("rbox");
    s.linux_.resources.pids_max = -1;
    add_mounts(&s);
    if (rootless) {
        spec_idmap_add(&s.linux_.uid_mappings, 0, geteuid(), 1);
        spec_idmap_add(&s.linux_.gid_mappings, 0, getegid(), 1);
    }
    text = spec_json_write(&s);
    (void)json_parse(text, strlen(text), "config.json", &root, &ignored);
    free(text);
    spec_done(&s);
    (void)json_object_del(root, "rbox");
    (void)json_object_del(json_path_get(root, "process"), SPEC_LISTED_END);
    (void)json_object_set_new(json_path_get(root, "process"), "user",
                              json_pack("{s:i, s:i}", "uid", 0, "gid", 0));
    if (!rootless) {
        (void)json_object_del(json_path_get(root, "linux"), "uidMappings");
        (void)json_object_del(json_path_get(root, "linux"), "gidMappings");
        (void)json_array_remove(json_path_get(root, "linux.namespaces"), 0);
    }
    return root;
}

static json_t *names(const char *words)
{
    autostrv struct strv list = {0};

    strv_split(&list, words, ' ');
    return json_from_strv(&list);
}

static json_t *capabilities(void)
{
    json_t *list = json_array();

    for (int cap = 0; caps_name(cap) != NULL; cap++) {
        (void)json_array_append_new(list, json_string(caps_name(cap)));
    }
    return list;
}

json_t *bundle_features(void)
{
    json_t *cgroup = json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", 0, "v2", 1, "systemd", 1,
                               "systemdUser", 1, "rdma", 0);
    json_t *seccomp = json_pack(
        "{s:b, s:o, s:o, s:o}", "enabled", 1, "actions",
        names("SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS "
              "SCMP_ACT_KILL_THREAD SCMP_ACT_LOG SCMP_ACT_TRAP"),
        "operators",
        names("SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_LE SCMP_CMP_LT SCMP_CMP_MASKED_EQ "
              "SCMP_CMP_NE"),
        "archs",
        names("SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32 SCMP_ARCH_AARCH64 "
              "SCMP_ARCH_ARM"));
    json_t *linux_ = json_pack("{s:o, s:o, s:o, s:o, s:{s:b}, s:{s:b}, s:{s:b}}", "namespaces",
                               names("cgroup ipc mount network pid user uts"), "capabilities",
                               capabilities(), "cgroup", cgroup, "seccomp", seccomp, "apparmor",
                               "enabled", 0, "selinux", "enabled", 1, "intelRdt", "enabled", 0);

    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o}", "ociVersionMin", "1.0.0", "ociVersionMax", "1.1.0", "hooks",
        names("prestart createRuntime createContainer startContainer poststart poststop"),
        "mountOptions",
        names("async atime bind defaults dev diratime exec noatime nodev noexec nosuid private "
              "rbind relatime ro rprivate rshared rslave runbindable rw shared slave strictatime "
              "suid tmpcopyup unbindable"),
        "linux", linux_);
}
