/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running container uses now, from its cgroup's files and its network namespace: `rbox
 * stats`. Host side.
 *
 * Calling sequence: stats_take() for each container, stats_json() for its row of the table. A
 * second sample of the same container gives the first to stats_take(), so that the CPU's share is
 * that of the time between; without one it is that of the container's whole life. */
#ifndef RBOX_BOX_STATS_H
#define RBOX_BOX_STATS_H

#include "base/err.h"
#include "box/cgroup.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct stats {
    char *id;
    char *name;
    int64_t at_ns;    /* CLOCK_REALTIME */
    int64_t since_ns; /* of the CPU's share: the earlier sample's time, or the start */
    uint64_t cpu_us;  /* used since since_ns; CGROUP_UNKNOWN without a cgroup */
    int has_network;  /* of its own */
    uint64_t net_received_bytes;
    uint64_t net_sent_bytes;
    struct cgroup_figures f;
};

/* Take a sample of the container whose run folder is @run_fd. @before: an earlier sample of it, or
 * NULL. On success the caller owns *ret. Errors: -ENOENT it has ended meanwhile, -EINVAL. */
int stats_take(int run_fd, const char *id, const char *name, const struct stats *before,
               struct stats *ret, struct err *e);
void stats_done(struct stats *s);

/* As docker names and prints it, "n/a" for what is not known. New reference. */
json_t *stats_json(const struct stats *s);

/* Sum the bytes of /proc/PID/net/dev (@text) over all interfaces but lo. */
void stats_parse_net(const char *text, uint64_t *ret_received, uint64_t *ret_sent);

#endif
