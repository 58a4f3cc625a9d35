/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/processes.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/control.h"
#include "box/signals.h"
#include "sys/fd.h"
#include "userns/idmap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TEXT_BYTES_MAX = 65536,
    ARGS_BYTES_MAX = 4096
};

struct reading {
    const struct spec *spec;
    int64_t first_pid; /* as the host counts */
    char pidns[64];    /* of the first process; "" when all of the host are in it */
    int64_t now_ms;
    struct process_list list;
    int64_t *parents; /* host pids, beside the rows */
};

/* ---- one process */

int processes_parse_stat(const char *text, struct process *ret, int64_t *ret_ppid)
{
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')'); /* the name may hold anything */
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t user = 0;
    uint64_t system = 0;
    uint64_t start = 0;
    uint64_t pages = 0;

    if (open == NULL || close == NULL || close < open ||
        sscanf(close + 1,
               " %c %" SCNd64 " %*d %*d %u %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %" SCNd64 " %*d %*d %" SCNu64 " %" SCNd64 " %" SCNu64,
               &ret->state, ret_ppid, &ret->tty, &user, &system, &ret->nice, &start,
               &ret->vsz_bytes, &pages) != 9) {
        return 0;
    }
    ret->comm = xstrndup(open + 1, (size_t)(close - open - 1));
    ret->cpu_ms = (int64_t)((user + system) * 1000 / ticks);
    ret->started_ms = (int64_t)(start * 1000 / ticks);
    ret->rss_bytes = (int64_t)(pages * (uint64_t)sysconf(_SC_PAGESIZE));
    return 1;
}

/* The @index-th number of the line @key of a status file, -1 for the last. */
static int64_t status_number(const char *status, const char *key, int index, int base)
{
    const char *line = strstr(status, key);
    int64_t value = 0;

    if (line == NULL) {
        return 0;
    }
    line += strlen(key);
    for (int i = 0; index < 0 || i <= index; i++) {
        char *end = NULL;
        int64_t n = 0;

        while (*line == ' ' || *line == '\t') {
            line++;
        }
        if (!isxdigit((unsigned char)*line)) {
            break;
        }
        n = (int64_t)strtoull(line, &end, base);
        value = n;
        line = end;
    }
    return value;
}

/* /proc/PID/NAME, as one that is anybody's may be gone or shut. */
static char *read_text(int proc_fd, const char *name)
{
    struct err ignored = {0};
    char *text = NULL;

    return file_read(proc_fd, name, TEXT_BYTES_MAX, &text, NULL, &ignored) == 0 ? text : NULL;
}

static char *read_args(int proc_fd, const char *comm)
{
    char args[ARGS_BYTES_MAX + 1];
    autoclose int fd = openat(proc_fd, "cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, args, ARGS_BYTES_MAX) : 0;

    while (n > 0 && args[n - 1] == '\0') {
        n--;
    }
    if (n <= 0) {
        return xasprintf("[%s]", comm);
    }
    for (ssize_t i = 0; i < n; i++) {
        if ((unsigned char)args[i] < ' ') {
            args[i] = ' '; /* between words, and what would upset a table */
        }
    }
    args[n] = '\0';
    return xstrdup(args);
}

static void read_ids(const struct reading *r, const char *status, struct process *p)
{
    p->host_uid = status_number(status, "\nUid:", 1, 10);
    p->host_gid = status_number(status, "\nGid:", 1, 10);
    p->uid = idmap_to_container(&r->spec->linux_.uid_mappings, (uint32_t)p->host_uid);
    p->gid = idmap_to_container(&r->spec->linux_.gid_mappings, (uint32_t)p->host_gid);
    p->pid = status_number(status, "\nNSpid:", -1, 10);
    p->pgid = status_number(status, "\nNSpgid:", -1, 10);
    p->seccomp = status_number(status, "\nSeccomp:", 0, 10);
    p->effective_caps = (uint64_t)status_number(status, "\nCapEff:", 0, 16);
}

static int is_of_pidns(const struct reading *r, int proc_fd)
{
    char pidns[64];
    ssize_t n = readlinkat(proc_fd, "ns/pid", pidns, sizeof(pidns) - 1);

    pidns[n > 0 ? n : 0] = '\0';
    return r->pidns[0] == '\0' || strcmp(pidns, r->pidns) == 0;
}

static void take_process(struct reading *r, int proc_fd, int64_t host_pid)
{
    autofree char *stat = is_of_pidns(r, proc_fd) ? read_text(proc_fd, "stat") : NULL;
    autofree char *status = stat != NULL ? read_text(proc_fd, "status") : NULL;
    struct process p = {.host_pid = host_pid};
    int64_t ppid = 0;

    if (status == NULL || !processes_parse_stat(stat, &p, &ppid)) {
        return;
    }
    read_ids(r, status, &p);
    p.age_ms = r->now_ms - p.started_ms;
    p.args = read_args(proc_fd, p.comm);
    r->list.rows = xrealloc(r->list.rows, r->list.count + 1, sizeof(*r->list.rows));
    r->parents = xrealloc(r->parents, r->list.count + 1, sizeof(*r->parents));
    r->parents[r->list.count] = ppid;
    r->list.rows[r->list.count++] = p;
}

/* ---- all of them */

static int read_all(struct reading *r, struct err *e)
{
    autoclosedir DIR *proc = opendir("/proc");
    const struct dirent *entry = NULL;

    if (proc == NULL) {
        return err_set(e, errno, "cannot read '/proc'");
    }
    while ((entry = readdir(proc)) != NULL) {
        autoclose int fd = -1;

        if (!isdigit((unsigned char)entry->d_name[0])) {
            continue;
        }
        fd = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            take_process(r, fd, strtoll(entry->d_name, NULL, 10));
        }
    }
    return 0;
}

static long find_row(const struct reading *r, int64_t host_pid)
{
    for (size_t i = 0; i < r->list.count; i++) {
        if (r->list.rows[i].host_pid == host_pid) {
            return (long)i;
        }
    }
    return -1;
}

static void process_done(struct process *p)
{
    free(p->comm);
    free(p->args);
}

static int descends(const struct reading *r, size_t i)
{
    int64_t pid = r->list.rows[i].host_pid;

    for (size_t steps = 0; steps <= r->list.count; steps++) {
        long row = find_row(r, pid);

        if (pid == r->first_pid) {
            return 1;
        }
        if (row < 0) {
            return 0;
        }
        pid = r->parents[row];
    }
    return 0;
}

static void set_parents(struct reading *r)
{
    for (size_t i = 0; i < r->list.count; i++) {
        long parent = find_row(r, r->parents[i]);

        r->list.rows[i].ppid = parent >= 0 ? r->list.rows[parent].pid : 0;
    }
}

static void keep_descendants(struct reading *r)
{
    struct process_list kept = {0};

    kept.rows = xcalloc(r->list.count + 1, sizeof(*kept.rows));
    for (size_t i = 0; i < r->list.count; i++) {
        if (descends(r, i)) {
            kept.rows[kept.count++] = r->list.rows[i];
        } else {
            process_done(&r->list.rows[i]);
        }
    }
    free(r->list.rows);
    r->list = kept;
}

static int by_pid(const void *a, const void *b)
{
    const struct process *p = a;
    const struct process *q = b;

    return (p->pid > q->pid) - (p->pid < q->pid);
}

int processes_read(const struct found *f, const struct spec *s, struct process_list *ret,
                   struct err *e)
{
    struct reading r = {.spec = s};
    autoclose int pidfd = -1;
    autofree char *path = NULL;
    struct timespec now;
    ssize_t n = 0;
    int result = control_open(f, &pidfd, e);

    if (result < 0) {
        return result;
    }
    r.first_pid = signals_host_pid(pidfd);
    path = xasprintf("/proc/%" PRId64 "/ns/pid", r.first_pid);
    if (s->linux_.namespaces[SPEC_NS_PID].mode == SPEC_NS_PRIVATE) {
        n = readlink(path, r.pidns, sizeof(r.pidns) - 1);
        r.pidns[n > 0 ? n : 0] = '\0';
    }
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    r.now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    result = read_all(&r, e);
    set_parents(&r);
    if (r.pidns[0] == '\0') {
        keep_descendants(&r);
    }
    if (r.list.count > 0) {
        qsort(r.list.rows, r.list.count, sizeof(*r.list.rows), by_pid);
    }
    free(r.parents);
    *ret = r.list;
    return result;
}

void processes_done(struct process_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        process_done(&l->rows[i]);
    }
    free(l->rows);
    *l = (struct process_list){0};
}
