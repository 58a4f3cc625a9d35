/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/selinux.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "sys/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SELINUXFS "/sys/fs/selinux/"

enum {
    TEXT_MAX = 65536,
    ANSWER_MAX = 4096,
    LABEL_MAX = 4096,
    PERMISSIVE_DOMAIN = 1 /* a flag of the answer about an access */
};

int selinux_is_on(void)
{
    return faccessat(AT_FDCWD, SELINUXFS "enforce", F_OK, 0) == 0;
}

int selinux_is_labelled(const char *path)
{
    char label[LABEL_MAX];
    ssize_t n = getxattr(path, "security.selinux", label, sizeof(label) - 1);

    label[n > 0 ? n : 0] = '\0';
    return strstr(label, ":container_file_t") != NULL ||
           strstr(label, ":container_ro_file_t") != NULL;
}

/* ---- the policy: lines of KEY = "VALUE" or KEY=VALUE */

static char *value_of(const char *text, const char *key)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = line + strcspn(line, "\n");
        const char *at = str_after(line, key);

        at = at != NULL ? at + strspn(at, " \t") : NULL;
        if (at != NULL && *at == '=') {
            at += 1 + strspn(at + 1, " \t\"");
            return xstrndup(at, strcspn(at, "\" \t\n"));
        }
        line = *end != '\0' ? end + 1 : end;
    }
    return NULL;
}

static char *read_value(const char *path, const char *key)
{
    autofree char *text = NULL;
    struct err ignored = {0};

    return file_read_followed(AT_FDCWD, path, TEXT_MAX, &text, NULL, &ignored) == 0
               ? value_of(text, key)
               : NULL;
}

char *selinux_policy_label(const char *key)
{
    char *label = read_value("/usr/share/containers/selinux/contexts", key);
    autofree char *policy = label == NULL ? read_value("/etc/selinux/config", "SELINUXTYPE") : NULL;
    autofree char *path =
        policy != NULL ? xasprintf("/etc/selinux/%s/contexts/lxc_contexts", policy) : NULL;

    return path != NULL ? read_value(path, key) : label;
}

char *selinux_shared_label(const char *key)
{
    autofree char *label = selinux_is_on() ? selinux_policy_label(key) : NULL;

    if (label == NULL && strcmp(key, "file") != 0) {
        return selinux_shared_label("file");
    }
    return label != NULL && selinux_knows(label) ? steal_ptr(&label) : NULL;
}

int selinux_knows(const char *label)
{
    autoclose int fd = open(SELINUXFS "context", O_RDWR | O_CLOEXEC);

    return fd >= 0 && write(fd, label, strlen(label) + 1) > 0;
}

/* One question, one answer: both by the same descriptor. */
static int ask_access(const char *question, unsigned int *ret_allowed, unsigned int *ret_flags)
{
    autoclose int fd = open(SELINUXFS "access", O_RDWR | O_CLOEXEC);
    char answer[ANSWER_MAX];
    ssize_t n = fd < 0 || write(fd, question, strlen(question) + 1) < 0
                    ? -1
                    : read(fd, answer, sizeof(answer) - 1);

    answer[n > 0 ? n : 0] = '\0';
    return sscanf(answer, "%x %*x %*x %*x %*u %x", ret_allowed, ret_flags) == 2;
}

static unsigned long read_number(const char *path)
{
    autofree char *text = NULL;
    struct err ignored = {0};

    return file_read(AT_FDCWD, path, ANSWER_MAX, &text, NULL, &ignored) == 0
               ? strtoul(text, NULL, 10)
               : 0;
}

int selinux_may_become(const char *label)
{
    unsigned long class = read_number(SELINUXFS "class/process/index");
    unsigned long bit = read_number(SELINUXFS "class/process/perms/transition");
    autofree char *own = NULL;
    autofree char *question = NULL;
    unsigned int allowed = 0;
    unsigned int flags = 0;
    struct err ignored = {0};

    if (bit == 0 || read_number(SELINUXFS "enforce") == 0 ||
        file_read(AT_FDCWD, "/proc/self/attr/current", ANSWER_MAX, &own, NULL, &ignored) < 0) {
        return 1;
    }
    question = xasprintf("%s %s %lu", own, label, class);
    return !ask_access(question, &allowed, &flags) || (flags & PERMISSIVE_DOMAIN) != 0 ||
           (allowed >> (bit - 1) & 1) != 0;
}

/* ---- processes and pipes */

int selinux_exec_open(const char *label)
{
    return label != NULL ? proc_open_fs() : -1;
}

int selinux_exec_as(int proc_fd, const char *label, struct err *e)
{
    int r = label != NULL ? file_put(proc_fd, "thread-self/attr/exec", label) : 0;

    return r < 0 ? err_set(e, -r, "cannot set the SELinux label '%s' for the command", label) : 0;
}

static int make_fifo(int dir_fd, const char *label, const char *name)
{
    int r = file_put(AT_FDCWD, "/proc/thread-self/attr/fscreate", label);

    if (r == 0 && mkfifoat(dir_fd, name, 0600) < 0) {
        r = -errno;
    }
    (void)file_put(AT_FDCWD, "/proc/thread-self/attr/fscreate", "\n"); /* as it was: none */
    return r;
}

int selinux_pipe(int dir_fd, const char *label, int ret[2], struct err *e)
{
    unsigned int unique = 0;
    autofree char *name = NULL;
    int r = 0;

    if (label == NULL) {
        return fd_pipe(&ret[0], &ret[1], e);
    }
    r = getrandom(&unique, sizeof(unique), 0) < 0 ? -errno : 0;
    name = xasprintf("fifo.%x", unique);
    r = r < 0 ? r : make_fifo(dir_fd, label, name);
    if (r < 0) {
        return err_set(e, -r, "cannot make a pipe with the SELinux label '%s'", label);
    }
    /* The reading end does not wait for a writer, and the writing one finds a reader. */
    ret[0] = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    ret[1] = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    (void)unlinkat(dir_fd, name, 0);
    if (ret[0] < 0 || ret[1] < 0 || fcntl(ret[0], F_SETFL, 0) < 0) {
        r = err_set(e, errno, "cannot open a pipe with the SELinux label '%s'", label);
        close_fd(&ret[0]);
        close_fd(&ret[1]);
    }
    return r;
}

/* ---- files */

static const char ATTRIBUTE[] = "security.selinux";

static int label_entry(int dir_fd, const char *name, const struct stat *st, void *arg,
                       struct err *e)
{
    const char *label = arg;
    /* There is no call that takes a folder's descriptor; the link itself is labelled. */
    autofree char *path = xasprintf("/proc/self/fd/%d/%s", dir_fd, name);

    (void)st;
    if (*name == '\0' || lsetxattr(path, ATTRIBUTE, label, strlen(label) + 1, 0) == 0 ||
        errno == ENOTSUP) {
        return 0;
    }
    return err_set(e, errno, "cannot label '%s'", name);
}

int selinux_label(int fd, const char *label, struct err *e)
{
    struct path_proc_fd path = path_proc_fd(fd);

    return setxattr(path.s, ATTRIBUTE, label, strlen(label) + 1, 0) == 0 || errno == ENOTSUP
               ? 0
               : err_set(e, errno, "cannot label it");
}

int selinux_has_label(int fd, const char *label)
{
    struct path_proc_fd path = path_proc_fd(fd);
    char have[LABEL_MAX];
    ssize_t n = getxattr(path.s, ATTRIBUTE, have, sizeof(have) - 1);

    have[n > 0 ? n : 0] = '\0';
    return n < 0 || strcmp(have, label) == 0;
}

int selinux_label_tree(int fd, const char *label, struct err *e)
{
    autofree char *writable = xstrdup(label);
    int r = tree_walk(fd, &(struct tree_walk){.visit = label_entry, .arg = writable}, e);

    return r < 0 ? r : selinux_label(fd, label, e);
}
