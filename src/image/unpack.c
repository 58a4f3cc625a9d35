/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/unpack.h"

#include "base/cleanup.h"
#include "base/hints.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    OUTPUT_BYTES_MAX = 64 << 20
};

struct unpack_job {
    const struct unpack *u;
    char *const *argv;
    int out_fd;
    int err_fd;
};

/* In the namespace, root of it: become the helper. */
static int exec_helper(void *arg, struct err *e)
{
    static char path_env[] = "PATH=/usr/bin:/bin";
    char *env[] = {path_env, NULL};
    const struct unpack_job *job = arg;
    int fds[3] = {job->u->in_fd, job->out_fd, job->err_fd};

    if (fchdir(job->u->folder_fd) < 0) {
        return err_set(e, errno, "cannot enter the folder to unpack into");
    }
    for (int i = 0; i < 3; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
    }
    for (int i = 0; i < 3; i++) {
        if (fds[i] < 0 || dup2(fds[i], i) < 0) {
            return err_set(e, errno, "cannot set descriptor %d", i);
        }
    }
    fd_close_except(NULL, 0);
    (void)execve(job->argv[0], job->argv, env);
    return err_set(e, errno, "cannot execute '%s'", job->argv[0]);
}

static int read_back(int fd, char **ret, struct err *e)
{
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return err_set(e, errno, "cannot read what rbox-unpack said");
    }
    return fd_read_all(fd, OUTPUT_BYTES_MAX, ret, NULL, e);
}

/* Its own words are the error; what the job says is only that it failed. The errno in front of them
 * counts where it is about the disk: the others are the archive's, or the container's. */
static int said(const char *line, struct err *e)
{
    char *rest = NULL;
    long errnum = strtol(line, &rest, 10);
    /* Those that the caller has more to say of, or the hint. */
    int is_told = errnum == ENOSPC || errnum == EDQUOT || errnum == EROFS || errnum == EOVERFLOW ||
                  errnum == ENOTSUP || errnum == ENOEXEC || errnum == EMEDIUMTYPE;

    (void)err_new(e, is_told ? (int)errnum : EINVAL, "%s",
                  rest != line && *rest == ' ' ? rest + 1 : line);
    return errnum == ENOTSUP ? err_hint_id(e, HINT_STORE_FS, NULL, NULL) : -e->errnum;
}

static int helper_failed(int err_fd, struct err *e)
{
    autofree char *words = NULL;
    struct err ignored = {0};

    if (read_back(err_fd, &words, &ignored) == 0 && *words != '\0') {
        char *end = words + strlen(words);

        while (end > words && end[-1] == '\n') {
            *--end = '\0';
        }
        end = strrchr(words, '\n');
        return said(end != NULL ? end + 1 : words, e);
    }
    return -e->errnum;
}

int unpack_run(const struct unpack *u, const char *const *arguments, char **ret_out, struct err *e)
{
    autostrv struct strv argv = {0};
    autofree char *path = NULL;
    autoclose int out_fd = memfd_create("rbox-unpack out", MFD_CLOEXEC);
    autoclose int err_fd = memfd_create("rbox-unpack err", MFD_CLOEXEC);
    struct unpack_job job = {
        .u = u, .out_fd = u->out_fd > 0 ? u->out_fd : out_fd, .err_fd = err_fd};
    int r = proc_find_helper("rbox-unpack", &path, e);

    if (r < 0) {
        return r;
    }
    if (out_fd < 0 || err_fd < 0) {
        return err_set(e, errno, "cannot create a memory file");
    }
    strv_push(&argv, path);
    for (; *arguments != NULL; arguments++) {
        strv_push(&argv, *arguments);
    }
    job.argv = argv.v;
    r = u->pidfd > 0 ? userns_run_in(u->pidfd, u->uid_map, u->gid_map, exec_helper, &job, e)
                     : userns_run(u->uid_map, u->gid_map, exec_helper, &job, e);
    if (r < 0) {
        return helper_failed(err_fd, e);
    }
    return u->out_fd > 0 ? 0 : read_back(out_fd, ret_out, e);
}
