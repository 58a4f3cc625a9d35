/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "box/find.h"
#include "box/limits.h"
#include "cli/cmd.h"
#include "spec/spec_json.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct update_options {
    struct spec spec; /* what is asked; the rest is as spec_init() has it: unset */
    int64_t cpus_quota_us;
};

#define FIELD(name) offsetof(struct update_options, spec.linux_.resources.name)
#define WHOLE       offsetof(struct update_options, spec)

static const struct opt OPTIONS[] = {
    {"memory", 'm', "BYTES", OPT_BYTES, FIELD(memory_max_bytes), "memory", NULL},
    {"memory-swap", 0, "BYTES", OPT_PARSE, WHOLE,
     "memory and swap together; -1: any amount of swap", spec_parse_memory_swap},
    {"memory-reservation", 0, "BYTES", OPT_BYTES, FIELD(memory_low_bytes),
     "memory that is reclaimed last", NULL},
    {"cpus", 0, "N", OPT_PARSE, offsetof(struct update_options, cpus_quota_us),
     "processors' worth of time, such as 1.5", spec_parse_cpus},
    {"cpu-quota", 0, "MICROSECONDS", OPT_INT64, FIELD(cpu_quota_us), "time in each period", NULL},
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
        "Takes effect at once and stays over a restart. What no option names keeps its value.",
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

/* ---- config.json: what was asked for replaces what it says */

static void merge_number(int64_t *into, int64_t asked)
{
    *into = asked != -1 ? asked : *into;
}

static void merge(struct spec_resources *into, const struct spec_resources *asked)
{
    merge_number(&into->memory_max_bytes, asked->memory_max_bytes);
    merge_number(&into->memory_swap_max_bytes, asked->memory_swap_max_bytes);
    merge_number(&into->memory_low_bytes, asked->memory_low_bytes);
    merge_number(&into->cpu_quota_us, asked->cpu_quota_us);
    merge_number(&into->cpu_period_us, asked->cpu_period_us);
    merge_number(&into->cpu_shares, asked->cpu_shares);
    merge_number(&into->io_weight, asked->io_weight);
    xreplace(&into->cpuset_cpus, asked->cpuset_cpus);
    xreplace(&into->cpuset_mems, asked->cpuset_mems);
    strv_append(&into->io_max, &asked->io_max);
    strv_append(&into->unified, &asked->unified);
    if (asked->pids_asked) {
        into->pids_max = asked->pids_max;
        into->pids_asked = 1;
    }
}

static int write_config(const struct found *f, const struct spec *asked, struct err *e)
{
    static const char NAME[] = "config.json";
    __attribute__((cleanup(spec_done))) struct spec s = {0};
    autofree char *text = NULL;
    autofree char *changed = NULL;
    struct stat st;
    size_t len = 0;

    spec_init(&s);
    if (fstatat(f->dir_fd, NAME, &st, 0) < 0) {
        return err_set(e, errno, "cannot read '%s'", NAME);
    }
    if (file_read(f->dir_fd, NAME, 16 << 20, &text, &len, e) < 0 ||
        spec_json_read(text, len, &s, e) < 0) {
        return -e->errnum;
    }
    merge(&s.linux_.resources, &asked->linux_.resources);
    changed = spec_json_write(&s);
    if (file_write(f->dir_fd, NAME, changed, strlen(changed), FILE_PRIVATE, e) < 0) {
        return -e->errnum;
    }
    /* The file's time is when the container was made. */
    (void)utimensat(f->dir_fd, NAME, (struct timespec[]){st.st_atim, st.st_mtim}, 0);
    return 0;
}

static int update_one(const struct found *f, const struct spec *asked, struct err *e)
{
    autocgroup struct cgroup c = CGROUP_INIT;

    if (f->run_fd >= 0 && (cgroup_load(f->run_fd, &c, e) < 0 || cgroup_update(&c, asked, e) < 0 ||
                           cgroup_save(&c, f->run_fd, e) < 0)) {
        return err_wrap(e, "cannot update '%s'", f->name);
    }
    return write_config(f, asked, e);
}

static int update(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct update_options *o = options;
    struct spec_resources *r = &o->spec.linux_.resources;
    struct store *store = NULL;
    int result = 0;

    (void)argc;
    if (o->cpus_quota_us != -1) {
        if (r->cpu_quota_us != -1 || r->cpu_period_us != -1) {
            return err_new(e, EINVAL,
                           "--cpus says what --cpu-quota and --cpu-period say: give one");
        }
        r->cpu_quota_us = o->cpus_quota_us;
        r->cpu_period_us = 100000;
    }
    if (!limits_asked(&o->spec)) {
        return err_new(e, EINVAL, "rbox update needs a limit to change");
    }
    result = ctx_store(ctx, &store, e);
    for (; result == 0 && *argv != NULL; argv++) {
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};

        result = find_container(store, *argv, &f, e);
        result = result < 0 ? result : update_one(&f, &o->spec, e);
        if (result == 0) {
            (void)printf("%s\n", *argv);
        }
    }
    return result;
}
