/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/update.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/limits.h"
#include "spec/spec_json.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static const char CONFIG[] = "config.json";

/* ---- what was asked for replaces what there is */

static void merge_number(int64_t *into, int64_t asked)
{
    *into = asked != -1 ? asked : *into;
}

static void merge_limit(int64_t *into, int64_t asked)
{
    merge_number(into, asked);
    *into = *into == UPDATE_LIFT ? -1 : *into;
}

/* "/dev/sda wbps=1048576" in place of the row that begins as far as the last "=", or behind all. */
static void merge_rows(struct strv *into, const struct strv *asked)
{
    for (size_t i = 0; i < asked->len; i++) {
        size_t len = (size_t)(strrchr(asked->v[i], '=') - asked->v[i]) + 1;
        size_t at = 0;

        while (at < into->len && strncmp(into->v[at], asked->v[i], len) != 0) {
            at++;
        }
        if (at < into->len) {
            strv_remove(into, at);
        }
        strv_push(into, asked->v[i]);
    }
}

static void merge(struct spec_resources *into, const struct spec_resources *asked)
{
    merge_limit(&into->memory_max_bytes, asked->memory_max_bytes);
    merge_number(&into->memory_swap_max_bytes, asked->memory_swap_max_bytes);
    merge_number(&into->memory_low_bytes, asked->memory_low_bytes);
    merge_limit(&into->cpu_quota_us, asked->cpu_quota_us);
    merge_number(&into->cpu_period_us, asked->cpu_period_us);
    merge_number(&into->cpu_shares, asked->cpu_shares);
    merge_number(&into->io_weight, asked->io_weight);
    xreplace(&into->cpuset_cpus, asked->cpuset_cpus);
    xreplace(&into->cpuset_mems, asked->cpuset_mems);
    merge_rows(&into->io_max, &asked->io_max);
    merge_rows(&into->unified, &asked->unified);
    if (asked->pids_asked) {
        into->pids_max = asked->pids_max;
        into->pids_asked = 1;
    }
}

/* ---- the file, which is replaced by each change */

static int lock_config(int dir_fd, int *ret_fd, struct err *e)
{
    for (;;) {
        /* For writing: else NFS gives no such lock, flock(2). */
        autoclose int fd = openat(dir_fd, CONFIG, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || flock(fd, LOCK_EX) < 0) {
            return err_set(e, errno, "cannot lock '%s'", CONFIG);
        }
        if (file_is_named(fd, dir_fd, CONFIG)) {
            *ret_fd = steal_fd(&fd);
            return 0;
        }
    }
}

static int write_config(int dir_fd, const struct spec *s, const struct stat *st, struct err *e)
{
    autofree char *text = spec_json_write(s);
    int r = file_write(dir_fd, CONFIG, text, strlen(text), FILE_PRIVATE, e);

    if (r == 0) { /* its time is when the container was made */
        (void)utimensat(dir_fd, CONFIG, (struct timespec[]){st->st_atim, st->st_mtim}, 0);
    }
    return r;
}

static int change_cgroup(int run_fd, const struct spec *before, const struct spec *after,
                         struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    autolimits struct limits checked = {0};
    int r = 0;

    if (run_fd < 0) {
        return limits_plan(after, &checked, e);
    }
    r = cgroup_load(run_fd, &c, e);
    r = r < 0 ? r : cgroup_update(&c, before, after, e);
    return r < 0 ? r : cgroup_save(&c, run_fd, e);
}

int update_limits(int dir_fd, int run_fd, const struct spec_resources *asked, struct err *e)
{
    __attribute__((cleanup(spec_done))) struct spec before = {0};
    __attribute__((cleanup(spec_done))) struct spec after = {0};
    autoclose int lock_fd = -1;
    struct stat st = {0};
    int r = lock_config(dir_fd, &lock_fd, e);

    if (r == 0 && fstat(lock_fd, &st) < 0) {
        r = err_set(e, errno, "cannot read '%s'", CONFIG);
    }
    r = r < 0 ? r : spec_json_load(dir_fd, CONFIG, /* listed_only= */ 0, &before, e);
    r = r < 0 ? r : spec_json_load(dir_fd, CONFIG, /* listed_only= */ 0, &after, e);
    if (r < 0) {
        return r;
    }
    merge(&after.linux_.resources, asked);
    r = change_cgroup(run_fd, &before, &after, e);
    return r < 0 ? r : write_config(dir_fd, &after, &st, e);
}
