/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/limits.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

enum {
    SWAP_UNLIMITED = -2, /* as spec.h has it */
    CPU_PERIOD_DEFAULT_US = 100000,
    FILE_MAX_BYTES = 64 * 1024,
    WEIGHT_MAX = 10000,
};

/* max_cfs_runtime of the kernel, about. */
#define CPU_QUOTA_MAX_US (INT64_C(1) << 44)

struct limit *limits_add(struct limits *l, const char *option, const char *file, char *value,
                         int asked)
{
    l->rows = xrealloc(l->rows, l->count + 1, sizeof(*l->rows));
    l->rows[l->count] = (struct limit){.option = xstrdup(option),
                                       .file = xstrdup(file),
                                       .value = value,
                                       .asked = asked,
                                       .exact = 1};
    return &l->rows[l->count++];
}

/* Append a row for TOP. */
static struct limit *limits_add_top(struct limits *l, const char *option, const char *file,
                                    const char *property, int64_t value)
{
    struct limit *row = limits_add(l, option, file, xasprintf("%" PRId64, value), 1);

    row->property = property;
    row->property_value = (uint64_t)value;
    return row;
}

void limits_done(struct limits *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->rows[i].option);
        free(l->rows[i].file);
        free(l->rows[i].value);
    }
    free(l->rows);
    *l = (struct limits){0};
}

void limits_controller(const struct limit *row, char *buf, size_t size)
{
    size_t len = strcspn(row->file, ".");

    if (str_after(row->file, "cgroup.") != NULL || len >= size) {
        len = 0;
    }
    memcpy(buf, row->file, len);
    buf[len] = '\0';
}

int limits_asked(const struct spec *s)
{
    const struct spec_resources *r = &s->linux_.resources;

    return r->memory_max_bytes != -1 || r->memory_swap_max_bytes != -1 ||
           r->memory_low_bytes != -1 || r->cpu_quota_us != -1 || r->cpu_period_us != -1 ||
           r->cpu_shares != -1 || r->cpuset_cpus != NULL || r->cpuset_mems != NULL ||
           r->pids_asked || r->io_weight != -1 || r->io_max.len > 0 || r->unified.len > 0;
}

/* ---- memory */

static int machine_has_swap(void)
{
    struct sysinfo info;

    return sysinfo(&info) == 0 && info.totalswap > 0;
}

static char *bytes_text(int64_t bytes)
{
    return xasprintf("%" PRId64, bytes);
}

/* memory.swap.max counts swap alone; docker's option counts memory and swap together. */
static int plan_swap(const struct spec_resources *r, struct limits *l, struct err *e)
{
    int64_t both = r->memory_swap_max_bytes;

    if (both == SWAP_UNLIMITED) {
        (void)limits_add(l, "--memory-swap", "memory.swap.max", xstrdup("max"), 1);
        return 0;
    }
    if (r->memory_max_bytes == -1) {
        return err_new(e, EINVAL,
                       "--memory-swap needs --memory: it counts memory and swap together");
    }
    if (both < r->memory_max_bytes) {
        return err_new(e, EINVAL,
                       "--memory-swap %" PRId64 " is below --memory %" PRId64
                       ": it counts memory and swap together",
                       both, r->memory_max_bytes);
    }
    if (both > r->memory_max_bytes && !machine_has_swap()) {
        (void)err_new(e, EINVAL,
                      "--memory-swap asks for %" PRId64 " bytes of swap and this machine has none",
                      both - r->memory_max_bytes);
        return err_hint(e, "give --memory-swap the value of --memory: no swap");
    }
    (void)limits_add(l, "--memory-swap", "memory.swap.max", bytes_text(both - r->memory_max_bytes),
                     1);
    return 0;
}

/* Protection from reclaim counts as far as the cgroups above have it too, and those of a user's
 * have none: never exact. On box/ as well, for kernels without memory_recursiveprot. */
static void plan_memory_low(int64_t bytes, struct limits *l)
{
    limits_add_top(l, "--memory-reservation", "memory.low", "MemoryLow", bytes)->exact = 0;
    (void)limits_add(l, "--memory-reservation", "memory.low", bytes_text(bytes), 0);
}

static int plan_memory(const struct spec_resources *r, struct limits *l, struct err *e)
{
    if (r->memory_max_bytes != -1 && r->memory_max_bytes <= 0) {
        return err_new(e, EINVAL, "--memory must be more than 0 bytes");
    }
    if (r->memory_low_bytes != -1 && r->memory_low_bytes <= 0) {
        return err_new(e, EINVAL, "--memory-reservation must be more than 0 bytes");
    }
    if (r->memory_low_bytes != -1 && r->memory_max_bytes != -1 &&
        r->memory_low_bytes > r->memory_max_bytes) {
        return err_new(e, EINVAL, "--memory-reservation is above --memory");
    }
    if (r->memory_max_bytes != -1) {
        (void)limits_add(l, "--memory", "memory.max", bytes_text(r->memory_max_bytes), 1);
    }
    if (r->memory_low_bytes != -1) {
        plan_memory_low(r->memory_low_bytes, l);
    }
    if (r->memory_swap_max_bytes != -1) {
        return plan_swap(r, l, e);
    }
    if (r->memory_max_bytes != -1) { /* docker: as much swap as memory */
        (void)limits_add(l, "--memory", "memory.swap.max", bytes_text(r->memory_max_bytes), 0);
    }
    return 0;
}

/* ---- cpu */

/* log2(3) bit by bit: libm would be one more library at every start, for this one option. */
static double log_2(double x)
{
    double log = 0;

    for (; x >= 2; x /= 2) {
        log += 1;
    }
    for (double bit = 0.5; bit > 1e-12; bit /= 2) {
        x *= x;
        if (x >= 2) {
            x /= 2;
            log += bit;
        }
    }
    return log;
}

/* weight = ceil(10^((l² + 125 l) / 612 - 7 / 34)) with l = log2(shares), by its inverse. */
unsigned int limits_cpu_weight(int64_t shares)
{
    double l = log_2((double)shares);
    double wanted = ((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * log_2(10) - 1e-9;
    unsigned int weight = 1;

    while (log_2(weight) < wanted && weight < 10000) {
        weight++;
    }
    return weight;
}

static int plan_cpu_max(const struct spec_resources *r, struct limits *l, struct err *e)
{
    int64_t period = r->cpu_period_us != -1 ? r->cpu_period_us : CPU_PERIOD_DEFAULT_US;

    if (period < 1000 || period > 1000000) {
        return err_new(e, EINVAL, "--cpu-period must be between 1000 and 1000000 microseconds");
    }
    if (r->cpu_quota_us == -1) {
        (void)limits_add(l, "--cpu-period", "cpu.max", xasprintf("max %" PRId64, period), 1);
        return 0;
    }
    if (r->cpu_quota_us < 1000) {
        return err_new(e, EINVAL,
                       "the cpu limit must be at least 1000 microseconds a period "
                       "(--cpus 0.01)");
    }
    if (r->cpu_quota_us > CPU_QUOTA_MAX_US) {
        return err_new(e, EINVAL, "--cpu-quota must be at most %" PRId64 " microseconds",
                       (int64_t)CPU_QUOTA_MAX_US);
    }
    (void)limits_add(l, "--cpus", "cpu.max",
                     xasprintf("%" PRId64 " %" PRId64, r->cpu_quota_us, period), 1);
    return 0;
}

static int plan_cpu(const struct spec_resources *r, struct limits *l, struct err *e)
{
    if (r->cpu_shares != -1) {
        if (r->cpu_shares < 2 || r->cpu_shares > 262144) {
            return err_new(e, EINVAL, "--cpu-shares must be between 2 and 262144");
        }
        (void)limits_add_top(l, "--cpu-shares", "cpu.weight", "CPUWeight",
                             limits_cpu_weight(r->cpu_shares));
    }
    if (r->cpuset_cpus != NULL) {
        (void)limits_add(l, "--cpuset-cpus", "cpuset.cpus", xstrdup(r->cpuset_cpus), 1);
    }
    if (r->cpuset_mems != NULL) {
        (void)limits_add(l, "--cpuset-mems", "cpuset.mems", xstrdup(r->cpuset_mems), 1);
    }
    if (r->cpu_quota_us != -1 || r->cpu_period_us != -1) {
        return plan_cpu_max(r, l, e);
    }
    return 0;
}

/* ---- io */

/* Does the I/O scheduler @name ("[bfq]") serve some disk? */
static int some_disk_uses(const char *name)
{
    autoclosedir DIR *d = opendir("/sys/block");
    const struct dirent *entry = NULL;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[300];
        autofree char *text = NULL;
        struct err ignored;

        (void)snprintf(path, sizeof(path), "/sys/block/%s/queue/scheduler", entry->d_name);
        if (entry->d_name[0] != '.' &&
            file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL, &ignored) == 0 &&
            strstr(text, name) != NULL) {
            return 1;
        }
    }
    return 0;
}

static int some_disk_has_iocost(void)
{
    autofree char *text = NULL;
    struct err ignored;

    return file_read(AT_FDCWD, "/sys/fs/cgroup/io.cost.qos", FILE_MAX_BYTES, &text, NULL,
                     &ignored) == 0 &&
           strstr(text, "enable=1") != NULL;
}

/* The kernel takes a weight under every scheduler, and only two heed it. */
static int refuse_io_weight(const char *option, struct err *e)
{
    (void)err_new(e, EINVAL, "%s would have no effect: no disk has the scheduler bfq or iocost",
                  option);
    return err_hint(e, "echo bfq | sudo tee /sys/block/DISK/queue/scheduler");
}

static int plan_io_weight(int64_t weight, struct limits *l, struct err *e)
{
    if (weight < 10 || weight > 1000) {
        return err_new(e, EINVAL, "--blkio-weight must be between 10 and 1000");
    }
    if (some_disk_uses("[bfq]")) {
        /* systemd makes bfq's scale (100 of 1000) of its own (100 of 10000); the way back. */
        limits_add_top(l, "--blkio-weight", "io.bfq.weight", "IOWeight", weight)->property_value =
            (uint64_t)(weight <= 100 ? weight : 100 + (weight - 100) * 11);
        return 0;
    }
    if (some_disk_has_iocost()) {
        (void)limits_add_top(l, "--blkio-weight", "io.weight", "IOWeight",
                             1 + (weight - 10) * 9999 / 990);
        return 0;
    }
    return refuse_io_weight("--blkio-weight", e);
}

/* "PATH rbps=N" → "MAJOR:MINOR rbps=N". */
static int plan_io_max(const char *row, struct limits *l, struct err *e)
{
    static const char *const options[][2] = {{" rbps=", "--device-read-bps"},
                                             {" wbps=", "--device-write-bps"},
                                             {" riops=", "--device-read-iops"},
                                             {" wiops=", "--device-write-iops"}};
    const char *space = strrchr(row, ' ');
    autofree char *path = space != NULL ? xstrndup(row, (size_t)(space - row)) : xstrdup(row);
    autofree char *option = NULL;
    char sys[64];
    struct stat st;

    for (size_t i = 0; space != NULL && i < 4; i++) {
        if (str_after(space, options[i][0]) != NULL) {
            option = xasprintf("%s %s", options[i][1], path);
        }
    }
    if (option == NULL) {
        return err_new(e, EINVAL, "'%s' names no device limit", row);
    }
    if (stat(path, &st) < 0) {
        return err_set(e, errno, "cannot set %s", option);
    }
    if (!S_ISBLK(st.st_mode)) {
        return err_new(e, EINVAL, "cannot set %s: not a block device", option);
    }
    (void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u/partition", major(st.st_rdev),
                   minor(st.st_rdev));
    if (access(sys, F_OK) == 0) {
        return err_new(e, EINVAL,
                       "cannot set %s: limits are of whole disks, and this is a partition", option);
    }
    (void)limits_add(l, option, "io.max",
                     xasprintf("%u:%u%s", major(st.st_rdev), minor(st.st_rdev), space), 1);
    return 0;
}

/* ---- --cgroup-conf: any file of a controller, none of those that move or kill processes */

/* A file of TOP: the container counts by it against others. */
struct top_file {
    const char *file;
    const char *property;
    int is_bytes;
};

static int plan_top_file(const struct top_file *t, const char *option, const char *value,
                         struct limits *l, struct err *e)
{
    struct limit *row = NULL;
    int64_t n = 0;
    int is_max = t->is_bytes && str_eq(value, "max");
    int r = is_max        ? 0
            : t->is_bytes ? parse_bytes(value, &n, e)
                          : parse_int64(value, 1, WEIGHT_MAX, &n, e);

    if (r < 0) {
        return err_wrap(e, "%s", option);
    }
    if (str_eq(t->file, "io.weight") && !some_disk_uses("[bfq]") && !some_disk_has_iocost()) {
        return refuse_io_weight(option, e);
    }
    row = limits_add_top(l, option, t->file, t->property, n);
    if (is_max) {
        free(row->value);
        row->value = xstrdup("max");
        row->property_value = UINT64_MAX;
    }
    return 0;
}

/* On box/, where they could be written, the first three would weigh the container against nothing
 * but what rbox runs beside it. */
static int refuse_unified(const char *file, struct err *e)
{
    static const char *const OTHERS[][2] = {{"cpu.weight.nice", "--cgroup-conf cpu.weight=N"},
                                            {"cpu.idle", "--cgroup-conf cpu.weight=1"},
                                            {"io.bfq.weight", "--blkio-weight N"}};

    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        if (str_eq(file, OTHERS[i][0])) {
            (void)err_new(e, ENOTSUP, "--cgroup-conf %s would weigh against no other container",
                          file);
            return err_hint(e, "%s", OTHERS[i][1]);
        }
    }
    return 0;
}

static int plan_unified(const char *pair, struct limits *l, struct err *e)
{
    static const struct top_file TOP[] = {{"cpu.weight", "CPUWeight", 0},
                                          {"io.weight", "IOWeight", 0},
                                          {"memory.low", "MemoryLow", 1},
                                          {"memory.min", "MemoryMin", 1}};
    const char *equals = strchr(pair, '=');
    autofree char *file = equals != NULL ? xstrndup(pair, (size_t)(equals - pair)) : NULL;
    autofree char *option = NULL;
    const char *dot = file != NULL ? strchr(file, '.') : NULL;

    if (dot == NULL || dot == file || strchr(file, '/') != NULL ||
        (str_after(file, "cgroup.") != NULL && str_after(file, "cgroup.max.") == NULL)) {
        return err_new(e, EINVAL, "--cgroup-conf '%s' is not of the form CONTROLLER.FILE=VALUE",
                       pair);
    }
    if (refuse_unified(file, e) < 0) {
        return -e->errnum;
    }
    option = xasprintf("--cgroup-conf %s", file);
    for (size_t i = 0; i < sizeof(TOP) / sizeof(TOP[0]); i++) {
        if (str_eq(file, TOP[i].file)) {
            return plan_top_file(&TOP[i], option, equals + 1, l, e);
        }
    }
    (void)limits_add(l, option, file, xstrdup(equals + 1), 1);
    return 0;
}

int limits_plan(const struct spec *s, struct limits *ret, struct err *e)
{
    const struct spec_resources *r = &s->linux_.resources;
    autolimits struct limits l = {0};
    int error = 0;

    if ((error = plan_memory(r, &l, e)) < 0 || (error = plan_cpu(r, &l, e)) < 0) {
        return error;
    }
    if (r->pids_asked || r->pids_max > 0) {
        (void)limits_add(&l, "--pids-limit", "pids.max",
                         r->pids_max > 0 ? bytes_text(r->pids_max) : xstrdup("max"), r->pids_asked);
    }
    if (r->io_weight != -1 && (error = plan_io_weight(r->io_weight, &l, e)) < 0) {
        return error;
    }
    for (size_t i = 0; i < r->io_max.len; i++) {
        if ((error = plan_io_max(r->io_max.v[i], &l, e)) < 0) {
            return error;
        }
    }
    for (size_t i = 0; i < r->unified.len; i++) {
        if ((error = plan_unified(r->unified.v[i], &l, e)) < 0) {
            return error;
        }
    }
    *ret = l;
    l = (struct limits){0};
    return 0;
}
