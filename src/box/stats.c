/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/stats.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "box/state.h"
#include "sys/fd.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysinfo.h>

enum {
    FILE_MAX_BYTES = 256 * 1024,
};

/* ---- a sample */

void stats_parse_net(const char *text, uint64_t *ret_received, uint64_t *ret_sent)
{
    const char *line = text;

    *ret_received = 0;
    *ret_sent = 0;
    while (line != NULL && *line != '\0') {
        char name[32];
        uint64_t received = 0;
        uint64_t sent = 0;

        if (sscanf(line, " %31[^: ]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name,
                   &received, &sent) == 3 &&
            !str_eq(name, "lo")) {
            *ret_received += received;
            *ret_sent += sent;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

static void take_network(int64_t pid, struct stats *ret)
{
    autofree char *path = xasprintf("/proc/%" PRId64 "/net/dev", pid);
    autofree char *text = NULL;
    struct err ignored = {0};

    ret->has_network = ns_is_own((pid_t)pid, "net") == 0 &&
                       file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL, &ignored) == 0;
    if (ret->has_network) {
        stats_parse_net(text, &ret->net_received_bytes, &ret->net_sent_bytes);
    }
}

static void take_cpu(int64_t started_ns, const struct stats *before, struct stats *ret)
{
    ret->at_ns = clock_realtime_ns();
    ret->since_ns = started_ns;
    ret->cpu_us = ret->f.cpu_us;
    if (before != NULL && before->f.cpu_us != CGROUP_UNKNOWN && ret->cpu_us >= before->f.cpu_us) {
        ret->since_ns = before->at_ns;
        ret->cpu_us -= before->f.cpu_us;
    }
}

int stats_take(int run_fd, const char *id, const char *name, const struct stats *before,
               struct stats *ret, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;
    struct stats s = {0};
    struct state_running running = {0};

    if (state_read_running(run_fd, &running, e) < 0 || cgroup_load(run_fd, &c, e) < 0) {
        return -e->errnum;
    }
    cgroup_figures_read(c.box_fd, &s.f);
    take_cpu(running.started_ns, before, &s);
    take_network(running.pid, &s);
    s.id = xstrdup(id);
    s.name = xstrdup(name);
    *ret = s;
    return 0;
}

void stats_done(struct stats *s)
{
    free(s->id);
    free(s->name);
    *s = (struct stats){0};
}

/* ---- in words */

static uint64_t memory_limit(const struct stats *s)
{
    struct sysinfo info;

    if (s->f.memory_max_bytes != CGROUP_UNKNOWN || sysinfo(&info) < 0) {
        return s->f.memory_max_bytes;
    }
    return (uint64_t)info.totalram * info.mem_unit;
}

/* "A / B", or "n/a" where @a is not known. */
static char *pair_text(uint64_t a, uint64_t b)
{
    autofree char *left = cgroup_size_text(a);
    autofree char *right = cgroup_size_text(b);

    return a == CGROUP_UNKNOWN ? xstrdup("n/a") : xasprintf("%s / %s", left, right);
}

static char *percent_text(uint64_t part, double whole)
{
    return part == CGROUP_UNKNOWN || whole <= 0 ? xstrdup("n/a")
                                                : xasprintf("%.2f%%", (double)part * 100 / whole);
}

/* Append the field @key of @o, taking @text. */
static void set_text(json_t *o, const char *key, char *text)
{
    (void)json_object_set_new(o, key, json_str(text));
    free(text);
}

json_t *stats_json(const struct stats *s)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "ID", json_str(s->id));
    (void)json_object_set_new(o, "Name", json_str(s->name));
    set_text(o, "CPUPerc", percent_text(s->cpu_us, (double)(s->at_ns - s->since_ns) / 1e3));
    set_text(o, "MemUsage", pair_text(s->f.memory_bytes, memory_limit(s)));
    set_text(o, "MemPerc", percent_text(s->f.memory_bytes, (double)memory_limit(s)));
    set_text(o, "NetIO",
             pair_text(s->has_network ? s->net_received_bytes : CGROUP_UNKNOWN, s->net_sent_bytes));
    set_text(o, "BlockIO", pair_text(s->f.io_read_bytes, s->f.io_write_bytes));
    set_text(o, "PIDs",
             s->f.pids != CGROUP_UNKNOWN ? xasprintf("%" PRIu64, s->f.pids) : xstrdup("n/a"));
    return o;
}
