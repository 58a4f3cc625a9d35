/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read from a running cgroup, and what is done to it as a whole. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/cgroup_tree.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

enum {
    FREEZE_TIMEOUT_MS = 10000,
    KILL_ROUNDS = 100,
    KILL_ROUND_MS = 10,
    FILE_MAX_BYTES = 1 << 20,
};

/* ---- figures: one row each, the file and the word before the number in it */

struct figure {
    const char *file;
    const char *key; /* NULL: the file is the number. "k=": all such are summed (one a disk) */
    size_t offset;
    const char *name;
};

#define FIGURE(file, key, member)                                   \
    {                                                               \
        file, key, offsetof(struct cgroup_figures, member), #member \
    }

static const struct figure FIGURES[] = {
    FIGURE("memory.current", NULL, memory_bytes),
    FIGURE("memory.peak", NULL, memory_peak_bytes),
    FIGURE("memory.max", NULL, memory_max_bytes),
    FIGURE("memory.events", "oom ", memory_exhausted),
    FIGURE("memory.events", "oom_kill ", oom_kills),
    FIGURE("pids.current", NULL, pids),
    FIGURE("pids.max", NULL, pids_max),
    FIGURE("pids.events", "max ", pids_refused),
    FIGURE("cpu.stat", "usage_usec ", cpu_us),
    FIGURE("cpu.stat", "user_usec ", cpu_user_us),
    FIGURE("cpu.stat", "system_usec ", cpu_system_us),
    FIGURE("cpu.stat", "nr_periods ", cpu_periods),
    FIGURE("cpu.stat", "nr_throttled ", cpu_throttled_periods),
    FIGURE("cpu.stat", "throttled_usec ", cpu_throttled_us),
    FIGURE("io.stat", "rbytes=", io_read_bytes),
    FIGURE("io.stat", "wbytes=", io_write_bytes),
    FIGURE("io.stat", "rios=", io_reads),
    FIGURE("io.stat", "wios=", io_writes),
    FIGURE("cpu.pressure", "some avg10", pressure_cpu_us),
    FIGURE("memory.pressure", "some avg10", pressure_memory_us),
    FIGURE("io.pressure", "some avg10", pressure_io_us),
};

static uint64_t number_at(const char *p)
{
    return *p >= '0' && *p <= '9' ? strtoull(p, NULL, 10) : CGROUP_UNKNOWN; /* "max" */
}

/* Sum of the numbers after each @key at the start of a word in @text; an empty io.stat is 0. */
static uint64_t sum_of(const char *text, const char *key)
{
    size_t len = strlen(key);
    uint64_t sum = 0;

    for (const char *p = text; (p = strstr(p, key)) != NULL; p += len) {
        if (p == text || p[-1] == ' ' || p[-1] == '\n') {
            sum += strtoull(p + len, NULL, 10);
        }
    }
    return sum;
}

static uint64_t figure_in(const char *text, const struct figure *f)
{
    const char *p = text;

    if (f->key == NULL) {
        return number_at(text);
    }
    if (str_ends(f->key, "=")) {
        return sum_of(text, f->key);
    }
    for (; p != NULL; p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : NULL) {
        const char *value = str_after(p, f->key);

        if (value != NULL && str_ends(f->key, "avg10")) { /* pressure: "… total=MICROSECONDS" */
            value = strstr(value, "total=");
            return value != NULL ? number_at(value + strlen("total=")) : CGROUP_UNKNOWN;
        }
        if (value != NULL) {
            return number_at(value);
        }
    }
    return CGROUP_UNKNOWN;
}

void cgroup_figures_read(int box_fd, struct cgroup_figures *ret)
{
    autofree char *text = NULL;
    const char *file = NULL;

    for (size_t i = 0; i < sizeof(FIGURES) / sizeof(FIGURES[0]); i++) {
        const struct figure *f = &FIGURES[i];
        uint64_t value = CGROUP_UNKNOWN;

        if (!str_eq(file, f->file)) { /* rows of one file stand together: it is read once */
            struct err ignored;

            free(steal_ptr(&text));
            file = f->file;
            if (box_fd >= 0) {
                (void)file_read(box_fd, file, FILE_MAX_BYTES, &text, NULL, &ignored);
            }
        }
        value = text != NULL ? figure_in(text, f) : CGROUP_UNKNOWN;
        memcpy((char *)ret + f->offset, &value, sizeof(value));
    }
}

/* @now less @then; what was unknown then counts from 0. */
static uint64_t since(uint64_t then, uint64_t now)
{
    return now == CGROUP_UNKNOWN || then == CGROUP_UNKNOWN ? now : now - then;
}

void cgroup_figures_since(const struct cgroup_figures *then, struct cgroup_figures *f)
{
    f->memory_exhausted = since(then->memory_exhausted, f->memory_exhausted);
    f->oom_kills = since(then->oom_kills, f->oom_kills);
    f->pids_refused = since(then->pids_refused, f->pids_refused);
}

json_t *cgroup_figures_json(const struct cgroup_figures *f)
{
    json_t *o = json_object();

    for (size_t i = 0; i < sizeof(FIGURES) / sizeof(FIGURES[0]); i++) {
        uint64_t n = 0;

        memcpy(&n, (const char *)f + FIGURES[i].offset, sizeof(n));
        (void)json_object_set_new(o, FIGURES[i].name,
                                  n != CGROUP_UNKNOWN ? json_integer((json_int_t)n) : json_null());
    }
    return o;
}

/* ---- in words */

char *cgroup_size_text(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    uint64_t tenths = 0;
    size_t i = 0;

    if (bytes == CGROUP_UNKNOWN) {
        return xstrdup("unknown");
    }
    for (tenths = bytes * 10; tenths >= 10240 && i + 1 < sizeof(units) / sizeof(units[0]); i++) {
        tenths /= 1024;
    }
    return tenths % 10 == 0
               ? xasprintf("%" PRIu64 " %s", tenths / 10, units[i])
               : xasprintf("%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[i]);
}

static int is_some(uint64_t n)
{
    return n != CGROUP_UNKNOWN && n > 0;
}

/* oom_kill counts what any killer took, the host's too; without an oom no limit of the container's
 * was in the way. */
static char *explain_oom(const struct cgroup_figures *f)
{
    autofree char *limit = cgroup_size_text(f->memory_max_bytes);
    autofree char *peak = cgroup_size_text(f->memory_peak_bytes);
    autofree char *killed =
        xasprintf("%" PRIu64 " process%s killed", f->oom_kills, f->oom_kills == 1 ? "" : "es");

    if (f->memory_max_bytes == CGROUP_UNKNOWN) {
        return xasprintf("out of memory: %s, peak %s, %s",
                         is_some(f->memory_exhausted) ? "limit of a cgroup inside"
                                                      : "of the host, or of a cgroup above",
                         peak, killed);
    }
    if (f->memory_exhausted == 0) {
        return xasprintf("out of memory: of the host, or of a cgroup above (the container's limit "
                         "is %s), %s",
                         limit, killed);
    }
    return xasprintf("out of memory: limit %s, peak %s, %s", limit, peak, killed);
}

char *cgroup_explain(const struct cgroup_figures *f)
{
    if (is_some(f->oom_kills)) {
        return explain_oom(f);
    }
    if (is_some(f->pids_refused)) {
        return xasprintf("out of processes: limit %" PRIu64 ", %" PRIu64 " fork%s refused",
                         f->pids_max, f->pids_refused, f->pids_refused == 1 ? "" : "s");
    }
    return NULL;
}

/* ---- all of it at once */

/* Kill what is listed in the folder @name below @dir_fd and in those below it, and add to @count
 * how many that were. */
static int kill_listed(int dir_fd, const char *name, size_t *count)
{
    autoclosedir DIR *d = dir_open(dir_fd, name);
    autofree pid_t *pids = NULL;
    const struct dirent *entry = NULL;
    size_t n = 0;
    struct err e;

    if (d == NULL) {
        return -errno;
    }
    if (cgroup_tree_pids(dirfd(d), &pids, &n, &e) < 0) {
        return -e.errnum;
    }
    for (size_t i = 0; i < n; i++) {
        (void)kill(pids[i], SIGKILL);
    }
    *count += n;
    while (dir_next(d, &entry) == 1) {
        if (entry->d_type == DT_DIR) {
            /* What fails is gone meanwhile, or has threads only: their process is listed above. */
            (void)kill_listed(dirfd(d), entry->d_name, count);
        }
    }
    return 0;
}

/* Before Linux 5.14: kill what is listed until nothing is. A zombie is not listed. */
static int kill_one_by_one(int dir_fd)
{
    for (int round = 0; round < KILL_ROUNDS; round++) {
        size_t count = 0;
        int r = kill_listed(dir_fd, ".", &count);

        if (r < 0 || count == 0) {
            return r;
        }
        (void)cgroup_tree_await(dir_fd, "populated 0", KILL_ROUND_MS); /* dying takes a while */
    }
    return -EAGAIN;
}

int cgroup_kill(int box_fd)
{
    int r = file_put(box_fd, "cgroup.kill", "1");

    return r == -ENOENT ? kill_one_by_one(box_fd) : r;
}

int cgroup_freeze(int box_fd, int frozen, struct err *e)
{
    int r = file_put(box_fd, "cgroup.freeze", frozen ? "1" : "0");

    if (r == 0) {
        r = cgroup_tree_await(box_fd, frozen ? "frozen 1" : "frozen 0", FREEZE_TIMEOUT_MS);
    }
    return r < 0 ? err_set(e, -r, "cannot %s the container", frozen ? "pause" : "unpause") : 0;
}

int cgroup_is_frozen(int box_fd)
{
    int r = cgroup_tree_await(box_fd, "frozen 1", 0);

    return r == 0 ? 1 : r == -ETIMEDOUT ? 0 : r;
}
