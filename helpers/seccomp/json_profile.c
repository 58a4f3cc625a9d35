/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_profile.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "sys/fd.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>

static const char WHAT[] = "the seccomp profile";
enum {
    PROFILE_BYTES_MAX = 4 << 20,
    ARGS_MAX = 6
};

static int parse_action(const char *name, int64_t errnum, uint32_t *ret, struct err *e)
{
    const struct {
        const char *name;
        uint32_t action;
    } actions[] = {
        {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
        {"SCMP_ACT_LOG", SCMP_ACT_LOG},
        {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO((uint32_t)errnum & 0xffff)},
        {"SCMP_ACT_KILL", SCMP_ACT_KILL},
        {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
        {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    };

    for (size_t i = 0; name != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0) {
            *ret = actions[i].action;
            return 0;
        }
    }
    return err_new(e, EINVAL, "%s: action '%s' is not supported", WHAT, name != NULL ? name : "");
}

static int parse_operator(const char *name, enum scmp_compare *ret, struct err *e)
{
    static const struct {
        const char *name;
        enum scmp_compare op;
    } OPERATORS[] = {
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    };

    for (size_t i = 0; name != NULL && i < sizeof(OPERATORS) / sizeof(OPERATORS[0]); i++) {
        if (strcmp(OPERATORS[i].name, name) == 0) {
            *ret = OPERATORS[i].op;
            return 0;
        }
    }
    return err_new(e, EINVAL, "%s: operator '%s' is not known", WHAT, name != NULL ? name : "");
}

static int parse_args(const json_t *rule, struct scmp_arg_cmp args[ARGS_MAX],
                      unsigned int *ret_count, struct err *e)
{
    json_t *list = NULL;
    json_t *o = NULL;
    size_t i = 0;
    int r = json_get_array(rule, "args", WHAT, &list, e);

    *ret_count = 0;
    if (json_array_size(list) > ARGS_MAX) {
        return err_new(e, EINVAL, "%s: more than %d arguments in a rule", WHAT, ARGS_MAX);
    }
    json_array_foreach(list, i, o)
    {
        const char *op = NULL;
        int64_t index = 0;
        int64_t value = 0;
        int64_t value_two = 0;
        enum scmp_compare compare = SCMP_CMP_EQ;

        r = r < 0 ? r : json_get_int(o, "index", WHAT, &index, e);
        r = r < 0 ? r : json_get_int(o, "value", WHAT, &value, e);
        r = r < 0 ? r : json_get_int(o, "valueTwo", WHAT, &value_two, e);
        r = r < 0 ? r : json_get_string(o, "op", WHAT, &op, e);
        r = r < 0 ? r : parse_operator(op, &compare, e);
        if (r == 0 && (index < 0 || index >= ARGS_MAX)) {
            r = err_new(e, EINVAL, "%s: there is no argument %lld", WHAT, (long long)index);
        }
        if (r < 0) {
            return r;
        }
        args[(*ret_count)++] = (struct scmp_arg_cmp){.arg = (unsigned int)index,
                                                     .op = compare,
                                                     .datum_a = (scmp_datum_t)value,
                                                     .datum_b = (scmp_datum_t)value_two};
    }
    return r;
}

static int has_cap(const char *name, uint64_t caps)
{
    static const char *const NAMES[] = {
        [CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
        [CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
        [CAP_SYS_BOOT] = "CAP_SYS_BOOT",
        [CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
        [CAP_SYS_MODULE] = "CAP_SYS_MODULE",
        [CAP_SYS_PACCT] = "CAP_SYS_PACCT",
        [CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
        [CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
        [CAP_SYS_TIME] = "CAP_SYS_TIME",
        [CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
        [CAP_SYS_NICE] = "CAP_SYS_NICE",
        [CAP_SYSLOG] = "CAP_SYSLOG",
        [CAP_BPF] = "CAP_BPF",
        [CAP_PERFMON] = "CAP_PERFMON",
        [CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
        [CAP_NET_ADMIN] = "CAP_NET_ADMIN",
    };

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (NAMES[i] != NULL && strcasecmp(NAMES[i], name) == 0) {
            return (caps >> i & 1) != 0;
        }
    }
    return 0;
}

/* Does the container meet section @key ("includes", "excludes")? @if_empty: what an absent one
 * means. */
static int meets(const json_t *rule, const char *key, uint64_t caps, int if_empty)
{
    const json_t *section = json_object_get(rule, key);
    const json_t *cap_list = json_object_get(section, "caps");
    const json_t *arch_list = json_object_get(section, "arches");
    json_t *v = NULL;
    size_t i = 0;
    int found = json_array_size(cap_list) == 0 && json_array_size(arch_list) == 0 ? if_empty : 0;

    json_array_foreach(cap_list, i, v)
    {
        found = found || (json_is_string(v) && has_cap(json_string_value(v), caps));
    }
    json_array_foreach(arch_list, i, v)
    {
        const char *name = json_string_value(v);

        found =
            found || (name != NULL && (strcmp(name, "amd64") == 0 || strcmp(name, "x86_64") == 0) &&
                      seccomp_arch_native() == SCMP_ARCH_X86_64);
    }
    return found;
}

static int add_rule(scmp_filter_ctx ctx, const json_t *rule, uint32_t fallback, struct err *e)
{
    struct scmp_arg_cmp args[ARGS_MAX];
    autostrv struct strv names = {0};
    const char *action_name = NULL;
    const char *single = NULL;
    unsigned int count = 0;
    uint32_t action = 0;
    int64_t errnum = EPERM;
    int r = json_get_strv(rule, "names", WHAT, &names, e);

    r = r < 0 ? r : json_get_string(rule, "name", WHAT, &single, e);
    r = r < 0 ? r : json_get_string(rule, "action", WHAT, &action_name, e);
    r = r < 0 ? r : json_get_int(rule, "errnoRet", WHAT, &errnum, e);
    r = r < 0 ? r : parse_action(action_name, errnum, &action, e);
    r = r < 0 ? r : parse_args(rule, args, &count, e);
    if (single != NULL) {
        strv_push(&names, single);
    }
    /* libseccomp refuses a rule that says what happens anyway. */
    for (size_t i = 0; r == 0 && action != fallback && i < names.len; i++) {
        int number = seccomp_syscall_resolve_name(names.v[i]);
        int rr = number == __NR_SCMP_ERROR
                     ? 0
                     : seccomp_rule_add_array(ctx, action, number, count, args);

        r = rr < 0 && rr != -EEXIST ? err_set(e, -rr, "%s: rule for %s", WHAT, names.v[i]) : 0;
    }
    return r;
}

/* Of an OCI runtime spec: those beside the processor's own whose calls the rules are for, too.
 * Those of another byte order, or that this libseccomp does not know, are of no processor that it
 * runs on. */
static int add_architectures(scmp_filter_ctx ctx, const json_t *root, struct err *e)
{
    autostrv struct strv list = {0};
    int r = json_get_strv(root, "architectures", WHAT, &list, e);

    for (size_t i = 0; r == 0 && i < list.len; i++) {
        const char *name = str_after(list.v[i], "SCMP_ARCH_");
        autofree char *lower = xstrdup(name != NULL ? name : "");
        uint32_t arch = 0;

        for (char *p = lower; *p != '\0'; p++) {
            *p = (char)tolower((unsigned char)*p);
        }
        arch = seccomp_arch_resolve_name(lower);
        if (arch != 0) {
            int rr = seccomp_arch_add(ctx, arch);

            r = rr < 0 && rr != -EEXIST && rr != -EDOM ? err_set(e, -rr, "%s: %s", WHAT, list.v[i])
                                                       : 0;
        }
    }
    return r;
}

static int compile(const json_t *root, uint64_t caps, scmp_filter_ctx *ret, struct err *e)
{
    const char *name = NULL;
    json_t *rules = NULL;
    json_t *rule = NULL;
    scmp_filter_ctx ctx = NULL;
    uint32_t fallback = 0;
    int64_t errnum = EPERM;
    size_t i = 0;
    int r = json_get_string(root, "defaultAction", WHAT, &name, e);

    r = r < 0 ? r : json_get_int(root, "defaultErrnoRet", WHAT, &errnum, e);
    r = r < 0 ? r : parse_action(name, errnum, &fallback, e);
    r = r < 0 ? r : json_get_array(root, "syscalls", WHAT, &rules, e);
    if (r < 0) {
        return r;
    }
    ctx = seccomp_init(fallback);
    if (ctx == NULL) {
        return err_new(e, ENOMEM, "cannot start a filter");
    }
    r = add_architectures(ctx, root, e);
    json_array_foreach(rules, i, rule)
    {
        if (r == 0 && meets(rule, "includes", caps, 1) && !meets(rule, "excludes", caps, 0)) {
            r = add_rule(ctx, rule, fallback, e);
        }
    }
    if (r < 0) {
        seccomp_release(ctx);
        return r;
    }
    *ret = ctx;
    return 0;
}

int json_profile_compile(int fd, uint64_t caps, scmp_filter_ctx *ret, struct err *e)
{
    autofree char *text = NULL;
    json_t *root = NULL;
    size_t len = 0;
    int r = fd_read_all(fd, PROFILE_BYTES_MAX, &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, WHAT, &root, e);
    r = r < 0 ? r : compile(root, caps, ret, e);
    json_decref(root);
    return r;
}
