/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/find.h"
#include "box/limits.h"
#include "box/update.h"
#include "cli/cmd.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct update_options {
    struct spec spec; /* what is asked; the rest is as spec_init() has it: unset */
    int64_t cpus_quota_us;
};

#define FIELD(name) offsetof(struct update_options, spec.linux_.resources.name)
#define WHOLE       offsetof(struct update_options, spec)

static int parse_memory(const char *value, void *number, struct err *e)
{
    *(int64_t *)number = UPDATE_LIFT;
    return str_eq(value, "-1") ? 0 : parse_bytes(value, number, e);
}

static int parse_quota(const char *value, void *number, struct err *e)
{
    *(int64_t *)number = UPDATE_LIFT;
    return str_eq(value, "-1") ? 0 : parse_int64(value, 0, INT64_MAX, number, e);
}

static const struct opt OPTIONS[] = {
    {"memory", 'm', "BYTES", OPT_PARSE, FIELD(memory_max_bytes), "memory; -1: no limit",
     parse_memory},
    {"memory-swap", 0, "BYTES", OPT_PARSE, WHOLE,
     "memory and swap together; -1: any amount of swap", spec_parse_memory_swap},
    {"memory-reservation", 0, "BYTES", OPT_BYTES, FIELD(memory_low_bytes),
     "memory that is reclaimed last", NULL},
    {"cpus", 0, "N", OPT_PARSE, offsetof(struct update_options, cpus_quota_us),
     "processors' worth of time, such as 1.5; 0: no limit", spec_parse_cpus},
    {"cpu-quota", 0, "MICROSECONDS", OPT_PARSE, FIELD(cpu_quota_us),
     "time in each period; -1: no limit", parse_quota},
    {"cpu-period", 0, "MICROSECONDS", OPT_INT64, FIELD(cpu_period_us), "length of the period",
     NULL},
    {"cpu-shares", 'c', "N", OPT_INT64, FIELD(cpu_shares), "weight against others, 1024 is usual",
     NULL},
    {"cpuset-cpus", 0, "LIST", OPT_PARSE, FIELD(cpuset_cpus), "processors, such as 0-3,5",
     spec_parse_cpuset},
    {"cpuset-mems", 0, "LIST", OPT_PARSE, FIELD(cpuset_mems), "memory nodes", spec_parse_cpuset},
    {"pids-limit", 0, "N", OPT_PARSE, WHOLE, "processes and threads; -1: any number",
     spec_parse_pids_limit},
    {"blkio-weight", 0, "N", OPT_INT64, FIELD(io_weight), "weight of input and output, 10 to 1000",
     NULL},
    {"device-read-bps", 0, "DEVICE:BYTES", OPT_PARSE, WHOLE, "bytes read per second",
     spec_parse_read_bps},
    {"device-write-bps", 0, "DEVICE:BYTES", OPT_PARSE, WHOLE, "bytes written per second",
     spec_parse_write_bps},
    {"device-read-iops", 0, "DEVICE:N", OPT_PARSE, WHOLE, "reads per second", spec_parse_read_iops},
    {"device-write-iops", 0, "DEVICE:N", OPT_PARSE, WHOLE, "writes per second",
     spec_parse_write_iops},
    {"cgroup-conf", 0, "FILE=VALUE", OPT_PARSE, FIELD(unified),
     "any file of cgroup v2, such as memory.high=1g", spec_parse_pair},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"restart", 0, "what runs keeps its policy: rbox run --replace --name NAME --restart POLICY …"},
    {"blkio-weight-device", 0, "--blkio-weight"},
    {"memory-swappiness", 0, "cgroup version 2 has no such limit"},
    {"kernel-memory", 0, "cgroup version 2 has no such limit"},
    {"cpu-rt-period", 0, "cgroup version 2 has no such limit"},
    {"cpu-rt-runtime", 0, "cgroup version 2 has no such limit"},
    {0},
};

static int update(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static void update_init(void *options)
{
    struct update_options *o = options;

    spec_init(&o->spec);
    o->cpus_quota_us = -1;
}

static void update_done(void *options)
{
    spec_done(&((struct update_options *)options)->spec);
}

const struct cmd cmd_update = {
    .names = {"update", "container update"},
    .group = CMD_CONTAINERS,
    .summary = "change the limits of containers",
    .usage = "OPTIONS CONTAINER…",
    .description =
        "Takes effect at once and stays over a restart. What no option names keeps its value, but\n"
        "for the swap that comes with --memory: as much as that.",
    .examples = "rbox update --memory 128m --cpus 0.5 web\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct update_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .init = update_init,
    .done = update_done,
    .run = update,
};

static int update(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct update_options *o = options;
    struct spec_resources *r = &o->spec.linux_.resources;
    struct store *store = NULL;
    struct err failures = {0};

    (void)argc;
    if (o->cpus_quota_us != -1) {
        if (r->cpu_quota_us != -1 || r->cpu_period_us != -1) {
            return err_new(e, EINVAL,
                           "--cpus says what --cpu-quota and --cpu-period say: give one");
        }
        r->cpu_quota_us = o->cpus_quota_us == 0 ? UPDATE_LIFT : o->cpus_quota_us;
        r->cpu_period_us = 100000;
    }
    spec_unset_zeros(r);
    if (!limits_asked(&o->spec)) {
        return err_new(e, EINVAL, "rbox update needs a limit to change");
    }
    if (ctx_store(ctx, &store, e) < 0) {
        return -e->errnum;
    }
    for (; *argv != NULL; argv++) {
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};
        struct err one = {0};
        int found = find_container(store, *argv, &f, &one);

        if (found == 0 && update_limits(f.dir_fd, f.run_fd, r, &one) == 0) {
            (void)printf("%s\n", *argv);
            continue;
        }
        if (found == 0) {
            (void)err_wrap(&one, "cannot update '%s'", f.name);
        }
        err_add(&failures, &one);
    }
    *e = failures;
    return -failures.errnum;
}
