/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/oci_state.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "spec/spec_json.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char STATE[] = "state.json";
static const char START[] = "start.sock";

enum {
    STATE_BYTES_MAX = 4 << 20,
    ID_BYTES_MAX = 255
};

/* ---- folders */

static int is_own_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 022) == 0;
}

/* In podman's user namespace the caller is root, and XDG_RUNTIME_DIR the user's. */
static char *usual_root(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (runtime != NULL && is_own_folder(runtime)) {
        return xasprintf("%s/rbox-oci", runtime);
    }
    return geteuid() == 0 ? xstrdup("/run/rbox-oci")
                          : xasprintf("/tmp/rbox-oci-%u", (unsigned int)geteuid());
}

int oci_state_open_root(const char *given, int *ret_fd, struct err *e)
{
    autofree char *path = given != NULL ? xstrdup(given) : usual_root();
    int r = dir_make_all(path, e);
    int fd = -1;

    if (r < 0) {
        return r;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    if (given == NULL && !is_own_folder(path)) {
        (void)close(fd);
        (void)err_new(e, EPERM, "'%s' is not a folder of the caller's alone", path);
        return err_hint(e, "rbox oci --root DIR …");
    }
    *ret_fd = fd;
    return 0;
}

static int check_id(const char *id, struct err *e)
{
    static const char GOOD[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t len = strlen(id);

    if (len == 0 || len > ID_BYTES_MAX || strspn(id, GOOD) != len || str_eq(id, ".") ||
        str_eq(id, "..")) {
        return err_new(e, EINVAL, "'%s' is no container id: letters, digits and _+-. are", id);
    }
    return 0;
}

static int open_dir(int root_fd, const char *id)
{
    return openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* It is ours: just made, or left by a create that died before it had a process. */
static int can_be_taken(int dir_fd)
{
    return dir_fd >= 0 && flock(dir_fd, LOCK_EX | LOCK_NB) == 0 &&
           faccessat(dir_fd, STATE, F_OK, 0) < 0;
}

int oci_state_new(int root_fd, const char *id, struct oci_state *ret, struct err *e)
{
    autoclose int dir_fd = -1;
    autoclose int fs_fd = -1;
    int r = check_id(id, e);

    if (r < 0) {
        return r;
    }
    if (mkdirat(root_fd, id, 0711) < 0 && errno != EEXIST) {
        return err_set(e, errno, "cannot make the state folder of '%s'", id);
    }
    dir_fd = open_dir(root_fd, id);
    if (!can_be_taken(dir_fd)) {
        return err_new(e, EEXIST, "container '%s' exists already", id);
    }
    r = dir_make(dir_fd, "fs", 0755, &fs_fd, e);
    if (r == 0) {
        *ret = (struct oci_state){
            .id = xstrdup(id), .root_fd = root_fd, .dir_fd = steal_fd(&dir_fd), .o = json_object()};
    }
    return r;
}

int oci_state_write(const struct oci_state *st, pid_t pid, struct err *e)
{
    autofree char *text = NULL;
    uint64_t start = 0;
    char state = 0;
    char now[CLOCK_TEXT_BYTES];

    if (json_object_get(st->o, "created") == NULL) {
        (void)json_object_set_new(st->o, "created",
                                  json_string(clock_text(clock_realtime_ns(), now)));
    }
    (void)proc_identity(pid, &start, &state);
    (void)json_object_set_new(st->o, "pid", json_integer(pid));
    (void)json_object_set_new(st->o, "startTicks", json_integer((json_int_t)start));
    text = json_text(st->o);
    return file_write(st->dir_fd, STATE, text, strlen(text), FILE_PRIVATE, e);
}

int oci_state_open(int root_fd, const char *id, struct oci_state *ret, struct err *e)
{
    autoclose int dir_fd = -1;
    autofree char *text = NULL;
    json_t *o = NULL;
    size_t len = 0;
    int r = check_id(id, e);

    if (r < 0) {
        return r;
    }
    dir_fd = open_dir(root_fd, id);
    if (dir_fd < 0) {
        return err_new(e, ENOENT, "container '%s' does not exist", id);
    }
    r = file_read(dir_fd, STATE, STATE_BYTES_MAX, &text, &len, e);
    if (r == -ENOENT) { /* it is being made, or that failed half-way */
        err_clear(e);
        o = json_object();
        r = 0;
    } else {
        r = r < 0 ? r : json_parse(text, len, STATE, &o, e);
    }
    if (r == 0) {
        *ret = (struct oci_state){
            .id = xstrdup(id), .root_fd = root_fd, .dir_fd = steal_fd(&dir_fd), .o = o};
    }
    return r;
}

int oci_state_is_being_made(const struct oci_state *st)
{
    return oci_state_status(st) == OCI_CREATING && flock(st->dir_fd, LOCK_EX | LOCK_NB) < 0;
}

int oci_state_remove(const struct oci_state *st, struct err *e)
{
    return dir_remove_tree(st->root_fd, st->id, e);
}

void oci_state_done(struct oci_state *st)
{
    free(st->id);
    close_fd(&st->dir_fd);
    json_decref(st->o);
    *st = OCI_STATE_INIT;
}

/* ---- its process */

pid_t oci_state_pid(const struct oci_state *st)
{
    return (pid_t)json_integer_value(json_object_get(st->o, "pid"));
}

static int is_alive(const struct oci_state *st)
{
    uint64_t start = 0;
    char state = 0;

    return proc_identity(oci_state_pid(st), &start, &state) == 0 && state != 'Z' && state != 'X' &&
           (json_int_t)start == json_integer_value(json_object_get(st->o, "startTicks"));
}

int oci_state_process(const struct oci_state *st, int *ret_pidfd, struct err *e)
{
    autoclose int pidfd = proc_open(oci_state_pid(st));

    /* Looked at after the opening. */
    if (pidfd < 0 || !is_alive(st)) {
        return err_new(e, ESRCH, "container '%s' is not running", st->id);
    }
    *ret_pidfd = steal_fd(&pidfd);
    return 0;
}

enum oci_status oci_state_status(const struct oci_state *st)
{
    if (json_object_get(st->o, "pid") == NULL) {
        return OCI_CREATING;
    }
    if (!is_alive(st)) {
        return OCI_STOPPED;
    }
    if (faccessat(st->dir_fd, START, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return OCI_CREATED;
    }
    return cgroup_is_paused(st->dir_fd) ? OCI_PAUSED : OCI_RUNNING;
}

const char *oci_status_name(enum oci_status status)
{
    static const char *const NAMES[] = {"creating", "created", "running", "paused", "stopped"};

    return NAMES[status];
}

/* ---- what is told of it */

json_t *oci_state_json(const struct oci_state *st)
{
    enum oci_status status = oci_state_status(st);
    json_t *o = json_pack("{s:s, s:o, s:s, s:I}", "ociVersion", "1.1.0", "id", json_str(st->id),
                          "status", oci_status_name(status), "pid",
                          (json_int_t)(status == OCI_STOPPED ? 0 : oci_state_pid(st)));
    static const char *const COPIED[] = {"bundle", "rootfs", "created", "annotations", "owner"};

    for (size_t i = 0; i < sizeof(COPIED) / sizeof(COPIED[0]); i++) {
        json_t *v = json_object_get(st->o, COPIED[i]);

        if (v != NULL) {
            (void)json_object_set(o, COPIED[i], v);
        }
    }
    return o;
}

int oci_state_spec(const struct oci_state *st, struct spec *ret, struct err *e)
{
    int r = spec_json_load(st->dir_fd, "config.json", /* listed_only= */ 0, ret, e);

    if (r == 0 && ret->linux_.seccomp.mode == SPEC_SECCOMP_FILE) {
        free(ret->linux_.seccomp.profile);
        ret->linux_.seccomp.profile = oci_state_seccomp(st);
    }
    return r;
}

char *oci_state_seccomp(const struct oci_state *st)
{
    return xasprintf("/proc/self/fd/%d/seccomp.json", st->dir_fd);
}

struct oci_hooks oci_state_hooks(const struct oci_state *st)
{
    json_t *all = json_object_get(st->o, "hooks");

    return (struct oci_hooks){
        .all = json_incref(all), .state = oci_state_json(st), .pid = oci_state_pid(st)};
}

void oci_hooks_done(struct oci_hooks *h)
{
    json_decref(h->all);
    json_decref(h->state);
    *h = (struct oci_hooks){0};
}

/* ---- the socket of its start */

int oci_state_listen(const struct oci_state *st, int *ret_fd, struct err *e)
{
    const struct sockaddr_un address = path_socket_address(st->dir_fd, START);
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)unlinkat(st->dir_fd, START, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1) < 0) {
        return err_set(e, errno, "cannot listen for the start");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int oci_state_connect(const struct oci_state *st, int *ret_fd, struct err *e)
{
    const struct sockaddr_un address = path_socket_address(st->dir_fd, START);
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return err_set(e, errno, "cannot reach container '%s'", st->id);
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

void oci_state_started(const struct oci_state *st)
{
    (void)unlinkat(st->dir_fd, START, 0);
}
