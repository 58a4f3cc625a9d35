/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an entry of a layer is given once it is there: owner, mode, extended attributes, times. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int change_owner(const struct place *p, uid_t uid, gid_t gid)
{
    return p->fd >= 0 ? fchown(p->fd, uid, gid)
                      : fchownat(p->dir_fd, p->base, uid, gid, AT_SYMLINK_NOFOLLOW);
}

static int set_owner(const struct layer_options *o, const struct place *p,
                     struct archive_entry *entry, struct err *e)
{
    int keep = o->folder == NULL || o->uid < 0;
    int64_t uid = keep ? archive_entry_uid(entry) : o->uid;
    int64_t gid = keep ? archive_entry_gid(entry) : o->gid;
    int64_t largest = uid > gid ? uid : gid;

    if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX) {
        return err_new(e, ERANGE, "'%s' has the owner %" PRId64 ":%" PRId64,
                       archive_entry_pathname(entry), uid, gid);
    }
    if (change_owner(p, (uid_t)uid, (gid_t)gid) == 0) {
        return 0;
    }
    if ((errno == EINVAL || errno == EPERM) && o->squash) {
        return 0; /* it stays root's */
    }
    /* Root of the namespace may: it is a server that says no (NFS). */
    if (errno == EPERM && o->folder == NULL) {
        return err_new(e, ENOTSUP,
                       "'%s' belongs to %" PRId64 ":%" PRId64
                       ", and the store's file system gives files to no other id than yours",
                       archive_entry_pathname(entry), uid, gid);
    }
    if (errno == EINVAL) {
        return err_new(e, ERANGE,
                       "'%s' belongs to %" PRId64 ":%" PRId64
                       ", which is outside of your subordinate ids (it takes "
                       "%" PRId64 " of them); --squash-ids makes it root's",
                       archive_entry_pathname(entry), uid, gid, largest);
    }
    return err_set(e, errno, "cannot change the owner of '%s'", archive_entry_pathname(entry));
}

int attributes_is_label(const char *name)
{
    return str_eq(name, "security.selinux");
}

/* Attributes that steer the overlay itself are rbox's to set, never a layer's; nor may an image say
 * what the host's policy allows with its files. */
static int is_host_xattr(const char *name)
{
    return attributes_is_label(name) || str_after(name, "user.overlay.") != NULL ||
           str_after(name, "trusted.") != NULL;
}

/* File capabilities (security.capability) become those of this user namespace by themselves
 * (capabilities(7), version 3). Others that a user namespace may not set (ACLs of file systems
 * without them) are left out. */
static int set_xattrs(const struct place *p, struct archive_entry *entry, struct err *e)
{
    autoclose int opened = -1;
    int fd = p->fd;
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;

    if (archive_entry_xattr_reset(entry) == 0) {
        return 0;
    }
    if (fd < 0) {
        opened = openat(p->dir_fd, p->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        fd = opened;
    }
    if (fd < 0) {
        return 0; /* symlinks and FIFOs have none that a user may set */
    }
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        if (!is_host_xattr(name) && fsetxattr(fd, name, value, size, 0) < 0 && errno != EPERM &&
            errno != ENOTSUP && errno != EACCES && errno != EINVAL) {
            return err_set(e, errno, "cannot set attribute '%s' of '%s'", name,
                           archive_entry_pathname(entry));
        }
    }
    return 0;
}

static int change_mode(const struct place *p, mode_t mode)
{
    return p->fd >= 0 ? fchmod(p->fd, mode) : fchmodat(p->dir_fd, p->base, mode, 0);
}

static void change_times(const struct place *p, const struct timespec times[2])
{
    (void)(p->fd >= 0 ? futimens(p->fd, times)
                      : utimensat(p->dir_fd, p->base, times, AT_SYMLINK_NOFOLLOW));
}

int attributes_set(const struct layer_options *o, const struct place *p,
                   struct archive_entry *entry, struct err *e)
{
    struct timespec times[2] = {{archive_entry_atime(entry), archive_entry_atime_nsec(entry)},
                                {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    mode_t type = archive_entry_filetype(entry);
    int r = set_owner(o, p, entry, e);

    if (r < 0) {
        return r;
    }
    if (!archive_entry_atime_is_set(entry)) {
        times[0] = times[1];
    }
    if (type != AE_IFLNK) {
        /* After the owner: chown clears setuid and setgid. */
        if (change_mode(p, archive_entry_perm(entry)) < 0) {
            return err_set(e, errno, "cannot set the mode of '%s'", archive_entry_pathname(entry));
        }
        r = set_xattrs(p, entry, e);
    }
    change_times(p, times);
    return r;
}
