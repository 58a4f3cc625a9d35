/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/exec.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int exec_failed(const char *command, int errnum, struct err *e)
{
    int missing = errnum == ENOENT || errnum == ENOTDIR;

    if (missing && strchr(command, '/') != NULL && access(command, F_OK) == 0) {
        (void)err_new(e, errnum,
                      "cannot execute '%s': its interpreter or loader is not in the image",
                      command);
    } else if (missing && strchr(command, '/') == NULL) {
        (void)err_new(e, errnum, "cannot execute '%s': not found in the container's PATH", command);
    } else if (errnum == ENOEXEC) {
        (void)err_new(
            e, errnum,
            "cannot execute '%s': not a program for this processor, nor a script with '#!'",
            command);
    } else {
        (void)err_set(e, errnum, "cannot execute '%s'", command);
    }
    return err_exit(e, missing ? EXITCODE_NOT_FOUND : EXITCODE_NOT_EXECUTABLE);
}

static const char *find_path(char *const *envp)
{
    for (; *envp != NULL; envp++) {
        const char *path = str_after(*envp, "PATH=");

        if (path != NULL) {
            return path;
        }
    }
    return "";
}

/* What is done with a file that may be the command: 0 when it is it, else -errno. */
typedef int attempt_fn(const char *path, char *const *argv, char *const *envp);

static int execute(const char *path, char *const *argv, char *const *envp)
{
    (void)execve(path, argv, envp);
    return -errno;
}

static int could_execute(const char *path, char *const *argv, char *const *envp)
{
    struct stat st;

    (void)argv;
    (void)envp;
    if (stat(path, &st) < 0) {
        return -errno;
    }
    return S_ISREG(st.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -EACCES;
}

static int find(attempt_fn *attempt, char *const *argv, char *const *envp, struct err *e)
{
    const char *command = argv[0];
    autostrv struct strv dirs = {0};
    int errnum = ENOENT;

    if (strchr(command, '/') != NULL || *command == '\0') {
        int r = attempt(command, argv, envp);

        return r < 0 ? exec_failed(command, -r, e) : 0;
    }
    strv_split(&dirs, find_path(envp), ':');
    for (size_t i = 0; i < dirs.len; i++) {
        autofree char *full = xasprintf("%s/%s", *dirs.v[i] != '\0' ? dirs.v[i] : ".", command);
        struct stat st;
        /* Asked first: execve(2) sets a whole program up before it sees that there is no file. */
        int r = stat(full, &st) < 0 ? -errno : 0;

        if (r == 0 && S_ISDIR(st.st_mode)) {
            continue; /* no program, and no reason to say "permission denied" */
        }
        r = r < 0 ? r : attempt(full, argv, envp);
        if (r == 0) {
            return 0;
        }
        if (r != -ENOENT && r != -ENOTDIR) {
            errnum = -r;
        }
    }
    return exec_failed(command, errnum, e);
}

int exec_command(char *const *argv, char *const *envp, struct err *e)
{
    return find(execute, argv, envp, e);
}

int exec_check(char *const *argv, char *const *envp, struct err *e)
{
    return find(could_execute, argv, envp, e);
}
