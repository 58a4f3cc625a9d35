/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hints.h"

#include "base/cleanup.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hint HINTS[] = {
    {HINT_KERNEL_OVERLAY, HINT_WHO_ROOT, "this kernel cannot mount overlay in a user namespace",
     "sudo apt-get install -y fuse-overlayfs",
     "Linux 5.11 and later mount overlay file systems inside a user namespace. Older kernels need "
     "fuse-overlayfs, which "
     "does the same in user space, a little slower."},
    {HINT_USERNS_LIMIT, HINT_WHO_ROOT,
     "user namespaces are switched off, or their number is reached",
     "sudo sysctl -w {0:user.max_user_namespaces=15000}",
     "rbox builds every container inside a user namespace, with one of each other kind in it. A "
     "limit of user.max_*_namespaces that is reached, as 0 always is, forbids that, and so does "
     "the Debian switch kernel.unprivileged_userns_clone=0. Put the setting into /etc/sysctl.d/ to "
     "keep it over a reboot."},
    {HINT_APPARMOR_USERNS, HINT_WHO_ROOT, "AppArmor restricts user namespaces for this program",
     "rbox doctor --print-apparmor | sudo tee /etc/apparmor.d/rbox && sudo apparmor_parser -r "
     "/etc/apparmor.d/rbox",
     "Ubuntu 23.10 and later (and other systems by policy) let only programs with an AppArmor "
     "profile create user "
     "namespaces with capabilities. The command installs a profile for this rbox."},
    {HINT_NEWIDMAP, HINT_WHO_ROOT, "newuidmap or newgidmap is missing or not setuid root",
     "{0:sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap || sudo apt-get install -y uidmap}",
     "The setuid helpers of shadow-utils write a user's subordinate ids into a new user namespace. "
     "Without them a container has one id only. Which of the commands it takes depends on what is "
     "wrong: it is not installed, lost its mode, lies on a file system mounted nosuid, or fails."},
    {HINT_SUBID, HINT_WHO_ROOT, "the user has no subordinate ids",
     "sudo usermod --add-subuids {1:FIRST-LAST} --add-subgids {1:FIRST-LAST} {0:USER}",
     "Ids other than the container's root are taken from a range that /etc/subuid and /etc/subgid "
     "give to the user. useradd does so for new users; older accounts and accounts from a "
     "directory service may have none."},
    {HINT_SUBID_OVERLAP, HINT_WHO_ROOT, "subordinate ids overlap with another user's",
     "sudo systemctl stop user-$(id -u {0:USER}).slice; sudo usermod {1:--del-subuids FIRST-LAST "
     "--del-subgids FIRST-LAST --add-subuids FIRST-LAST --add-subgids FIRST-LAST} {0:USER}",
     "Two users whose ranges overlap can reach into each other's containers. usermod changes "
     "nobody who is logged in, so the command ends the user's sessions first: run it as root, from "
     "elsewhere."},
    {HINT_SUBID_SOURCE, HINT_WHO_ROOT, "the source of subordinate ids gives none",
     "getsubids {0:USER} || sudo sed -i 's/^subid:/#&/' /etc/nsswitch.conf   # or let it give a "
     "range",
     "A line 'subid: sss' in /etc/nsswitch.conf says that a directory service (SSSD, IPA) gives "
     "the "
     "ids, and not /etc/subuid. The command shows what it gives; if that is nothing, /etc/subuid "
     "is asked again, for all users. Where others have ranges from the service, have it give one "
     "to this user, too."},
    {HINT_TRIAL, HINT_WHO_ROOT, "a user namespace with mapped ids cannot be made",
     "{0:sudo ./install.sh}",
     "A trial did what each run does first: a user namespace, the id maps, and the other "
     "namespaces in it. The message names the step that failed, the command mends that step; "
     "install.sh, where none is known, sees to everything that rbox needs."},
    {HINT_PROC_MASKED, HINT_WHO_ROOT, "a fresh /proc cannot be mounted here",
     "podman run {0:}--security-opt unmask=ALL …   # docker: --security-opt systempaths=unconfined",
     "The kernel lets a user namespace mount proc only where an unobstructed one is visible. "
     "Inside another container "
     "parts of /proc are covered: ask the outer container not to cover them, or run with --pid "
     "host."},
    {HINT_STORE_FS, HINT_WHO_USER, "the store's file system cannot hold layers",
     "export RBOX_STORE=/var/tmp/rbox-$USER",
     "Layers need owners, modes and extended attributes, and a disk that is neither full nor "
     "read-only. A network file system (NFS, sshfs) knows nothing of user namespaces and gives"
     " files to no other id than yours: what has one owner runs there, by fuse-overlayfs, with"
     " root alone writing; an image with more is refused. The command puts the store on a "
     "local disk (a line for ~/.profile); with --squash-ids everything in the image becomes "
     "root's, and it fits. Users with one id have no other owners."},
    {HINT_OVERLAY, HINT_WHO_USER, "no overlay on the store's file system",
     "export RBOX_STORE=/var/tmp/rbox-$USER",
     "An overlay needs a file system below it that has extended attributes and is not itself an "
     "overlay. Elsewhere fuse-overlayfs serves the layers, a little slower, or each container gets "
     "a copy of its image."},
    {HINT_FUSE, HINT_WHO_ROOT, "/dev/fuse or fuse-overlayfs is missing",
     "sudo apt-get install -y fuse-overlayfs fuse3; sudo modprobe fuse; sudo chmod 666 /dev/fuse",
     "fuse-overlayfs serves layers where the kernel's own overlay cannot. Inside another container "
     "/dev/fuse comes by --device /dev/fuse of the outer one."},
    {HINT_NET_HELPER, HINT_WHO_ROOT, "slirp4netns is missing",
     "sudo apt-get install -y slirp4netns",
     "slirp4netns connects a container's network to the host's without privilege. Without it: "
     "--network none or host."},
    {HINT_TUN, HINT_WHO_ROOT, "/dev/net/tun cannot be opened",
     "sudo modprobe tun; sudo chmod 666 /dev/net/tun",
     "slirp4netns makes a tap device through /dev/net/tun. Distributions ship it with mode 666; "
     "containers often lack it: --device /dev/net/tun of the outer one gives it."},
    {HINT_PING, HINT_WHO_ROOT, "ping to the outside is switched off",
     "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'",
     "slirp4netns sends a container's pings through a socket of the host's, which only groups in "
     "net.ipv4.ping_group_range may open. Put the setting into /etc/sysctl.d/ to keep it."},
    {HINT_LOW_PORT, HINT_WHO_ROOT, "the port is reserved for root",
     "sudo sysctl -w net.ipv4.ip_unprivileged_port_start={0:PORT}",
     "Ports below net.ipv4.ip_unprivileged_port_start need root on the host. Publish a higher one, "
     "such as -p 8080:80."},
    {HINT_CGROUP_V1, HINT_WHO_ROOT, "the cgroup controllers are on version 1",
     "sudo sed -i -E 's/systemd.unified_cgroup_hierarchy=[^ \"]*//; "
     "s/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && "
     "sudo update-grub   # then reboot",
     "Limits for a normal user need the unified hierarchy, cgroup v2."},
    {HINT_CONTROLLER, HINT_WHO_ROOT, "a cgroup controller is not delegated to the user",
     "D=/etc/systemd/system/user@.service.d; sudo mkdir -p $D && printf '[Service]\\nDelegate=cpu "
     "cpuset io memory pids\\n' | sudo tee $D/delegate.conf && sudo systemctl daemon-reload && "
     "sudo systemd-run -q --wait --slice=user-$(id -u).slice true && systemctl --user "
     "daemon-reexec",
     "systemd hands controllers to user@UID.service by its Delegate= setting; newer ones do so "
     "when "
     "something starts in the user's slice. The user's own manager takes them up when it starts: "
     "at the next login, or with the last of these commands, which is the user's to run."},
    {HINT_NO_BUS, HINT_WHO_USER, "no systemd user manager answers",
     "loginctl enable-linger {0:USER} || sudo loginctl enable-linger {0:USER}",
     "Limits need a cgroup, which systemd's user manager gives. su, sudo and cron start none; a "
     "login through PAM does, "
     "and with lingering it is always there."},
    {HINT_RUNTIME_DIR, HINT_WHO_USER, "XDG_RUNTIME_DIR is not the user's own",
     "unset XDG_RUNTIME_DIR",
     "su and sudo can leave another user's runtime folder in the environment. rbox ignores it."},
    {HINT_LINGER, HINT_WHO_USER, "containers end when the user logs out",
     "loginctl enable-linger {0:USER} || sudo loginctl enable-linger {0:USER}",
     "systemd may kill what a user left running at logout."},
    {HINT_SOURCE_PATH, HINT_WHO_USER, "a path of the host is missing or out of reach",
     "{0:mkdir -p SOURCE}",
     "A bind mount's source must exist and be reachable for the user who runs rbox, not for the "
     "container's users. Every folder on the way to it must let that user through. -v "
     "SOURCE:…:create makes a folder that is missing."},
    {HINT_GROUP_PATH, HINT_WHO_USER, "a path is open to the user by a supplementary group only",
     "rbox run --group-add keep-groups {0:…}",
     "The container's processes do not have the groups of the user who starts it, unless they are "
     "kept."},
    {HINT_RLIMIT, HINT_WHO_USER, "a resource limit is in the way",
     "sudo prlimit --pid $$ {0:--nofile=1048576:1048576}   # for good: /etc/security/limits.conf",
     "A process can lower its limits and raise them up to its hard limit only. The command raises "
     "that of the shell it is typed in, and of what is started there from then on."},
    {HINT_OUTER_SECCOMP, HINT_WHO_ROOT, "an outer container forbids it",
     "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL --device /dev/fuse "
     "--device /dev/net/tun …",
     "rbox runs inside another container whose filter or missing devices stop it."},
    {HINT_SELINUX, HINT_WHO_USER, "SELinux is enforcing, and a path has no label for containers",
     "chcon -Rt container_file_t {0:SOURCE}",
     "Containers may touch what is labelled for them. -v SOURCE:…:z sets the label as the command "
     "does; without it rbox changes no label of the host's files."},
    {HINT_LEFTOVERS, HINT_WHO_USER, "something was left by commands that were killed",
     "rbox system prune",
     "Containers that died are put in order by the next command. What a killed load or pull had "
     "got "
     "stays until somebody prunes, so that it can be gone on with."},
    {HINT_FOREIGN_ARCH, HINT_WHO_ROOT, "the image is for another processor",
     "sudo apt-get install -y qemu-user-static",
     "Programs for another processor need an emulator registered with binfmt_misc."},
    {HINT_BOOT_ID, HINT_WHO_ROOT, "one boot cannot be told from another",
     "sudo mount -t proc proc /proc",
     "What runs is told from what ran before the reboot by "
     "/proc/sys/kernel/random/boot_id."},
    {HINT_REGISTRY, HINT_WHO_USER, "a registry cannot be reached",
     "curl -sS -o /dev/null https://{0:REGISTRY}/v2/ && env | grep -i _proxy",
     "The first says how the registry answers without rbox, the second which proxy is used."},
    {HINT_LANDLOCK, HINT_WHO_ROOT, "this kernel has no Landlock for containers",
     "sudo sed -i -E 's/\\<lsm=[^ \"]*//; s/^GRUB_CMDLINE_LINUX=\"/&lsm=landlock,yama,apparmor,bpf "
     "/' "
     "/etc/default/grub && sudo update-grub   # then reboot; Linux 5.19 or later",
     "Landlock is a second wall: with it nothing in a container can open a file of the host, "
     "whatever descriptor or folder it got hold of. Containers run without it, too."},
    {HINT_CHROOT, HINT_WHO_USER, "a chroot can hold no containers",
     "exit   # leave the chroot; from outside: rbox run --rootfs ITS-FOLDER …",
     "The kernel makes no user namespace for a process whose root is not that of its mount "
     "namespace (user_namespaces(7)). A root entered by pivot_root, as container tools and "
     "systemd-nspawn do, has no such limit."},
};

const struct hint *hint_at(size_t i)
{
    return i < sizeof(HINTS) / sizeof(HINTS[0]) ? &HINTS[i] : NULL;
}

const struct hint *hint_find(enum hint_id id)
{
    const struct hint *h = NULL;

    for (size_t i = 0; (h = hint_at(i)) != NULL; i++) {
        if (h->id == id) {
            return h;
        }
    }
    return NULL;
}

char *hint_fix(enum hint_id id, const char *arg0, const char *arg1)
{
    const struct hint *h = hint_find(id);
    struct buf b = {0};

    buf_puts(&b, "");
    for (const char *p = h != NULL ? h->fix : ""; *p != '\0'; p++) {
        const char *own = str_after(p, "{0:") != NULL ? str_after(p, "{0:") : str_after(p, "{1:");
        const char *arg = own == NULL ? NULL : p[1] == '0' ? arg0 : arg1;
        const char *end = own != NULL ? strchrnul(own, '}') : p;

        if (own == NULL) {
            buf_add(&b, p, 1);
        } else if (arg != NULL) {
            buf_puts(&b, arg);
        } else {
            buf_add(&b, own, (size_t)(end - own));
        }
        p = end;
    }
    return b.data;
}

char *hint_line(enum hint_id id, const char *fix)
{
    return xasprintf("%s" HINT_ID_MARK "%d)", fix, (int)id);
}

int err_hint_id(struct err *e, enum hint_id id, const char *arg0, const char *arg1)
{
    autofree char *fix = hint_fix(id, arg0, arg1);
    autofree char *line = hint_line(id, fix);

    return err_hint(e, "%s", line);
}
