/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/caps.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const NAMES[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};
enum {
    NAME_COUNT = sizeof(NAMES) / sizeof(NAMES[0])
};

const char *caps_name(int cap)
{
    return cap >= 0 && cap < (int)NAME_COUNT ? NAMES[cap] : NULL;
}

int caps_has(uint64_t set, int cap)
{
    return (set >> cap & 1) != 0;
}

int caps_parse(const char *name, uint64_t *ret_mask, struct err *e)
{
    const char *short_name = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

    if (strcasecmp(name, "ALL") == 0) {
        *ret_mask = (1ULL << NAME_COUNT) - 1;
        return 0;
    }
    for (int i = 0; i < (int)NAME_COUNT; i++) {
        if (strcasecmp(NAMES[i] + 4, short_name) == 0) {
            *ret_mask = 1ULL << i;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is no capability (see capabilities(7))", name);
}

int caps_drop_bounding(uint64_t keep, struct err *e)
{
    /* The running kernel may know more than this build: go on until it says that there is no such
     * capability. */
    for (unsigned long cap = 0; cap < 64; cap++) {
        if ((keep >> cap & 1) != 0) {
            continue;
        }
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL) {
                return 0;
            }
            return err_set(e, errno, "cannot drop capability %lu from the bounding set", cap);
        }
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0) {
            return err_new(e, EPERM, "capability %lu is still in the bounding set", cap);
        }
    }
    return 0;
}

static int capset_call(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)effective,
         .permitted = (uint32_t)permitted,
         .inheritable = (uint32_t)inheritable},
        {.effective = (uint32_t)(effective >> 32),
         .permitted = (uint32_t)(permitted >> 32),
         .inheritable = (uint32_t)(inheritable >> 32)},
    };

    return (int)syscall(SYS_capset, &header, data);
}

static int capget_permitted(uint64_t *ret)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};

    if (syscall(SYS_capget, &header, data) < 0) {
        return -errno;
    }
    *ret = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return 0;
}

static int raise_ambient(uint64_t ambient, struct err *e)
{
    for (unsigned long cap = 0; cap < 64; cap++) {
        if ((ambient >> cap & 1) != 0 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0) {
            return err_set(e, errno, "cannot raise ambient capability %s", caps_name((int)cap));
        }
    }
    return 0;
}

int caps_set(const struct spec_caps *c, struct err *e)
{
    uint64_t have = 0;
    int r = 0;

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* Ambient needs inheritable; a caller that asks for none gets none (CVE-2022-24769). */
    r = capget_permitted(&have);
    if (r == 0) {
        r = capset_call(c->effective & have, c->permitted & have, c->ambient & have) < 0 ? -errno
                                                                                         : 0;
    }
    if (r < 0) {
        return err_set(e, -r, "cannot set capabilities");
    }
    r = raise_ambient(c->ambient & have, e);
    if (r < 0) {
        return r;
    }
    /* The proof: what was dropped must not come back. */
    if ((have & ~c->permitted) != 0 && capset_call(have, have, 0) == 0) {
        return err_new(e, EPERM, "dropped capabilities can be regained: refusing to go on");
    }
    return 0;
}
