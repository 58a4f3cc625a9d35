/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/mounts.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/mount_options.h"
#include "sys/fd.h"
#include "sys/mount.h"
#include "sys/path.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the fixed mounts, in the order they are attached */

enum fixed_when {
    WHEN_ALWAYS,
    WHEN_PID,
    WHEN_PID_HOST,
    WHEN_IPC,
    WHEN_SHM,
    WHEN_IPC_HOST,
    WHEN_NET,
    WHEN_NET_HOST,
    WHEN_RO_TMPFS
};

/* Whose is a writable one. */
enum fixed_rw {
    RW_AS_IT_IS = 0,
    RW_PRIVILEGED, /* --privileged */
    RW_SYSTEMD     /* that, and a systemd that is PID 1 */
};

struct fixed_row {
    const char *destination;
    const char *type;    /* "bind": a copy of the host's own, with all below */
    const char *options; /* of the file system */
    int attrs;
    enum fixed_when when;
    enum fixed_rw rw;
    int optional; /* a kernel without it is fine */
    int early;    /* nothing in it belongs to whoever mounts it: needs no mapped ids */
};

static const struct fixed_row FIXED[] = {
    {"/proc", "proc", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_PID, RW_AS_IT_IS, 0, 1},
    {"/proc", "bind", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_PID_HOST, RW_AS_IT_IS,
     0, 0},
    {"/dev", "tmpfs", "mode=755,size=65536k", MOUNT_NOSUID | MOUNT_STRICTATIME, WHEN_ALWAYS,
     RW_AS_IT_IS, 0, 0},
    {"/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620", MOUNT_NOSUID | MOUNT_NOEXEC,
     WHEN_ALWAYS, RW_AS_IT_IS, 0, 0},
    {"/dev/shm", "tmpfs", "mode=1777", MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_SHM,
     RW_AS_IT_IS, 0, 0},
    {"/dev/shm", "bind", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_IPC_HOST,
     RW_AS_IT_IS, 1, 0},
    {"/dev/mqueue", "mqueue", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_IPC,
     RW_AS_IT_IS, 1, 0},
    {"/dev/mqueue", "bind", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_IPC_HOST,
     RW_AS_IT_IS, 1, 0},
    {"/sys", "sysfs", NULL, MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_NET,
     RW_PRIVILEGED, 0, 1},
    {"/sys", "bind", NULL, MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, WHEN_NET_HOST,
     RW_AS_IT_IS, 0, 0},
    {"/sys/fs/cgroup", "cgroup2", NULL, MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC,
     WHEN_ALWAYS, RW_SYSTEMD, 1, 0},
    {"/run", "tmpfs", "mode=755", MOUNT_NOSUID | MOUNT_NODEV, WHEN_RO_TMPFS, RW_AS_IT_IS, 0, 0},
    {"/tmp", "tmpfs", "mode=1777", MOUNT_NOSUID | MOUNT_NODEV, WHEN_RO_TMPFS, RW_AS_IT_IS, 0, 0},
    {"/var/tmp", "tmpfs", "mode=1777", MOUNT_NOSUID | MOUNT_NODEV, WHEN_RO_TMPFS, RW_AS_IT_IS, 0,
     0},
};
enum {
    FIXED_COUNT = sizeof(FIXED) / sizeof(FIXED[0])
};
_Static_assert(FIXED_COUNT <= (size_t)MOUNTS_FIXED_MAX, "struct mounts has a slot for each row");

static const char *const DEVICES[MOUNTS_DEVICES] = {"null",   "zero",    "full",
                                                    "random", "urandom", "tty"};

static const struct {
    const char *name;
    const char *target;
} DEV_LINKS[] = {
    {"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

static int is_wanted(const struct spec *s, const struct mounts *m, enum fixed_when when)
{
    const struct spec_namespace *ns = s->linux_.namespaces;

    switch (when) {
    case WHEN_PID:
        return ns[SPEC_NS_PID].mode != SPEC_NS_HOST;
    case WHEN_PID_HOST:
        return ns[SPEC_NS_PID].mode == SPEC_NS_HOST;
    case WHEN_IPC:
        return ns[SPEC_NS_IPC].mode != SPEC_NS_HOST;
    case WHEN_SHM:
        return ns[SPEC_NS_IPC].mode != SPEC_NS_HOST && s->box.ipc != SPEC_IPC_NONE;
    case WHEN_IPC_HOST:
        return ns[SPEC_NS_IPC].mode == SPEC_NS_HOST;
    case WHEN_NET:
        return ns[SPEC_NS_NETWORK].mode != SPEC_NS_HOST && !m->is_net_foreign;
    case WHEN_NET_HOST:
        return ns[SPEC_NS_NETWORK].mode == SPEC_NS_HOST || m->is_net_foreign;
    case WHEN_RO_TMPFS:
        return s->root_readonly && s->box.read_only_tmpfs;
    case WHEN_ALWAYS:
        break;
    }
    return 1;
}

void mounts_init(struct mounts *m)
{
    memset(m, 0, sizeof(*m));
    memset(m->fixed_fd, -1, sizeof(m->fixed_fd));
    memset(m->device_fd, -1, sizeof(m->device_fd));
    memset(m->file_fd, -1, sizeof(m->file_fd));
}

void mounts_add_file(struct mounts *m, const char *path, const char *where, char *text)
{
    if (text == NULL || m->file_count >= MOUNTS_FILES_MAX) {
        free(text);
        return;
    }
    m->files[m->file_count].path = path;
    m->files[m->file_count].where = where;
    m->files[m->file_count].text = text;
    m->file_count++;
}

void mounts_give(struct mounts *m, const char *path, int fd)
{
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        if (strcmp(FIXED[i].destination, path) == 0) {
            m->fixed_fd[i] = fd;
            return;
        }
    }
    for (size_t i = 0; i < MOUNTS_FILES_MAX; i++) {
        if (i < m->file_count && strcmp(m->files[i].path, path) != 0) {
            continue;
        }
        free(m->files[i].text);
        m->files[i] = (struct mounts_file){.path = path};
        m->file_fd[i] = fd;
        m->file_count += i == m->file_count;
        return;
    }
    (void)close(fd);
}

const struct spec_mount *mounts_find(const struct spec *s, const char *destination)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        if (strcmp(s->mounts[i].destination, destination) == 0) {
            return &s->mounts[i];
        }
    }
    return NULL;
}

/* ---- before the pivot: everything as detached mounts */

static int clone_host_path(const char *path, int attrs, int *ret_fd, struct err *e)
{
    autoclose int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s' of the host", path);
    }
    return mount_clone(fd, attrs, ret_fd, e);
}

static char *fixed_options(const struct spec *s, const struct fixed_row *row)
{
    if (strcmp(row->destination, "/dev/shm") == 0 && row->options != NULL) {
        return xasprintf("%s,size=%lld", row->options, (long long)s->box.shm_size_bytes);
    }
    /* gid 5 is tty everywhere, but one id only means that there is no 5. */
    if (strcmp(row->type, "devpts") == 0 && idmap_to_host(&s->linux_.gid_mappings, 5) >= 0) {
        return xasprintf("%s,gid=5", row->options);
    }
    return xstrdup_null(row->options);
}

static int prepare_fixed(const struct spec *s, const struct fixed_row *row, int *ret_fd,
                         struct err *e)
{
    autofree char *plain = fixed_options(s, row);
    autofree char *options = mount_options_labelled(s, row->type, plain, NULL);
    int attrs = row->attrs;
    int r = 0;

    if ((s->box.privileged && row->rw != RW_AS_IT_IS) ||
        (s->box.systemd && row->rw == RW_SYSTEMD)) {
        attrs &= ~MOUNT_RDONLY;
    }
    if (strcmp(row->type, "bind") == 0) {
        r = clone_host_path(row->destination, MOUNT_RECURSIVE, ret_fd, e);
    } else {
        r = mount_new(row->type, options, attrs, ret_fd, e);
    }
    if (r < 0 && row->optional) {
        debug("%s: %s", row->destination, e->msg);
        err_clear(e);
        return 0;
    }
    if (r == -EPERM && row->when == WHEN_PID) {
        return mount_proc_hint(e);
    }
    return r;
}

/* The scratch file system holds the injected files; each is then bound where it is needed. It is
 * attached (a detached mount can't be copied before Linux 6.15) over a folder of the old root and
 * goes with it. */
static int prepare_scratch(const struct spec *s, struct mounts *m, int scratch_at_fd, struct err *e)
{
    /* Who joins its network is given some of them, whatever categories he has. */
    autofree char *options = mount_options_labelled(s, "tmpfs", "mode=755,size=4m", "s0");
    autoclose int scratch_fd = -1;
    int r = 0;

    if (m->file_count == 0) {
        return 0;
    }
    r = mount_new("tmpfs", options, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, &scratch_fd, e);
    if (r == 0) {
        r = mount_attach(scratch_fd, scratch_at_fd, "scratch files", e);
    }
    for (size_t i = 0; r == 0 && i < m->file_count; i++) {
        const char *name = strrchr(m->files[i].path, '/') + 1;
        autoclose int fd = -1;

        if (m->file_fd[i] >= 0) {
            continue;
        }
        fd = openat(scratch_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        r = fd < 0 ? -errno : fd_write_all(fd, m->files[i].text, strlen(m->files[i].text));
        if (r < 0) {
            return err_set(e, -r, "cannot write %s", m->files[i].path);
        }
        r = fchmod(fd, 0644) < 0 ? err_set(e, errno, "cannot write %s", m->files[i].path)
                                 : mount_clone(fd, 0, &m->file_fd[i], e);
    }
    return r;
}

static int prepare_rows(const struct spec *s, struct mounts *m, int early, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && !s->box.bundle && i < FIXED_COUNT; i++) {
        if (FIXED[i].early == early && m->fixed_fd[i] < 0 && is_wanted(s, m, FIXED[i].when) &&
            mounts_find(s, FIXED[i].destination) == NULL) {
            r = prepare_fixed(s, &FIXED[i], &m->fixed_fd[i], e);
        }
    }
    return r;
}

int mounts_prepare_early(const struct spec *s, struct mounts *m, struct err *e)
{
    int r = prepare_rows(s, m, /* early= */ 1, e);

    for (size_t i = 0; r == 0 && i < MOUNTS_DEVICES; i++) {
        autofree char *path = xasprintf("/dev/%s", DEVICES[i]);

        r = clone_host_path(path, 0, &m->device_fd[i], e);
    }
    return r;
}

int mounts_prepare(const struct spec *s, struct mounts *m, int scratch_at_fd, struct err *e)
{
    int r = prepare_rows(s, m, /* early= */ 0, e);

    return r < 0 ? r : prepare_scratch(s, m, scratch_at_fd, e);
}

/* ---- after the pivot */

/* /proc, /sys and /dev of an image must be real folders: a link there is an attempt at something.
 */
static int open_target(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    int fd = -1;
    int r = path_open_no_symlinks(root_fd, path, O_PATH | O_DIRECTORY, &fd, e);

    if (r == -ENOENT) {
        err_clear(e);
        r = path_make_dir_in_root(root_fd, path, &fd, e);
    }
    if (r < 0) {
        return err_wrap(e, "cannot use '%s' of the image as a mount point", path);
    }
    *ret_fd = fd;
    return 0;
}

static int attach_fixed(struct mounts *m, int root_fd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < FIXED_COUNT; i++) {
        autoclose int target_fd = -1;

        if (m->fixed_fd[i] < 0) {
            continue;
        }
        r = open_target(root_fd, FIXED[i].destination, &target_fd, e);
        if (r < 0 && FIXED[i].optional) {
            err_clear(e);
            r = 0;
            continue;
        }
        if (r == 0) {
            r = mount_attach(m->fixed_fd[i], target_fd, FIXED[i].destination, e);
        }
        if (r == 0 && strcmp(FIXED[i].type, "bind") == 0) {
            r = mount_set_attrs(m->fixed_fd[i], FIXED[i].attrs | MOUNT_RECURSIVE, e);
        }
        close_fd(&m->fixed_fd[i]);
    }
    return r;
}

static int attach_devices(struct mounts *m, int root_fd, struct err *e)
{
    autoclose int dev_fd = -1;
    int r = path_open_no_symlinks(root_fd, "/dev", O_RDONLY | O_DIRECTORY, &dev_fd, e);

    for (size_t i = 0; r == 0 && i < MOUNTS_DEVICES; i++) {
        autoclose int file_fd = openat(
            dev_fd, DEVICES[i], O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);

        if (file_fd < 0) {
            return err_set(e, errno, "cannot create /dev/%s", DEVICES[i]);
        }
        r = mount_attach(m->device_fd[i], file_fd, DEVICES[i], e);
        close_fd(&m->device_fd[i]);
    }
    for (size_t i = 0; r == 0 && i < sizeof(DEV_LINKS) / sizeof(DEV_LINKS[0]); i++) {
        if (symlinkat(DEV_LINKS[i].target, dev_fd, DEV_LINKS[i].name) < 0 && errno != EEXIST) {
            return err_set(e, errno, "cannot create /dev/%s", DEV_LINKS[i].name);
        }
    }
    return r;
}

static int is_folder(int root_fd, const char *path)
{
    autoclose int fd = -1;
    struct err ignored = {0};

    return path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, &fd, &ignored) == 0;
}

static int attach_files(const struct spec *s, struct mounts *m, int root_fd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < m->file_count; i++) {
        autoclose int target_fd = -1;

        if (mounts_find(s, m->files[i].path) != NULL ||
            (m->files[i].where != NULL && !is_folder(root_fd, m->files[i].where))) {
            continue;
        }
        r = path_make_file_in_root(root_fd, m->files[i].path, &target_fd, e);
        if (r == 0) {
            r = mount_attach(m->file_fd[i], target_fd, m->files[i].path, e);
        }
        close_fd(&m->file_fd[i]);
    }
    return r;
}

int mounts_attach(const struct spec *s, struct mounts *m, int root_fd, struct err *e)
{
    const struct spec_mount *dev = mounts_find(s, "/dev");
    int r = s->box.bundle ? volumes_attach(s, m, root_fd, e) : attach_fixed(m, root_fd, e);

    /* A user's own /dev (-v /dev:/dev) is left as it is; a bundle says itself where it is. */
    if (r == 0 && (dev == NULL || (s->box.bundle && !str_eq(dev->type, "bind")))) {
        r = attach_devices(m, root_fd, e);
    }
    if (r == 0 && !s->box.bundle) {
        r = attach_files(s, m, root_fd, e);
    }
    if (r == 0 && !s->box.bundle) {
        r = volumes_attach(s, m, root_fd, e);
    }
    if (r == 0) {
        r = devices_attach(s, m, root_fd, e);
    }
    return r;
}

int mounts_terminal(int root_fd, int *ret_master_fd, int *ret_slave_fd, struct err *e)
{
    autoclose int master_fd = -1;
    int unlock = 0;
    int slave_fd = -1;
    int r = path_open_no_symlinks(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, &master_fd, e);

    if (r < 0) {
        return err_wrap(e, "cannot open a terminal");
    }
    if (ioctl(master_fd, TIOCSPTLCK, &unlock) < 0) {
        return err_set(e, errno, "cannot unlock the terminal");
    }
    slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave_fd < 0) {
        return err_set(e, errno, "cannot open the terminal's other end");
    }
    *ret_master_fd = steal_fd(&master_fd);
    *ret_slave_fd = slave_fd;
    return 0;
}

int mounts_console(int root_fd, int *ret_master_fd, int *ret_slave_fd, struct err *e)
{
    autoclose int console_fd = -1;
    int r = mounts_terminal(root_fd, ret_master_fd, ret_slave_fd, e);

    if (r == 0) {
        r = path_make_file_in_root(root_fd, "/dev/console", &console_fd, e);
    }
    return r < 0 ? r : mount_bind(*ret_slave_fd, console_fd, 0, "/dev/console", e);
}
