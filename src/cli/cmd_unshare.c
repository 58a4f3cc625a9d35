/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "cli/cmd.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int unshare_run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int rm_tree(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_unshare = {
    .names = {"unshare"},
    .group = CMD_SYSTEM,
    .summary = "run a command as root of a user namespace with your ids mapped",
    .usage = "[COMMAND [ARG…]]",
    .description =
        "What containers' users own on disk has subordinate ids, which you can't touch outside.\n"
        "In here you can. Without a command: $SHELL.",
    .examples = "rbox unshare ls -ln ~/data\nrbox unshare chown -R 0:0 ~/data\n",
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .run = unshare_run,
};

const struct cmd cmd_rm_tree = {
    .names = {"rm-tree"},
    .group = CMD_SYSTEM,
    .summary = "remove folders and files of subordinate ids",
    .usage = "PATH [PATH…]",
    .description = "Like rm -rf, as root of a user namespace with your ids mapped. Symbolic links "
                   "are removed,\n"
                   "not followed; other file systems are not entered.",
    .examples = "rbox rm-tree ~/old-volume\n",
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = rm_tree,
};

/* ---- unshare: the command becomes root there, with everything else as it is here */

static _Noreturn void unshare_child(int socket_fd, char **argv)
{
    char go = 0;

    if (read(socket_fd, &go, 1) != 1) {
        _exit(EXITCODE_RBOX);
    }
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
        _exit(EXITCODE_RBOX);
    }
    (void)!setgroups(0, NULL); /* denied with one id; then there is none to drop */
    proc_become(argv);
}

static int unshare_run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const char *shell = getenv("SHELL");
    char *default_argv[] = {(char *)(uintptr_t)(shell != NULL ? shell : "/bin/sh"), NULL};
    autokill int pidfd = -1;
    struct spec s = {0};
    int pair[2] = {-1, -1};
    int status = 0;
    pid_t pid = -1;
    int r = userns_own_maps(&s, e);

    (void)ctx;
    (void)options;
    if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        r = err_set(e, errno, "cannot create a socket pair");
    }
    pid = r < 0 ? -1 : ns_clone(CLONE_NEWUSER | CLONE_NEWNS, -1, &pidfd, e);
    if (pid == 0) {
        (void)close(pair[0]);
        unshare_child(pair[1], argc > 0 ? argv : default_argv);
    }
    r = r < 0 ? r
              : (pid < 0 ? (int)pid
                         : userns_map(pid, &s.linux_.uid_mappings, &s.linux_.gid_mappings, e));
    if (r == 0 && write(pair[0], "g", 1) == 1) {
        /* Keys of the terminal are the command's to answer. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGQUIT, SIG_IGN);
        r = proc_wait(pidfd, PROC_FOREVER, &status, e);
        close_fd(&pidfd);
    }
    close_fd(&pair[0]);
    close_fd(&pair[1]);
    spec_done(&s);
    return r < 0 ? r : status;
}

/* ---- rm-tree */

/* "/" and "." have no name in a folder above, and are nobody's to remove by accident. */
static int remove_path(const struct spec *s, const char *path, struct err *e)
{
    autofree char *copy = xstrdup(path);
    autoclose int dir_fd = -1;
    const char *name = NULL;
    char *slash = NULL;
    size_t len = strlen(copy);

    while (len > 1 && copy[len - 1] == '/') {
        copy[--len] = '\0';
    }
    slash = strrchr(copy, '/');
    name = slash != NULL ? slash + 1 : copy;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return err_new(e, EINVAL, "refusing to remove '%s'", path);
    }
    if (slash != NULL) {
        *slash = '\0';
    }
    dir_fd = open(slash == NULL ? "." : (slash == copy ? "/" : copy),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return err_set(e, errno, "cannot open the folder of '%s'", path);
    }
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_set(e, errno, "cannot remove '%s'", path);
    }
    return userns_remove_tree(&s->linux_.uid_mappings, &s->linux_.gid_mappings, dir_fd, name, e);
}

static int rm_tree(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct spec s = {0};
    int r = userns_own_maps(&s, e);

    (void)ctx;
    (void)options;
    for (int i = 0; r == 0 && i < argc; i++) {
        r = remove_path(&s, argv[i], e);
    }
    spec_done(&s);
    return r;
}
