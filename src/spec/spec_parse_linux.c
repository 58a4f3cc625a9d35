/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces and confinement; declared in spec_parse.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "spec/spec_label.h"
#include "spec/spec_parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- namespaces */

int spec_parse_namespace(const char *value, void *ns, struct err *e)
{
    static const struct {
        const char *prefix;
        enum spec_ns_mode mode;
    } TARGETS[] = {{"container:", SPEC_NS_CONTAINER}, {"ns:", SPEC_NS_PATH}};
    struct spec_namespace *n = ns;

    for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++) {
        const char *target = str_after(value, TARGETS[i].prefix);

        if (target != NULL && *target != '\0') {
            free(n->target);
            *n = (struct spec_namespace){.mode = TARGETS[i].mode, .target = xstrdup(target)};
            return 0;
        }
    }
    if (strcmp(value, "private") != 0 && strcmp(value, "host") != 0) {
        return err_new(e, EINVAL, "'%s' is not private, host, container:NAME or ns:PATH", value);
    }
    free(n->target);
    *n = (struct spec_namespace){.mode = value[0] == 'h' ? SPEC_NS_HOST : SPEC_NS_PRIVATE};
    return 0;
}

int spec_parse_ipc(const char *value, void *spec, struct err *e)
{
    static const char *const OWN[] = {[SPEC_IPC_SHAREABLE] = "shareable",
                                      [SPEC_IPC_PRIVATE] = "private",
                                      [SPEC_IPC_NONE] = "none"};
    struct spec *s = spec;

    s->box.ipc = SPEC_IPC_SHAREABLE;
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
        if (strcmp(value, OWN[i]) == 0) {
            s->box.ipc = (enum spec_ipc)i;
            value = "private";
            break; /* or it would be taken for that one of them */
        }
    }
    return spec_parse_namespace(value, &s->linux_.namespaces[SPEC_NS_IPC], e);
}

/* "uid=1000,gid=1000" */
static int parse_keep_id(const char *options, struct spec_userns *u, struct err *e)
{
    autostrv struct strv list = {0};

    strv_split(&list, options, ',');
    for (size_t i = 0; i < list.len; i++) {
        const char *uid = str_after(list.v[i], "uid=");
        const char *gid = str_after(list.v[i], "gid=");
        int r = 0;

        if (uid == NULL && gid == NULL) {
            return err_new(e, str_after(list.v[i], "size=") != NULL ? ENOTSUP : EINVAL,
                           "keep-id has uid= and gid=, not '%s'", list.v[i]);
        }
        /* the last id means "none" to the kernel */
        r = parse_int64(uid != NULL ? uid : gid, 0, (int64_t)UINT32_MAX - 1,
                        uid != NULL ? &u->keep_uid : &u->keep_gid, e);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int spec_parse_userns(const char *value, void *spec, struct err *e)
{
    static const char *const DEFAULTS[] = {"", "default", "host", "private"};
    struct spec_userns *u = &((struct spec *)spec)->linux_.userns;
    const char *keep = str_after(value, "keep-id");
    const char *container = str_after(value, "container:");
    const char *path = str_after(value, "ns:");

    if (u->uidmap.len > 0 || u->gidmap.len > 0) {
        return err_new(e, EINVAL, "'%s' contradicts --uidmap and --gidmap", value);
    }
    u->asked = 1;
    u->keep_uid = SPEC_ID_UNSET;
    u->keep_gid = SPEC_ID_UNSET;
    free(u->target);
    u->target = NULL;
    if ((container != NULL && *container != '\0') || (path != NULL && *path == '/')) {
        u->mode = container != NULL ? SPEC_USERNS_CONTAINER : SPEC_USERNS_PATH;
        u->target = xstrdup(container != NULL ? container : path);
        return 0;
    }
    if (keep != NULL && (*keep == '\0' || *keep == ':')) {
        u->mode = SPEC_USERNS_KEEP_ID;
        return *keep == ':' ? parse_keep_id(keep + 1, u, e) : 0;
    }
    if (strcmp(value, "nomap") == 0) {
        u->mode = SPEC_USERNS_NOMAP;
        return 0;
    }
    /* A normal user has no other way than a user namespace: podman's "host" is this map too. */
    for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++) {
        if (strcmp(value, DEFAULTS[i]) == 0) {
            u->mode = SPEC_USERNS_DEFAULT;
            return 0;
        }
    }
    if (strcmp(value, "auto") == 0 || str_after(value, "auto:") != NULL) {
        return err_new(e, ENOTSUP, "'%s' is not supported yet", value);
    }
    return err_new(e, EINVAL,
                   "'%s' is not default, keep-id[:uid=N,gid=N], nomap, container:NAME or ns:PATH",
                   value);
}

static int parse_map(const char *value, struct spec *s, struct strv *rows, struct err *e)
{
    autostrv struct strv list = {0};

    strv_split(&list, value, ',');
    if (list.len == 0) {
        return err_new(e, EINVAL, "'%s' is not CONTAINER:HOST[:SIZE]", value);
    }
    if (s->linux_.userns.mode != SPEC_USERNS_DEFAULT &&
        s->linux_.userns.mode != SPEC_USERNS_EXPLICIT) {
        return err_new(e, EINVAL, "'%s' and --userns contradict each other", value);
    }
    s->linux_.userns.mode = SPEC_USERNS_EXPLICIT;
    s->linux_.userns.asked = 1;
    strv_append(rows, &list);
    return 0;
}

int spec_parse_uidmap(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;

    return parse_map(value, s, &s->linux_.userns.uidmap, e);
}

int spec_parse_gidmap(const char *value, void *spec, struct err *e)
{
    struct spec *s = spec;

    return parse_map(value, s, &s->linux_.userns.gidmap, e);
}

/* ---- --security-opt */

typedef int security_parser(const char *value, struct spec *s, struct err *e);

static int security_no_new_privileges(const char *value, struct spec *s, struct err *e)
{
    return parse_bool(value != NULL ? value : "true", &s->process.no_new_privileges, e);
}

static int security_seccomp(const char *value, struct spec *s, struct err *e)
{
    struct spec_seccomp *c = &s->linux_.seccomp;

    if (value == NULL || value[0] == '\0') {
        return err_new(e, EINVAL, "seccomp needs a file, default or unconfined");
    }
    free(c->profile);
    *c = (struct spec_seccomp){.mode = SPEC_SECCOMP_FILE};
    if (strcmp(value, "unconfined") == 0) {
        c->mode = SPEC_SECCOMP_UNCONFINED;
    } else if (strcmp(value, "default") == 0 || strcmp(value, "builtin") == 0) {
        c->mode = SPEC_SECCOMP_DEFAULT;
    } else {
        c->profile = xstrdup(value);
    }
    return 0;
}

/* Each of the colon-separated @value must be an absolute path. */
static int split_paths(const char *value, struct strv *ret, struct err *e)
{
    strv_split(ret, value != NULL ? value : "", ':');
    for (size_t i = 0; i < ret->len; i++) {
        if (ret->v[i][0] != '/') {
            return err_new(e, EINVAL, "'%s' is not an absolute path", ret->v[i]);
        }
    }
    return ret->len > 0 ? 0 : err_new(e, EINVAL, "needs paths");
}

static int security_mask(const char *value, struct spec *s, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = split_paths(value, &paths, e);

    if (r == 0) {
        strv_append(&s->linux_.masked_paths, &paths);
    }
    return r;
}

/* The protected paths at or below @asked are shown. */
static void unmask(struct strv *paths, const char *asked)
{
    autofree char *shown = xstrdup(asked);

    for (size_t len = strlen(shown); len > 1 && shown[len - 1] == '/'; len--) {
        shown[len - 1] = '\0';
    }
    for (size_t i = paths->len; i > 0; i--) {
        if (str_is_below(paths->v[i - 1], shown)) {
            strv_remove(paths, i - 1);
        }
    }
}

static int security_unmask(const char *value, struct spec *s, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = 0;

    if (value != NULL && (strcmp(value, "ALL") == 0 || strcmp(value, "all") == 0)) {
        strv_done(&s->linux_.masked_paths);
        strv_done(&s->linux_.readonly_paths);
        return 0;
    }
    r = split_paths(value, &paths, e);
    for (size_t i = 0; r == 0 && i < paths.len; i++) {
        unmask(&s->linux_.masked_paths, paths.v[i]);
        unmask(&s->linux_.readonly_paths, paths.v[i]);
    }
    return r;
}

static int security_systempaths(const char *value, struct spec *s, struct err *e)
{
    if (!str_eq(value, "unconfined")) {
        return err_new(e, EINVAL, "systempaths can only be unconfined");
    }
    return security_unmask("ALL", s, e);
}

static int security_no_nested_userns(const char *value, struct spec *s, struct err *e)
{
    return parse_bool(value != NULL ? value : "true", &s->linux_.no_nested_userns, e);
}

static int security_label(const char *value, struct spec *s, struct err *e)
{
    return spec_label_option(value, &s->linux_.label_options, e);
}

/* A normal user cannot load profiles, so none are applied: asking for none is fine. */
static int security_apparmor(const char *value, struct spec *s, struct err *e)
{
    (void)s;
    return str_eq(value, "unconfined")
               ? 0
               : err_new(e, ENOTSUP,
                         "rbox sets no profiles of its own, so that only unconfined can be asked "
                         "for");
}

int spec_parse_security_opt(const char *value, void *spec, struct err *e)
{
    static const struct {
        const char *name;
        security_parser *parse;
    } KEYS[] = {
        {"no-new-privileges", security_no_new_privileges},
        {"seccomp", security_seccomp},
        {"mask", security_mask},
        {"unmask", security_unmask},
        {"systempaths", security_systempaths},
        {"no-nested-userns", security_no_nested_userns},
        {"label", security_label},
        {"apparmor", security_apparmor},
    };
    size_t len = strcspn(value, "=:");
    const char *rest = value[len] != '\0' ? value + len + 1 : NULL;

    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        if (strlen(KEYS[i].name) == len && strncmp(value, KEYS[i].name, len) == 0) {
            int r = KEYS[i].parse(rest, spec, e);

            return r < 0 ? err_wrap(e, "%s", KEYS[i].name) : 0;
        }
    }
    if (str_after(value, "proc-opts") != NULL) {
        return err_new(e, ENOTSUP, "proc-opts is not supported yet");
    }
    return err_new(e, EINVAL, "'%.*s' is not a security option", (int)len, value);
}

/* ---- sysctls: only those that belong to a namespace, so that none reaches the host */

int spec_parse_sysctl(const char *value, void *spec, struct err *e)
{
    static const char *const NAMESPACED[] = {
        "net.",          "fs.mqueue.",        "kernel.shmmax",
        "kernel.shmall", "kernel.shmmni",     "kernel.shm_rmid_forced",
        "kernel.msgmax", "kernel.msgmnb",     "kernel.msgmni",
        "kernel.sem",    "kernel.domainname", "kernel.hostname"};
    struct spec *s = spec;
    const char *equals = strchr(value, '=');
    autofree char *key = xstrndup(value, equals != NULL ? (size_t)(equals - value) : 0);
    int good = equals != NULL && strstr(key, "..") == NULL && strstr(key, "//") == NULL;
    int dots = strcspn(key, ".") <= strcspn(key, "/");

    for (char *p = key; *p != '\0'; p++) {
        good = good && (isalnum((unsigned char)*p) || strchr("._-/:", *p) != NULL);
    }
    if (!good || key[0] == '\0') {
        return err_new(e, EINVAL, "'%s' is not NAME=VALUE", value);
    }
    /* sysctl(8) takes net/ipv4/conf/eth0.5/x as well: slashes part, dots belong to the name. */
    for (char *p = key; !dots && *p != '\0'; p++) {
        *p = (char)(*p == '/' ? '.' : *p == '.' ? '/' : *p);
    }
    for (size_t i = 0; i < sizeof(NAMESPACED) / sizeof(NAMESPACED[0]); i++) {
        const char *rest = str_after(key, NAMESPACED[i]);

        if (rest != NULL && (str_ends(NAMESPACED[i], ".") ? *rest != '\0' : *rest == '\0')) {
            strv_pushf(&s->linux_.sysctl, "%s%s", key, equals);
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not of a namespace: the whole host has one", key);
}

/* ---- devices */

static int is_access(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "rwm")] == '\0' && strlen(s) <= 3;
}

int spec_parse_device(const char *value, void *spec, struct err *e)
{
    autostrv struct strv parts = {0};
    struct spec_device *d = NULL;
    const char *inside = NULL;
    const char *access = "rwm";

    strv_split(&parts, value, ':');
    if (parts.len < 1 || parts.len > 3 || parts.v[0][0] != '/') {
        int is_cdi = parts.len > 0 && strchr(parts.v[0], '/') != NULL && parts.v[0][0] != '/';

        return is_cdi ? err_new(e, ENOTSUP, "'%s': CDI devices are not supported yet", value)
                      : err_new(e, EINVAL, "'%s' is not DEVICE[:INSIDE[:rwm]]", value);
    }
    inside = parts.v[0];
    if (parts.len == 2 && is_access(parts.v[1])) {
        access = parts.v[1];
    } else if (parts.len >= 2) {
        inside = parts.v[1];
    }
    if (parts.len == 3) {
        access = parts.v[2];
    }
    if (inside[0] != '/' || !is_access(access)) {
        return err_new(e, EINVAL, "'%s' is not DEVICE[:INSIDE[:rwm]]", value);
    }
    d = spec_add_device(spec);
    d->host_path = spec_clean_path(parts.v[0]);
    d->path = spec_clean_path(inside);
    d->access = xstrdup(access);
    return 0;
}
