/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

static uint64_t microseconds(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

void report_take(int64_t wall_ns, struct report *ret)
{
    struct rusage u = {0};

    (void)getrusage(RUSAGE_CHILDREN, &u);
    *ret = (struct report){.wall_ns = wall_ns,
                           .cpu_user_us = microseconds(&u.ru_utime),
                           .cpu_system_us = microseconds(&u.ru_stime),
                           .largest_process_bytes = (uint64_t)u.ru_maxrss * 1024};
}

/* ---- text: a line for each kind of figure that is known */

static int known(uint64_t n)
{
    return n != CGROUP_UNKNOWN;
}

static void add_cpu(struct buf *b, const struct report *r)
{
    const struct cgroup_figures *f = &r->cgroup;
    double user = (double)(known(f->cpu_user_us) ? f->cpu_user_us : r->cpu_user_us) / 1e6;
    double system = (double)(known(f->cpu_system_us) ? f->cpu_system_us : r->cpu_system_us) / 1e6;
    double wall = (double)r->wall_ns / 1e9;

    buf_printf(b, "wall time    %.3f s\n", wall);
    buf_printf(b, "cpu time     %.3f s user, %.3f s system", user, system);
    if (wall > 0.1) { /* in less, building the container would be most of it */
        buf_printf(b, " (%.0f%% of a cpu)", (user + system) / wall * 100);
    }
    buf_puts(b, "\n");
    if (known(f->cpu_throttled_periods) && f->cpu_throttled_periods > 0) {
        buf_printf(b, "throttled    %.3f s, in %" PRIu64 " of %" PRIu64 " periods\n",
                   (double)f->cpu_throttled_us / 1e6, f->cpu_throttled_periods, f->cpu_periods);
    }
}

static void add_memory(struct buf *b, const struct report *r)
{
    const struct cgroup_figures *f = &r->cgroup;

    if (known(f->memory_peak_bytes)) {
        autofree char *peak = cgroup_size_text(f->memory_peak_bytes);
        autofree char *limit = cgroup_size_text(f->memory_max_bytes);

        buf_printf(b, "peak memory  %s%s%s\n", peak, known(f->memory_max_bytes) ? " of " : "",
                   known(f->memory_max_bytes) ? limit : "");
    } else {
        autofree char *largest = cgroup_size_text(r->largest_process_bytes);

        buf_printf(b, "peak memory  %s (largest process)\n", largest);
    }
}

static void add_io(struct buf *b, const struct cgroup_figures *f)
{
    if (known(f->io_read_bytes)) {
        autofree char *in = cgroup_size_text(f->io_read_bytes);
        autofree char *out = cgroup_size_text(f->io_write_bytes);

        buf_printf(b, "disk         %s read in %" PRIu64 ", %s written in %" PRIu64 " operations\n",
                   in, f->io_reads, out, f->io_writes);
    }
    if (known(f->pressure_cpu_us)) {
        buf_printf(b, "waited for   cpu %.3f s", (double)f->pressure_cpu_us / 1e6);
        buf_printf(b, ", memory %.3f s", (double)f->pressure_memory_us / 1e6);
        buf_printf(b, ", disk %.3f s\n", (double)f->pressure_io_us / 1e6);
    }
}

char *report_text(const struct report *r, int status)
{
    autofree char *why = cgroup_explain(&r->cgroup);
    struct buf b = {0};

    buf_printf(&b, "exit status  %d\n", status);
    add_cpu(&b, r);
    add_memory(&b, r);
    add_io(&b, &r->cgroup);
    if (why != NULL) {
        buf_printf(&b, "limits       %s\n", why);
    }
    return b.data;
}

json_t *report_json(const struct report *r, int status)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "exit_status", json_integer(status));
    (void)json_object_set_new(o, "wall_ns", json_integer(r->wall_ns));
    (void)json_object_set_new(o, "cpu_user_us", json_integer((json_int_t)r->cpu_user_us));
    (void)json_object_set_new(o, "cpu_system_us", json_integer((json_int_t)r->cpu_system_us));
    (void)json_object_set_new(o, "largest_process_bytes",
                              json_integer((json_int_t)r->largest_process_bytes));
    (void)json_object_set_new(o, "cgroup", cgroup_figures_json(&r->cgroup));
    return o;
}

int report_write(const struct report *r, int status, const char *path, struct err *e)
{
    autofree char *text = NULL;
    autoclose int fd = -1;
    int result = 0;

    if (str_ends(path, ".json")) {
        json_auto_t *o = report_json(r, status);
        autofree char *json = json_text(o);

        text = xasprintf("%s\n", json);
    } else {
        text = report_text(r, status);
    }
    if (str_eq(path, "-")) {
        return fd_write_all(STDERR_FILENO, text, strlen(text));
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    result = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
    return result < 0 ? err_set(e, -result, "cannot write --report '%s'", path) : 0;
}
