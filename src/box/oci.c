/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/oci.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "box/enter.h"
#include "box/label.h"
#include "box/seccomp.h"
#include "box/sync.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    END_TIMEOUT_MS = 10 * 1000,
    LOOK_MS = 10
};

int oci_write_pid(const char *path, pid_t pid, struct err *e)
{
    autofree char *text = xasprintf("%d", (int)pid);
    autoclose int fd = -1;
    int r = 0;

    if (path == NULL) {
        return 0;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
    return r < 0 ? err_set(e, -r, "cannot write --pid-file '%s'", path) : 0;
}

int oci_send_console(const char *socket_path, int master_fd, struct err *e)
{
    static const char NAME[] = "/dev/ptmx"; /* the message that the descriptor comes with */
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    autoclose int fd = -1;
    int r = 0;

    if (socket_path == NULL) {
        return 0;
    }
    if (strlen(socket_path) >= sizeof(a.sun_path)) {
        return err_new(e, ENAMETOOLONG, "--console-socket '%s' is longer than an address may be",
                       socket_path);
    }
    memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        return err_set(e, errno, "cannot reach --console-socket '%s'", socket_path);
    }
    r = fd_send(fd, NAME, sizeof(NAME), &master_fd, 1);
    return r < 0 ? err_set(e, -r, "cannot give the terminal to '%s'", socket_path) : 0;
}

int oci_explain(int r, struct err *e)
{
    const char *words = r >= 0                                    ? NULL
                        : e->exit_code == EXITCODE_NOT_FOUND      ? strerror(ENOENT)
                        : e->exit_code == EXITCODE_NOT_EXECUTABLE ? strerror(EACCES)
                                                                  : NULL;
    size_t len = strlen(e->msg);

    if (words != NULL && strstr(e->msg, words) == NULL) {
        (void)snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", words);
    }
    return r;
}

/* ---- start */

int oci_start(const struct oci_state *st, struct err *e)
{
    enum oci_status status = oci_state_status(st);
    struct oci_hooks hooks = oci_state_hooks(st);
    int fd = -1;
    int r = 0;

    if (status != OCI_CREATED) {
        r = err_new(e, EBUSY, "container '%s' is %s, not created", st->id, oci_status_name(status));
    }
    r = r < 0 ? r : oci_state_connect(st, &fd, e);
    r = r < 0 ? r : sync_send(fd, SYNC_EXEC, -1, e);
    r = r < 0 ? r : oci_explain(sync_await_exec(&fd, "the container's first process", e), e);
    close_fd(&fd);
    if (r == 0) {
        oci_state_started(st);
        r = oci_hooks_run(&hooks, OCI_HOOK_POSTSTART, e);
    }
    oci_hooks_done(&hooks);
    return r;
}

/* ---- exec */

int oci_exec(const struct oci_state *st, struct spec *s, const struct oci_options *o,
             int *ret_pidfd, struct err *e)
{
    enum oci_status status = oci_state_status(st);
    autocgroup struct cgroup cgroup = CGROUP_INIT;
    struct seccomp_filter filter = {0};
    autoclose int first_pidfd = -1;
    autoclose int master_fd = -1;
    autokill int pidfd = -1;
    pid_t pid = -1;
    int r = oci_state_process(st, &first_pidfd, e);

    if (r == 0 && status != OCI_RUNNING && status != OCI_CREATED) {
        r = err_new(e, EBUSY, "container '%s' is %s", st->id, oci_status_name(status));
    }
    r = r < 0 ? r : label_check(s, e);
    r = r < 0 ? r : cgroup_load(st->dir_fd, &cgroup, e);
    r = r < 0 ? r : seccomp_prepare(s, &filter, e);
    if (r == 0) {
        pid = enter_start(&(struct enter_start){.spec = s,
                                                .filter = &filter,
                                                .pidfd = first_pidfd,
                                                .first_pid = oci_state_pid(st),
                                                .cgroup = &cgroup,
                                                .ret_pidfd = &pidfd,
                                                .ret_master_fd = &master_fd},
                          e);
        r = oci_explain(pid < 0 ? (int)pid : 0, e);
    }
    seccomp_done(&filter);
    r = r < 0 ? r : oci_send_console(o->console_socket, master_fd, e);
    r = r < 0 ? r : oci_write_pid(o->pid_file, pid, e);
    if (r == 0) {
        *ret_pidfd = steal_fd(&pidfd);
    }
    return r;
}

/* ---- kill, delete */

static int signal_cgroup(const struct cgroup *c, int signo, struct err *e)
{
    autofree pid_t *pids = NULL;
    size_t count = 0;
    int r = 0;

    if (signo == SIGKILL) {
        r = cgroup_kill(c->box_fd);
        return r < 0 ? err_set(e, -r, "cannot kill the container's processes") : 0;
    }
    r = cgroup_tree_pids(c->box_fd, &pids, &count, e);
    for (size_t i = 0; i < count; i++) {
        (void)kill(pids[i], signo);
    }
    return r;
}

int oci_kill(const struct oci_state *st, int signo, int all, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    autoclose int pidfd = -1;
    int r = all ? cgroup_load(st->dir_fd, &c, e) : 0;

    if (r == 0 && c.way != CGROUP_NONE) {
        return signal_cgroup(&c, signo, e);
    }
    err_clear(e);
    r = oci_state_process(st, &pidfd, e);
    if (r == -ESRCH && all) { /* nothing is left to be signalled */
        err_clear(e);
        return 0;
    }
    r = r < 0 ? r : proc_signal(pidfd, signo);
    return r < 0 && e->errnum == 0 ? err_set(e, -r, "cannot signal container '%s'", st->id) : r;
}

/* Its parent may be anybody: it is gone when it does not live, reaped or not. */
static int await_end(const struct oci_state *st, struct err *e)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

    for (int waited = 0; oci_state_status(st) != OCI_STOPPED; waited += LOOK_MS) {
        if (waited >= END_TIMEOUT_MS) {
            return err_new(e, ETIMEDOUT, "container '%s' did not end", st->id);
        }
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

static int end(const struct oci_state *st, int force, struct err *e)
{
    enum oci_status status = oci_state_status(st);
    struct err ignored = {0};

    if (oci_state_is_being_made(st)) {
        return err_new(e, EBUSY, "container '%s' is being made", st->id);
    }
    if (status == OCI_STOPPED || status == OCI_CREATING) {
        return 0;
    }
    if (!force) {
        (void)err_new(e, EBUSY, "container '%s' is %s", st->id, oci_status_name(status));
        return err_hint(e, "rbox oci delete --force %s", st->id);
    }
    (void)oci_kill(st, SIGKILL, /* all= */ 0, &ignored);
    return await_end(st, e);
}

int oci_delete(const struct oci_state *st, int force, struct err *e)
{
    struct oci_hooks hooks = {0};
    struct err hook_error = {0};
    int r = end(st, force, e);

    if (r < 0) {
        return r;
    }
    hooks = oci_state_hooks(st);
    cgroup_sweep(st->dir_fd);
    r = oci_state_remove(st, e);
    /* Told, but no reason to keep it. */
    if (oci_hooks_run(&hooks, OCI_HOOK_POSTSTOP, &hook_error) < 0 && r == 0) {
        *e = hook_error;
        r = -e->errnum;
    }
    oci_hooks_done(&hooks);
    return r;
}
