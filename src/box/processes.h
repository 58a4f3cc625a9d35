/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes of a running container, from the host's /proc: all of its PID namespace, and
 * without one of its own those that descend from its first process. Host side. */
#ifndef RBOX_BOX_PROCESSES_H
#define RBOX_BOX_PROCESSES_H

#include "base/err.h"
#include "box/find.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

struct process {
    int64_t host_pid;
    int64_t pid;  /* inside, as the next */
    int64_t ppid; /* 0: its parent is outside */
    int64_t pgid;
    int64_t uid; /* effective, inside; -1: not mapped */
    int64_t gid;
    int64_t host_uid;
    int64_t host_gid;
    int64_t nice;
    int64_t vsz_bytes;
    int64_t rss_bytes;
    int64_t cpu_ms;
    int64_t started_ms; /* since boot */
    int64_t age_ms;
    int64_t seccomp; /* 0 none, 1 strict, 2 filter */
    uint64_t effective_caps;
    unsigned int tty; /* device number; 0: none */
    char state;
    char *comm;
    char *args; /* the command line, words apart by spaces; in brackets the name if there is none */
};

struct process_list {
    struct process *rows; /* by pid */
    size_t count;
};

/* On success the caller owns *ret. Errors: -ESRCH it has ended. */
int processes_read(const struct found *f, const struct spec *s, struct process_list *ret,
                   struct err *e);
void processes_done(struct process_list *l);

/* Fill in what the text of /proc/PID/stat says (proc(5)); 0 when it makes no sense. Pure. */
int processes_parse_stat(const char *text, struct process *ret, int64_t *ret_ppid);

#endif
