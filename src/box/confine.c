/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/confine.h"

#include "base/cleanup.h"
#include "box/caps.h"
#include "sys/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A session keyring of its own, so that the caller's is not the container's. Quota of keys is small
 * (200 a user), and the filter denies keyctl anyway: with the filter on, a full quota is no reason
 * to refuse a start. */
static int new_keyring(const struct seccomp_filter *f, struct err *e)
{
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS) {
        return 0;
    }
    if (f->profile_count > 0) {
        return 0;
    }
    return err_set(e, errno, "cannot create a session keyring");
}

/* What a user other than 0 keeps: nothing but the ambient set that options gave (capabilities(7),
 * "effect of user ID changes"). Root keeps all it was given. */
static struct spec_caps caps_for(const struct spec_caps *asked, const struct user *u)
{
    struct spec_caps c = *asked;

    if (u->uid != 0) {
        c.effective = c.ambient;
        c.permitted = c.ambient;
    } else {
        c.ambient = 0;
    }
    return c;
}

int confine(const struct spec *s, const struct user *u, const struct seccomp_filter *f, int sync_fd,
            struct err *e)
{
    struct spec_caps caps = caps_for(&s->process.capabilities, u);
    int r = new_keyring(f, e);

    /* 1. Bounding set: needs CAP_SETPCAP, which the steps below drop. It bounds what any exec can
     * ever regain. */
    if (r == 0) {
        r = caps_drop_bounding(s->process.capabilities.bounding, e);
    }
    /* 2. Without no_new_privs the filter needs CAP_SYS_ADMIN, effective until step 4 (seccomp(2):
     * else EACCES). The profile must allow what follows: setgroups, setres[ug]id, capset, prctl,
     * execve. */
    if (r == 0 && !s->process.no_new_privileges) {
        r = seccomp_load(f, sync_fd, e);
    }
    /* 3. Ids, keeping permitted capabilities over the change: KEEPCAPS, or a user's ambient ones
     * would be lost. */
    if (r == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) {
        r = err_set(e, errno, "cannot keep capabilities over the change of ids");
    }
    if (r == 0) {
        r = user_become(u, s->process.keep_groups, e);
    }
    /* 4. Capabilities; exec clears KEEPCAPS. */
    if (r == 0) {
        r = caps_set(&caps, e);
    }
    /* 5. With no_new_privs the filter needs no capability and comes last: it then sees nothing but
     * execve. */
    if (r == 0 && s->process.no_new_privileges) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
            return err_set(e, errno, "cannot set no_new_privs");
        }
        r = seccomp_load(f, sync_fd, e);
    }
    return r;
}

int confine_files(const struct spec *s, struct err *e)
{
    enum spec_ns_mode pid = s->linux_.namespaces[SPEC_NS_PID].mode;
    /* One that joins another's processes is there to look into them; so are those of a pod. */
    int is_shared = pid == SPEC_NS_CONTAINER || pid == SPEC_NS_PATH ||
                    (s->box.bundle && pid != SPEC_NS_PRIVATE);
    int may_mount = s->box.nested || caps_has(s->process.capabilities.bounding, CAP_SYS_ADMIN);
    autoclose int root_fd = -1;
    int r = 0;

    if (may_mount || is_shared) {
        return 0;
    }
    root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    r = root_fd < 0 ? err_set(e, errno, "cannot open the container's root")
                    : harden_beneath(root_fd, s->box.preserve_fds, e);
    if (r == -EOPNOTSUPP) {
        err_clear(e);
        return 0;
    }
    return r;
}
