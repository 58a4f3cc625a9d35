/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits that hold, and the figures of what runs: one cgroup v2 folder for each container.
 *
 *     TOP/               rbox-ID.scope of the user's systemd, or rbox-ID below a delegated cgroup
 *     TOP/supervisor/    supervisor and its helpers: no limit and no freeze may hit them
 *     TOP/box/           the container: all limits; root of its cgroup namespace
 *     TOP/server/        where fuse-overlayfs serves its root: that one, and the limits on I/O,
 * which it does for the container
 *
 * Made only where something asks for it (cgroup_wanted()): a foreground run without limits makes
 * nothing. A limit that was asked for and cannot be set exactly is an error that names the missing
 * controller, the level at which it is missing, and the fix; --limits=best-effort runs with less.
 *
 * Calling sequence: the launcher calls cgroup_prepare() once the supervisor exists and its ids are
 * mapped, hands box_fd, top_fd and join_fd to it, and writes cgroup_save() into the run folder. The
 * child calls cgroup_join(). The supervisor reads cgroup_figures_read() after the end and calls
 * cgroup_release() as its last act. Other commands (stats, update, pause, exec) start from
 * cgroup_load(). */
#ifndef RBOX_BOX_CGROUP_H
#define RBOX_BOX_CGROUP_H

#include "base/err.h"
#include "spec/spec.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

enum cgroup_way {
    CGROUP_NONE = 0, /* no cgroup of its own: it is in the caller's */
    CGROUP_SYSTEMD,  /* a transient scope of the user's (for root: the system's) manager */
    CGROUP_FS,       /* a folder made below the caller's own, delegated cgroup */
};

/* One limit that was asked for, for `inspect`. */
struct cgroup_limit {
    char *option;      /* "--memory" */
    char *asked;       /* "5242880", in the words of the cgroup file */
    char *enforced_by; /* "systemd", "cgroupfs", "rlimit", "affinity"; NULL: by nothing */
    int exact;
};

struct cgroup {
    enum cgroup_way way;
    int top_fd;  /* TOP; -1 without a cgroup. All four are O_CLOEXEC */
    int box_fd;  /* TOP/box */
    int join_fd; /* TOP/box/cgroup.procs, open for writing: its holder may join, whatever its ids */
    int server_fd; /* TOP/server, or -1 */
    char *path; /* of TOP as /proc/PID/cgroup has it, "/user.slice/…/rbox-ID.scope"; NULL without */
    char *unit; /* "rbox-ID.scope", or NULL */

    /* > 0: --pids-limit has no cgroup to hold it. The core sets RLIMIT_NPROC to this right before
     * it creates the container in a second, nested user namespace: the kernel (5.14) counts per
     * user namespace then, and all ids of the container share the one limit. */
    int64_t nproc_limit;

    struct cgroup_limit *limits;
    size_t limit_count;
};

/* The value without a cgroup, or after cgroup_done(). */
#define CGROUP_INIT ((struct cgroup){.top_fd = -1, .box_fd = -1, .join_fd = -1, .server_fd = -1})

/* Does @s need a cgroup: a limit asked for, --cgroups=enabled or split? Or would it like one: a
 * detached run, or one with --report? (These go on without where none can be had.) */
int cgroup_wanted(const struct spec *s);

/* Make the cgroup of @s and set its limits. Launcher side, host identity.
 * @supervisor_pid  its host pid; it is moved into TOP/supervisor. Its kernel uid is the caller's.
 * On success the caller owns *ret (cgroup_done()). ret->way can be CGROUP_NONE: then nothing was
 * asked for that needs one, or nproc_limit carries it.
 * Errors: -ENOTSUP and a hint where a limit cannot hold here; -EINVAL a value the kernel would
 * swallow; -ETIMEDOUT, -EIO the user's manager did not answer. Nothing is left behind. */
int cgroup_prepare(const struct spec *s, pid_t supervisor_pid, struct cgroup *ret, struct err *e);

/* Move the calling process into box/ and, with @own_namespace, make that the root of its cgroup
 * namespace. Child side, any ids, as late as the cgroup2 mount allows: what was allocated before is
 * not charged to the container. @join_fd -1: only the namespace. */
int cgroup_join(int join_fd, int own_namespace, struct err *e);

/* Can the caller have the limits that @wanted asks for, or with NULL every one? For `rbox doctor`.
 * *ret_found (caller owns it; NULL when not even a manager answers) says which controllers reach
 * which cgroup. Errors: the first thing that is missing, with its fix. */
int cgroup_check(const struct spec *wanted, char **ret_found, struct err *e);

/* Write what other commands need into the run folder @run_fd, and read it back. Loading opens the
 * descriptors anew; a container without a cgroup loads as CGROUP_NONE. */
int cgroup_save(const struct cgroup *c, int run_fd, struct err *e);
int cgroup_is_saved(int run_fd);
int cgroup_load(int run_fd, struct cgroup *ret, struct err *e);

/* Note a limit in c->limits, in place of an earlier one of the same option. Copies; @by may be
 * NULL. @asked NULL: there is none any more. */
void cgroup_note_limit(struct cgroup *c, const char *option, const char *asked, const char *by,
                       int exact);

/* The limits as `inspect` shows them: [{"Option", "Asked", "EnforcedBy", "Exact"}…]. New
 * reference. */
json_t *cgroup_limits_json(const struct cgroup *c);

/* Move @pid (of the caller's PID namespace), which serves the container's root, from supervisor/ to
 * server/ of the cgroup in the run folder @run_fd. Supervisor. */
int cgroup_attach_server(int run_fd, pid_t pid, struct err *e);

/* Move @pid (a process of the caller's, outside of TOP) to where the container's first process is,
 * in box/ or below it: for `exec`. Host side. */
int cgroup_attach(const struct cgroup *c, pid_t first_pid, pid_t pid, struct err *e);

/* The cgroup.procs of that place, as join_fd is of box/; negative where it can't be had. Host side.
 */
int cgroup_open_place(pid_t first_pid);

/* Give a running container, whose limits are those of @before, those of @after. On failure it has
 * what it had. Host side; cgroup_save() afterwards. Errors as cgroup_prepare(). */
int cgroup_update(struct cgroup *c, const struct spec *before, const struct spec *after,
                  struct err *e);

/* SIGKILL for everything in box/ and the folders below it (cgroup.kill, Linux 5.14; before it, pid
 * by pid until none is left). Returns 0 or -errno. */
int cgroup_kill(int box_fd);

/* Stop (@frozen 1) or resume (0) everything in box/, and wait until the kernel says so. */
int cgroup_freeze(int box_fd, int frozen, struct err *e);

/* Is box/ frozen? 1, 0 or -errno (-EBADF for a container without a cgroup, which can't be). */
int cgroup_is_frozen(int box_fd);

/* The same for whoever has the run folder @run_fd, and no use for errors: 1 or 0. */
int cgroup_is_paused(int run_fd);

#define CGROUP_UNKNOWN UINT64_MAX

/* Figures of box/ since it was made. CGROUP_UNKNOWN where the kernel or the missing controller
 * gives none. Plain numbers: crosses a socket as it is. */
struct cgroup_figures {
    uint64_t memory_bytes;
    uint64_t memory_peak_bytes; /* Linux 5.19 */
    uint64_t memory_max_bytes;  /* CGROUP_UNKNOWN: no limit */
    uint64_t memory_exhausted;  /* times that its own limit, or one below it, left none to be had */
    uint64_t oom_kills;         /* processes killed for memory, by whoever ran out of it */
    uint64_t pids;
    uint64_t pids_max;
    uint64_t pids_refused; /* forks that pids.max refused */
    uint64_t cpu_us;
    uint64_t cpu_user_us;
    uint64_t cpu_system_us;
    uint64_t cpu_periods;
    uint64_t cpu_throttled_periods;
    uint64_t cpu_throttled_us;
    uint64_t io_read_bytes;
    uint64_t io_write_bytes;
    uint64_t io_reads;
    uint64_t io_writes;
    uint64_t pressure_cpu_us; /* time in which some task waited for it (PSI) */
    uint64_t pressure_memory_us;
    uint64_t pressure_io_us;
};

/* Read the figures of @box_fd (-1: all unknown). Never fails. */
void cgroup_figures_read(int box_fd, struct cgroup_figures *ret);

/* Take from @f what was killed and refused up to @then, of the same cgroup (all 0: nothing). */
void cgroup_figures_since(const struct cgroup_figures *then, struct cgroup_figures *f);

/* All of them by their names here, null where unknown. New reference. */
json_t *cgroup_figures_json(const struct cgroup_figures *f);

/* "5 MiB", "5.2 MiB", "unknown". The caller owns it. */
char *cgroup_size_text(uint64_t bytes);

/* One line on why something was killed or refused, or NULL if nothing was: "out of memory: limit
 * 5 MiB, peak 5 MiB, 1 process killed". The container's limit is named as the reason only where it
 * was. The caller owns it. */
char *cgroup_explain(const struct cgroup_figures *f);

/* Leave and remove the cgroup: the supervisor's last act (systemd removes an empty scope itself).
 * Never fails; a second call does nothing. */
void cgroup_release(struct cgroup *c);

/* End what is in the cgroup and remove it: for a supervisor that died before it could. A scope goes
 * by itself, with its last process. Host side. */
void cgroup_remove(const struct cgroup *c);

/* The same, for whoever finds its run folder @run_fd. */
void cgroup_sweep(int run_fd);

/* Close and free, leaving the cgroup as it is. NULL-safe fields; leaves CGROUP_INIT. */
void cgroup_done(struct cgroup *c);
#define autocgroup __attribute__((cleanup(cgroup_done)))

#endif
