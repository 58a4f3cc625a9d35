/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits and logs; declared in spec_parse.h. Values against each other and against the machine are
 * checked by box/limits.c. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "spec/spec_parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

enum {
    CPU_PERIOD_US = 100000,
    CPU_QUOTA_MIN_US = 1000,       /* the kernel takes no less */
    CPUS_MAX = 1 << 20,            /* far above any machine, far below where it wraps */
    PIDS_MAX = 4 * 1024 * 1024,    /* PID_MAX_LIMIT */
    LOG_SIZE_MIN_BYTES = 64 * 1024 /* a record must fit, and its neighbours */
};

static int one_of(const char *value, const char *const *words, void *string, struct err *e)
{
    int found = 0;
    int r = parse_word(value, words, &found, e);

    if (r == 0) {
        xreplace(string, words[found]);
    }
    return r;
}

int spec_parse_memory_swap(const char *value, void *spec, struct err *e)
{
    struct spec_resources *r = &((struct spec *)spec)->linux_.resources;

    if (strcmp(value, "-1") == 0) {
        r->memory_swap_max_bytes = -2;
        return 0;
    }
    return parse_bytes(value, &r->memory_swap_max_bytes, e);
}

void spec_unset_zeros(struct spec_resources *r)
{
    int64_t *const numbers[] = {&r->cpu_quota_us, &r->cpu_period_us, &r->cpu_shares, &r->io_weight,
                                &r->memory_swap_max_bytes};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i] = *numbers[i] == 0 ? -1 : *numbers[i];
    }
}

int spec_parse_cpus(const char *value, void *number, struct err *e)
{
    int64_t quota = 0;

    if (parse_decimal(value, CPU_PERIOD_US, &quota, e) < 0) {
        return -e->errnum;
    }
    if (quota == 0) { /* no limit, as docker has it */
        *(int64_t *)number = 0;
        return 0;
    }
    if (quota < CPU_QUOTA_MIN_US || quota / CPU_PERIOD_US > CPUS_MAX) {
        return err_new(e, ERANGE, "'%s' is not a number of processors: 0.01 or more", value);
    }
    if (quota > (int64_t)CPU_PERIOD_US * get_nprocs()) {
        return err_new(e, ERANGE, "'%s' is more cpus than the %d there are", value, get_nprocs());
    }
    *(int64_t *)number = quota;
    return 0;
}

int spec_parse_cpuset(const char *value, void *string, struct err *e)
{
    autostrv struct strv parts = {0};

    strv_split(&parts, value, ',');
    for (size_t i = 0; i < parts.len; i++) {
        char *dash = strchr(parts.v[i], '-');
        int64_t first = 0;
        int64_t last = 0;

        if (dash != NULL) {
            *dash = '\0';
        }
        if (parse_int64(parts.v[i], 0, CPUS_MAX, &first, e) < 0 ||
            parse_int64(dash != NULL ? dash + 1 : parts.v[i], first, CPUS_MAX, &last, e) < 0) {
            return err_new(e, EINVAL, "'%s' is not a list such as 0-3,5", value);
        }
    }
    if (parts.len == 0) {
        return err_new(e, EINVAL, "'%s' is not a list such as 0-3,5", value);
    }
    free(*(char **)string);
    *(char **)string = xstrdup(value);
    return 0;
}

int spec_parse_pids_limit(const char *value, void *spec, struct err *e)
{
    struct spec_resources *r = &((struct spec *)spec)->linux_.resources;
    int64_t n = 0;

    if (parse_int64(value, -1, PIDS_MAX, &n, e) < 0) {
        return -e->errnum;
    }
    r->pids_max = n > 0 ? n : 0;
    r->pids_asked = 1;
    return 0;
}

/* "DEVICE:RATE" → "DEVICE key=RATE" */
static int parse_rate(const char *value, const char *key, int is_bytes, struct spec *s,
                      struct err *e)
{
    const char *colon = strrchr(value, ':');
    int64_t rate = 0;
    int r = 0;

    if (colon == NULL || value[0] != '/') {
        return err_new(e, EINVAL, "'%s' is not DEVICE:RATE", value);
    }
    r = is_bytes ? parse_bytes(colon + 1, &rate, e)
                 : parse_int64(colon + 1, 1, INT64_MAX, &rate, e);
    if (r < 0) {
        return r;
    }
    if (rate == 0) {
        return err_new(e, EINVAL, "'%s': the rate must be more than 0", value);
    }
    strv_pushf(&s->linux_.resources.io_max, "%.*s %s=%" PRId64, (int)(colon - value), value, key,
               rate);
    return 0;
}

int spec_parse_read_bps(const char *value, void *spec, struct err *e)
{
    return parse_rate(value, "rbps", /* is_bytes= */ 1, spec, e);
}

int spec_parse_write_bps(const char *value, void *spec, struct err *e)
{
    return parse_rate(value, "wbps", /* is_bytes= */ 1, spec, e);
}

int spec_parse_read_iops(const char *value, void *spec, struct err *e)
{
    return parse_rate(value, "riops", /* is_bytes= */ 0, spec, e);
}

int spec_parse_write_iops(const char *value, void *spec, struct err *e)
{
    return parse_rate(value, "wiops", /* is_bytes= */ 0, spec, e);
}

int spec_parse_cgroups(const char *value, void *string, struct err *e)
{
    static const char *const WORDS[] = {"enabled", "disabled", "split", NULL};

    return one_of(value, WORDS, string, e);
}

int spec_parse_limits(const char *value, void *spec, struct err *e)
{
    static const char *const WORDS[] = {"strict", "best-effort", NULL};
    return parse_word(value, WORDS, &((struct spec *)spec)->linux_.resources.best_effort, e);
}

/* ---- logs */

int spec_parse_log_driver(const char *value, void *string, struct err *e)
{
    static const char *const WORDS[] = {"k8s-file", "json-file", "none", "passthrough", NULL};

    if (strcmp(value, "journald") == 0) {
        return err_new(e, ENOTSUP, "'journald' is not supported yet");
    }
    return one_of(value, WORDS, string, e);
}

int spec_parse_log_opt(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    const char *size = str_after(value, "max-size=");
    const char *files = str_after(value, "max-file=");
    int64_t count = 0;

    if (files != NULL) { /* there are never more than two, so what is allowed beyond is no matter */
        return parse_int64(files, 2, INT_MAX, &count, e) < 0 ? err_wrap(e, "max-file") : 0;
    }
    if (size == NULL) {
        return err_new(e, ENOTSUP,
                       "only max-size=BYTES and max-file=COUNT are supported yet, not '%s'", value);
    }
    if (parse_bytes(size, &s->box.log_max_size_bytes, e) < 0) {
        return -e->errnum;
    }
    if (s->box.log_max_size_bytes < LOG_SIZE_MIN_BYTES) {
        return err_new(e, ERANGE, "max-size must be 64k or more");
    }
    return 0;
}
