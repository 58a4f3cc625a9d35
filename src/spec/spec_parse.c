/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_parse.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "sys/compat.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

enum {
    NAME_LEN_MAX = 128,
    HOSTNAME_LEN_MAX = 63, /* one label; the kernel's own limit is 64 */
    TZ_LEN_MAX = 128,
    PRESERVE_FDS_MAX = 1024,
    OOM_SCORE_MAX = 1000
};

/* Replace the string at @field. */
static int put_string(void *field, char *s)
{
    free(*(char **)field);
    *(char **)field = s;
    return 0;
}

/* ---- names and words */

int spec_parse_name(const char *value, void *string, struct err *e)
{
    size_t len = strlen(value);
    int good = isalnum((unsigned char)value[0]) != 0 && len <= NAME_LEN_MAX;

    for (const char *p = value; *p != '\0'; p++) {
        good = good && (isalnum((unsigned char)*p) || strchr("_.-", *p) != NULL);
    }
    if (!good) {
        return err_new(e, EINVAL, "'%s' is not a name: letters, digits and _.- after the first",
                       value);
    }
    return put_string(string, xstrdup(value));
}

static int has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if (iscntrl((unsigned char)*s)) {
            return 1;
        }
    }
    return 0;
}

int spec_parse_user(const char *value, void *string, struct err *e)
{
    const char *colon = strchr(value, ':');

    if (value[0] == '\0' || value[0] == ':' || has_control(value) ||
        (colon != NULL && (colon[1] == '\0' || strchr(colon + 1, ':') != NULL))) {
        return err_new(e, EINVAL, "'%s' is not USER[:GROUP]", value);
    }
    return put_string(string, xstrdup(value));
}

int spec_parse_workdir(const char *value, void *string, struct err *e)
{
    char *clean = spec_clean_path(value);

    if (clean == NULL) {
        return err_new(e, EINVAL, "'%s' is not an absolute path", value);
    }
    return put_string(string, clean);
}

int spec_parse_hostname(const char *value, void *string, struct err *e)
{
    size_t len = strlen(value);
    int good = len > 0 && len <= HOSTNAME_LEN_MAX && isalnum((unsigned char)value[0]);

    for (const char *p = value; *p != '\0'; p++) {
        good = good && (isalnum((unsigned char)*p) || strchr(".-", *p) != NULL);
    }
    if (!good) {
        return err_new(e, EINVAL, "'%s' is not a host name: at most %d letters, digits, . and -",
                       value, HOSTNAME_LEN_MAX);
    }
    return put_string(string, xstrdup(value));
}

int spec_parse_tz(const char *value, void *string, struct err *e)
{
    if (value[0] == '\0' || value[0] == '/' || strstr(value, "..") != NULL || has_control(value) ||
        strlen(value) > TZ_LEN_MAX) {
        return err_new(e, EINVAL, "'%s' is not a time zone such as Europe/Berlin, or local", value);
    }
    return put_string(string, xstrdup(value));
}

int spec_parse_pair(const char *value, void *list, struct err *e)
{
    if (value[0] == '\0' || value[0] == '=') {
        return err_new(e, EINVAL, "'%s' is not KEY=VALUE", value);
    }
    strv_pushf(list, "%s%s", value, strchr(value, '=') != NULL ? "" : "=");
    return 0;
}

/* ---- numbers */

int spec_parse_umask(const char *value, void *number, struct err *e)
{
    size_t len = strspn(value, "01234567");

    if (len == 0 || len > 4 || value[len] != '\0' || strtol(value, NULL, 8) > 0777) {
        return err_new(e, EINVAL, "'%s' is not an octal mode such as 0022", value);
    }
    *(int *)number = (int)strtol(value, NULL, 8);
    return 0;
}

/* "RTMIN", "RTMIN+3", "RTMAX-1": the number, or -1. */
static int real_time_signal(const char *name)
{
    const char *offset = NULL;
    int base = 0;
    int64_t n = 0;
    struct err ignored = {0};

    if (strncasecmp(name, "RTMIN", 5) == 0) {
        base = SIGRTMIN;
    } else if (strncasecmp(name, "RTMAX", 5) == 0) {
        base = SIGRTMAX;
    } else {
        return -1;
    }
    offset = name + 5;
    if (*offset != '\0' &&
        ((*offset != '+' && *offset != '-') || parse_int64(offset, -64, 64, &n, &ignored) < 0)) {
        return -1;
    }
    n += base;
    return n >= SIGRTMIN && n <= SIGRTMAX ? (int)n : -1;
}

int spec_parse_signal(const char *value, void *number, struct err *e)
{
    const char *name = strncasecmp(value, "SIG", 3) == 0 ? value + 3 : value;
    int64_t n = -1;

    if (isdigit((unsigned char)value[0])) {
        struct err ignored = {0};

        if (parse_int64(value, 1, SIGRTMAX, &n, &ignored) < 0) {
            n = -1;
        }
    } else {
        n = real_time_signal(name);
        for (int i = 1; i < NSIG && n < 0; i++) {
            const char *abbreviation = sigabbrev_np(i);

            if (abbreviation != NULL && strcasecmp(abbreviation, name) == 0) {
                n = i;
            }
        }
    }
    if (n < 0) {
        return err_new(e, EINVAL, "'%s' is not a signal such as TERM or 15", value);
    }
    *(int *)number = (int)n;
    return 0;
}

int spec_parse_oom_score_adj(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    int64_t n = 0;
    int r = parse_int64(value, -OOM_SCORE_MAX, OOM_SCORE_MAX, &n, e);

    if (r < 0) {
        return r;
    }
    s->process.oom_score_adj = (int)n;
    s->process.oom_score_adj_set = 1;
    return 0;
}

int spec_parse_preserve_fds(const char *value, void *spec, struct err *e)
{
    int64_t n = 0;
    int r = parse_int64(value, 0, PRESERVE_FDS_MAX, &n, e);

    if (r < 0) {
        return r;
    }
    ((struct spec *)spec)->box.preserve_fds = (unsigned int)n;
    return 0;
}

/* ---- groups */

int spec_parse_group_add(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    autostrv struct strv groups = {0};

    strv_split(&groups, value, ',');
    for (size_t i = 0; i < groups.len; i++) {
        if (groups.v[i][0] == '\0' || has_control(groups.v[i])) {
            break;
        }
        if (strcmp(groups.v[i], "keep-groups") == 0) {
            s->process.keep_groups = 1;
        } else {
            strv_push(&s->process.additional_groups, groups.v[i]);
        }
        if (i + 1 == groups.len) {
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not a group", value);
}

/* ---- resource limits of processes, getrlimit(2) */

static const struct {
    const char *name;
    int resource;
} RLIMITS[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},       {"as", RLIMIT_AS},
};

int spec_rlimit_number(const char *name)
{
    const char *bare = strncasecmp(name, "RLIMIT_", 7) == 0 ? name + 7 : name;

    for (size_t i = 0; i < sizeof(RLIMITS) / sizeof(RLIMITS[0]); i++) {
        if (strcasecmp(bare, RLIMITS[i].name) == 0) {
            return RLIMITS[i].resource;
        }
    }
    return -1;
}

static const char *rlimit_name(int resource)
{
    for (size_t i = 0; i < sizeof(RLIMITS) / sizeof(RLIMITS[0]); i++) {
        if (RLIMITS[i].resource == resource) {
            return RLIMITS[i].name;
        }
    }
    return NULL;
}

char *spec_rlimit_oci_name(int resource)
{
    const char *word = rlimit_name(resource);
    char *name = word != NULL ? xasprintf("RLIMIT_%s", word) : xasprintf("%d", resource);

    for (char *p = name; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    return name;
}

static char *limit_text(uint64_t value)
{
    return value == RLIM_INFINITY ? xstrdup("unlimited")
                                  : xasprintf("%llu", (unsigned long long)value);
}

char *spec_rlimit_text(const struct spec_rlimit *l)
{
    const char *name = rlimit_name(l->resource);
    autofree char *soft = limit_text(l->soft);
    autofree char *hard = limit_text(l->hard);

    return xasprintf("%s=%s:%s", name != NULL ? name : "?", soft, hard);
}

static int parse_rlimit_value(const char *text, uint64_t *ret, struct err *e)
{
    int64_t n = 0;
    int r = 0;

    if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
        *ret = RLIM_INFINITY;
        return 0;
    }
    r = parse_int64(text, 0, INT64_MAX, &n, e);
    *ret = (uint64_t)n;
    return r;
}

static struct spec_rlimit *rlimit_row(struct spec *s, int resource)
{
    for (size_t i = 0; i < s->process.rlimit_count; i++) {
        if (s->process.rlimits[i].resource == resource) {
            return &s->process.rlimits[i];
        }
    }
    return spec_add_rlimit(s);
}

int spec_parse_ulimit(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    const char *equals = strchr(value, '=');
    autofree char *name = xstrndup(value, strcspn(value, "="));
    autostrv struct strv parts = {0};
    struct spec_rlimit row = {.resource = spec_rlimit_number(name), .asked = 1};

    if (strcmp(value, "host") == 0) {
        s->process.rlimit_count = 0; /* the caller's own limits are inherited */
        return 0;
    }
    if (equals == NULL) {
        return err_new(e, EINVAL, "'%s' is not NAME=SOFT[:HARD]", value);
    }
    if (row.resource < 0) {
        return err_new(e, EINVAL, "'%s' is not a limit such as nofile", name);
    }
    strv_split(&parts, equals + 1, ':');
    if (parts.len < 1 || parts.len > 2) {
        return err_new(e, EINVAL, "'%s' is not NAME=SOFT[:HARD]", value);
    }
    if (parse_rlimit_value(parts.v[0], &row.soft, e) < 0 ||
        parse_rlimit_value(parts.v[parts.len - 1], &row.hard, e) < 0) {
        return -e->errnum;
    }
    if (row.soft > row.hard) {
        return err_new(e, EINVAL, "'%s' has a soft limit above the hard one", value);
    }
    *rlimit_row(s, row.resource) = row;
    return 0;
}

/* ---- life */

int spec_parse_sdnotify(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    int found = 0;
    int r = parse_word(value, SPEC_SDNOTIFY_NAMES + SPEC_SDNOTIFY_CONTAINER, &found, e);

    if (r == 0) {
        s->box.sdnotify = (enum spec_sdnotify)(SPEC_SDNOTIFY_CONTAINER + found);
    }
    return r;
}

int spec_parse_restart(const char *value, void *spec, struct err *e)
{
    static const struct {
        const char *name;
        enum spec_restart restart;
    } POLICIES[] = {{"no", SPEC_RESTART_NO},
                    {"never", SPEC_RESTART_NO},
                    {"always", SPEC_RESTART_ALWAYS},
                    {"unless-stopped", SPEC_RESTART_UNLESS_STOPPED},
                    {"on-failure", SPEC_RESTART_ON_FAILURE}};
    struct spec *s = spec;
    const char *tries = str_after(value, "on-failure:");
    int64_t max = 0;

    if (tries != NULL) {
        int r = parse_int64(tries, 1, INT_MAX, &max, e);

        if (r < 0) {
            return r;
        }
        s->box.restart = SPEC_RESTART_ON_FAILURE;
        s->box.restart_max = (int)max;
        return 0;
    }
    for (size_t i = 0; i < sizeof(POLICIES) / sizeof(POLICIES[0]); i++) {
        if (strcmp(value, POLICIES[i].name) == 0) {
            s->box.restart = POLICIES[i].restart;
            s->box.restart_max = 0;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not no, on-failure[:TRIES], always or unless-stopped",
                   value);
}

int spec_parse_rootfs(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;
    size_t len = strlen(value);
    int overlay = str_ends(value, ":O");
    autofree char *path = xstrndup(value, overlay ? len - 2 : len);

    if (path[0] == '\0' || path[0] == '-') {
        return err_new(e, EINVAL, "'%s' is not a folder", value);
    }
    s->box.rootfs_overlay = overlay;
    return put_string(&s->box.rootfs, steal_ptr(&path));
}
