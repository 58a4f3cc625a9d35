/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/exec.h"

#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"

#include <errno.h>
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

int exec_command(char *const *argv, char *const *envp, struct err *e)
{
    const char *command = argv[0];
    autostrv struct strv dirs = {0};
    int errnum = ENOENT;

    if (strchr(command, '/') != NULL || *command == '\0') {
        (void)execve(command, argv, envp);
        return exec_failed(command, errno, e);
    }
    strv_split(&dirs, find_path(envp), ':');
    for (size_t i = 0; i < dirs.len; i++) {
        autofree char *full = xasprintf("%s/%s", *dirs.v[i] != '\0' ? dirs.v[i] : ".", command);
        struct stat st;

        /* Asked first: execve(2) sets a whole program up before it sees that there is no file. */
        if (stat(full, &st) == 0) {
            if (S_ISDIR(st.st_mode)) {
                continue; /* no program, and no reason to say "permission denied" */
            }
            (void)execve(full, argv, envp);
        }
        if (errno != ENOENT && errno != ENOTDIR) {
            errnum = errno;
        }
    }
    return exec_failed(command, errnum, e);
}
