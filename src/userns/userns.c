/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "userns/userns.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/hints.h"
#include "base/mem.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/idmap.h"
#include "userns/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- writing maps */

static int write_map(pid_t pid, const char *file, const struct spec_idmap *map, struct err *e)
{
    autofree char *path = xasprintf("/proc/%d/%s", (int)pid, file);
    autobuf struct buf text = {0};
    int r = 0;

    for (size_t i = 0; i < map->count; i++) {
        buf_printf(&text, "%u %u %u\n", map->rows[i].container_id, map->rows[i].host_id,
                   map->rows[i].size);
    }
    buf_puts(&text, "");
    r = file_put(AT_FDCWD, path, text.data);
    return r < 0 ? err_set(e, -r, "cannot write %s", file) : 0;
}

int userns_write_maps(pid_t pid, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                      struct err *e)
{
    int r = write_map(pid, "gid_map", gid_map, e);

    return r < 0 ? r : write_map(pid, "uid_map", uid_map, e);
}

/* The caller's own id alone: the kernel lets anybody map that, once setgroups is denied
 * (user_namespaces(7)). */
static int map_own_id(pid_t pid, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                      struct err *e)
{
    autofree char *path = xasprintf("/proc/%d/setgroups", (int)pid);
    int r = file_put(AT_FDCWD, path, "deny");

    if (r < 0) {
        return err_set(e, -r, "cannot write setgroups");
    }
    return userns_write_maps(pid, uid_map, gid_map, e);
}

static int is_own_id(const struct spec_idmap *map, uint32_t own)
{
    return idmap_is_single(map) && map->rows[0].host_id == own;
}

/* ---- newuidmap and newgidmap */

struct helper {
    const char *name;
    pid_t pid;
    int err_fd; /* what it says on stderr */
};

/* posix_spawn(3) is vfork underneath: this runs on the start path of every container, twice. */
static int spawn_helper(struct helper *h, pid_t target, const struct spec_idmap *map, struct err *e)
{
    static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *env[] = {path_env, NULL};
    autostrv struct strv argv = {0};
    autofree char *path = NULL;
    posix_spawn_file_actions_t actions;
    int pipe_fds[2] = {-1, -1};
    int r = proc_find(h->name, &path, e);

    if (r < 0) {
        return err_hint_id(e, HINT_NEWIDMAP, NULL, NULL);
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        return err_set(e, errno, "cannot create a pipe");
    }
    strv_push(&argv, path);
    strv_pushf(&argv, "%d", (int)target);
    idmap_argv(map, &argv);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, 0, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 2);
    r = posix_spawn(&h->pid, path, &actions, NULL, argv.v, env);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_fds[1]);
    h->err_fd = pipe_fds[0];
    return r != 0 ? err_set(e, r, "cannot execute '%s'", path) : 0;
}

/* newuidmap's own words name the cause; what is added is how it comes to be. */
static int helper_failed(const struct helper *h, char *words, int status, struct err *e)
{
    struct err ignored = {0};
    autofree char *fix = NULL;

    words[strcspn(words, "\n")] = '\0';
    (void)err_new(e, EPERM, "cannot map ids: %s", *words != '\0' ? words : h->name);
    if (*words == '\0') {
        (void)err_new(e, EPERM, "cannot map ids: %s failed with status %d", h->name, status);
    }
    if (subid_check_helpers(&fix, &ignored) < 0) {
        return err_hint_id(e, HINT_NEWIDMAP, fix, NULL);
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        return err_hint_id(e, HINT_OUTER_SECCOMP, NULL, NULL);
    }
    if (strstr(words, "not allowed") != NULL) {
        return err_hint(e, "rbox doctor"); /* whose ids they are */
    }
    return err_hint_id(e, HINT_TRIAL, "sudo apt-get install --reinstall -y uidmap", NULL);
}

static int await_helper(struct helper *h, struct err *e)
{
    autofree char *words = NULL;
    struct err ignored = {0};
    int status = 0;

    if (h->pid <= 0) {
        close_fd(&h->err_fd);
        return 0;
    }
    (void)fd_read_all(h->err_fd, 4096, &words, NULL, &ignored);
    close_fd(&h->err_fd);
    while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        autofree char *said = words != NULL ? xstrdup(words) : xstrdup("");

        return helper_failed(h, said,
                             WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), e);
    }
    return 0;
}

static int map_by_helpers(pid_t pid, const struct spec_idmap *uid_map,
                          const struct spec_idmap *gid_map, struct err *e)
{
    struct helper uid = {.name = "newuidmap", .err_fd = -1};
    struct helper gid = {.name = "newgidmap", .err_fd = -1};
    struct err second = {0};
    int r = spawn_helper(&uid, pid, uid_map, e);

    if (r == 0) {
        r = spawn_helper(&gid, pid, gid_map, e);
    }
    /* Both are awaited in any case: no child is left behind. */
    if (await_helper(&uid, r < 0 ? &second : e) < 0 && r == 0) {
        r = -e->errnum;
    }
    if (await_helper(&gid, r < 0 ? &second : e) < 0 && r == 0) {
        r = -e->errnum;
    }
    return r;
}

int userns_map(pid_t pid, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
               struct err *e)
{
    int r = 0;

    if (is_own_id(uid_map, geteuid()) && is_own_id(gid_map, getegid())) {
        r = map_own_id(pid, uid_map, gid_map, e);
    } else if (geteuid() == 0) {
        r = userns_write_maps(pid, uid_map, gid_map, e);
    } else {
        return map_by_helpers(pid, uid_map, gid_map, e);
    }
    return r < 0 ? err_wrap(e, "cannot map ids") : 0;
}

/* ---- jobs */

struct job {
    const struct spec_idmap *uid_map;
    const struct spec_idmap *gid_map;
    userns_job *run;
    void *arg;
    int pidfd; /* whose user namespace it is; -1: a new one */
};

static int become(const struct job *j, struct err *e)
{
    if (idmap_to_host(j->gid_map, 0) >= 0 && setresgid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become group 0 of the namespace");
    }
    /* Denied where there is one id only; then there is no group to drop that the map knows. */
    (void)!setgroups(0, NULL);
    if (idmap_to_host(j->uid_map, 0) >= 0 && setresuid(0, 0, 0) < 0) {
        return err_set(e, errno, "cannot become user 0 of the namespace");
    }
    return proc_raise_ambient(e); /* for a job that executes a helper, where 0 is not mapped */
}

static _Noreturn void job_child(const struct job *j, int socket_fd)
{
    struct err e = {0};
    char go = 0;
    int r = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(socket_fd, &go, 1) != 1) {
        _exit(EXITCODE_RBOX); /* the parent died, or could not map the ids and says so itself */
    }
    r = j->pidfd >= 0 ? ns_join(j->pidfd, CLONE_NEWUSER, &e) : 0;
    r = r < 0 ? r : become(j, &e);
    /* Changing ids cleared it (prctl(2)); the socket tells if the parent died meanwhile. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (r == 0 && recv(socket_fd, &go, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        _exit(EXITCODE_RBOX);
    }
    if (r == 0) {
        r = j->run(j->arg, &e);
    }
    if (r < 0) {
        (void)fd_write_all(socket_fd, &e, sizeof(e));
    }
    _exit(r < 0 ? EXITCODE_RBOX : 0);
}

static int await_job(int pidfd, int socket_fd, struct err *e)
{
    autofree char *data = NULL;
    struct err ignored = {0};
    size_t len = 0;
    int status = 0;
    int r = 0;

    (void)fd_read_all(socket_fd, sizeof(struct err), &data, &len, &ignored);
    r = proc_wait(pidfd, PROC_FOREVER, &status, e);
    if (r < 0 || status == 0) {
        return r;
    }
    if (len == sizeof(*e)) {
        memcpy(e, data, sizeof(*e));
        return e->errnum > 0 ? -e->errnum : err_new(e, EIO, "a job in the user namespace failed");
    }
    return err_new(e, EIO, "a job in the user namespace ended with status %d", status);
}

static int run_job(struct job *j, struct err *e)
{
    autoclose int socket_fd = -1;
    autokill int pidfd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    int r = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return err_set(e, errno, "cannot create a socket pair");
    }
    pid = ns_clone(j->pidfd < 0 ? CLONE_NEWUSER : 0, -1, &pidfd, e);
    if (pid == 0) {
        (void)close(pair[0]);
        job_child(j, pair[1]);
    }
    (void)close(pair[1]);
    socket_fd = pair[0];
    if (pid < 0) {
        return (int)pid;
    }
    r = j->pidfd < 0 ? userns_map(pid, j->uid_map, j->gid_map, e) : 0;
    if (r == 0 && write(socket_fd, "g", 1) != 1) {
        return err_set(e, errno, "cannot start a job in the user namespace");
    }
    if (r < 0) {
        return r;
    }
    r = await_job(pidfd, socket_fd, e);
    close_fd(&pidfd); /* reaped */
    return r;
}

int userns_run(const struct spec_idmap *uid_map, const struct spec_idmap *gid_map, userns_job *job,
               void *arg, struct err *e)
{
    struct job j = {.uid_map = uid_map, .gid_map = gid_map, .run = job, .arg = arg, .pidfd = -1};

    return run_job(&j, e);
}

int userns_run_in(int pidfd, const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                  userns_job *job, void *arg, struct err *e)
{
    struct job j = {.uid_map = uid_map, .gid_map = gid_map, .run = job, .arg = arg, .pidfd = pidfd};

    return run_job(&j, e);
}

int userns_own_maps(struct spec *s, struct err *e)
{
    struct subid ids = {0};
    int r = subid_find(geteuid(), &ids, e);

    r = r < 0 ? r : idmap_choose(s, geteuid(), getegid(), &ids, e);
    subid_done(&ids);
    return r;
}

/* ---- removing */

struct removal {
    int dir_fd;
    const char *name;
};

static int remove_job(void *arg, struct err *e)
{
    const struct removal *job = arg;

    return dir_remove_tree(job->dir_fd, job->name, e);
}

int userns_remove_tree(const struct spec_idmap *uid_map, const struct spec_idmap *gid_map,
                       int dir_fd, const char *name, struct err *e)
{
    struct removal job = {.dir_fd = dir_fd, .name = name};
    struct err ignored = {0};

    if (remove_job(&job, &ignored) == 0 ||
        userns_run(uid_map, gid_map, remove_job, &job, &ignored) == 0) {
        return 0;
    }
    return remove_job(&job, e);
}
