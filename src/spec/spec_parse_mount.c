/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes, mounts and tmpfs; declared in spec_parse.h. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- paths */

char *spec_clean_path(const char *path)
{
    autostrv struct strv parts = {0};
    autostrv struct strv kept = {0};
    struct buf b = {0};

    if (path[0] != '/') {
        return NULL;
    }
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.len; i++) {
        if (parts.v[i][0] == '\0' || strcmp(parts.v[i], ".") == 0) {
            continue;
        }
        if (strcmp(parts.v[i], "..") != 0) {
            strv_push(&kept, parts.v[i]);
        } else if (kept.len > 0) {
            strv_remove(&kept, kept.len - 1);
        }
    }
    for (size_t i = 0; i < kept.len; i++) {
        buf_printf(&b, "/%s", kept.v[i]);
    }
    if (b.len == 0) {
        buf_puts(&b, "/");
    }
    return b.data;
}

static char *absolute_source(const char *source, struct err *e)
{
    autofree char *cwd = NULL;
    autofree char *joined = NULL;

    if (source[0] == '/') {
        return spec_clean_path(source);
    }
    cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        (void)err_set(e, errno, "cannot tell where '%s' is", source);
        return NULL;
    }
    joined = xasprintf("%s/%s", cwd, source);
    return spec_clean_path(joined);
}

struct spec_mount *spec_find_mount(const struct spec *s, const char *destination)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        if (strcmp(s->mounts[i].destination, destination) == 0) {
            return &s->mounts[i];
        }
    }
    return NULL;
}

/* ---- options */

/* What kinds of mounts an option is for. */
enum {
    BIND = 1 << 0,
    VOLUME = 1 << 1,
    TMPFS = 1 << 2,
    HOST = BIND | VOLUME,
    ALL = BIND | VOLUME | TMPFS
};

/* @group: of each group at most one may be given. */
static const struct mount_option {
    const char *name;
    int kinds;
    int group;
} OPTIONS[] = {
    {"ro", ALL, 1},           {"rw", ALL, 1},
    {"nosuid", ALL, 2},       {"suid", ALL, 2},
    {"nodev", ALL, 3},        {"dev", ALL, 3},
    {"noexec", ALL, 4},       {"exec", ALL, 4},
    {"noatime", ALL, 5},      {"relatime", ALL, 5},
    {"strictatime", ALL, 5},  {"bind", HOST, 6},
    {"rbind", HOST, 6},       {"private", HOST, 7},
    {"rprivate", HOST, 7},    {"shared", HOST, 7},
    {"rshared", HOST, 7},     {"slave", HOST, 7},
    {"rslave", HOST, 7},      {"U", HOST, 8},
    {"z", HOST, 9},           {"Z", HOST, 9},
    {"create", BIND, 10},     {"nocreate", BIND, 10},
    {"copy", VOLUME, 11},     {"nocopy", VOLUME, 11},
    {"tmpcopyup", TMPFS, 12}, {"notmpcopyup", TMPFS, 12},
};

static int is_mode(const char *s)
{
    size_t len = strspn(s, "01234567");

    return len > 0 && len <= 5 && s[len] == '\0' && strtol(s, NULL, 8) <= 07777;
}

/* Options of tmpfs that have a value; the kernel takes them as they are. */
static int check_tmpfs_value(const char *option, struct err *e)
{
    const char *size = str_after(option, "size=");
    const char *mode = str_after(option, "mode=");
    const char *number = str_after(option, "nr_inodes=");
    int64_t ignored = 0;

    if (size != NULL && str_ends(size, "%")) {
        autofree char *percent = xstrndup(size, strlen(size) - 1);

        return parse_int64(percent, 1, 100, &ignored, e);
    }
    if (size != NULL) {
        return parse_bytes(size, &ignored, e);
    }
    if (mode != NULL) {
        return is_mode(mode) ? 0 : err_new(e, EINVAL, "'%s' is not an octal mode", mode);
    }
    number = number != NULL ? number : str_after(option, "uid=");
    number = number != NULL ? number : str_after(option, "gid=");
    if (number != NULL) {
        return parse_int64(number, 0, (int64_t)UINT32_MAX - 1, &ignored, e);
    }
    return err_new(e, EINVAL, "'%s' is not a mount option", option);
}

static const struct mount_option *find_option(const char *name, int kind)
{
    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++) {
        if (strcmp(OPTIONS[i].name, name) == 0 && (OPTIONS[i].kinds & kind) != 0) {
            return &OPTIONS[i];
        }
    }
    return NULL;
}

static int refuse_option(const char *option, struct err *e)
{
    if (str_after(option, "idmap") != NULL) {
        return err_new(e, ENOTSUP,
                       "'%s' is not possible: the kernel lets only root map a disk's ids", option);
    }
    return err_new(e, EINVAL, "'%s' is not an option of this kind of mount", option);
}

/* Add the comma-separated @text to @m's options, each known and none against another. */
static int parse_options(const char *text, int kind, struct spec_mount *m, struct err *e)
{
    autostrv struct strv list = {0};
    const char *in_group[16] = {0};
    int overlay = 0;

    strv_split(&list, text, ',');
    for (size_t i = 0; i < list.len; i++) {
        const char *option = list.v[i];
        const struct mount_option *known = find_option(option, kind);

        if (known != NULL) {
            const char *other = in_group[known->group];

            if (other != NULL && strcmp(other, option) != 0) {
                return err_new(e, EINVAL, "'%s' and '%s' contradict each other", other, option);
            }
            in_group[known->group] = option;
        } else if (kind == BIND && strcmp(option, "O") == 0) {
            overlay = 1;
            continue;
        } else if (kind == TMPFS && strchr(option, '=') != NULL) {
            if (check_tmpfs_value(option, e) < 0) {
                return -e->errnum;
            }
        } else if (kind == BIND && (str_after(option, "upperdir=/") != NULL ||
                                    str_after(option, "workdir=/") != NULL)) {
            return err_new(e, ENOTSUP, "'%s' is not supported yet", option);
        } else {
            return refuse_option(option, e);
        }
        strv_push(&m->options, option);
    }
    if (overlay) {
        free(m->type);
        m->type = xstrdup("overlay");
    }
    return 0;
}

/* ---- building */

/* A new mount at @destination; refuses a place that is taken, and the root. */
static int add_mount(struct spec *s, const char *type, const char *destination,
                     struct spec_mount **ret, struct err *e)
{
    autofree char *clean = spec_clean_path(destination);

    if (clean == NULL) {
        return err_new(e, EINVAL, "'%s' is not an absolute path", destination);
    }
    if (strcmp(clean, "/") == 0) {
        return err_new(e, EINVAL, "nothing can be mounted over the container's root");
    }
    if (spec_find_mount(s, clean) != NULL) {
        return err_new(e, EINVAL, "'%s' has a mount already", clean);
    }
    *ret = spec_add_mount(s);
    (*ret)->destination = steal_ptr(&clean);
    (*ret)->type = xstrdup(type);
    return 0;
}

/* Source of a bind (a path) or of a volume (a name; "" for an anonymous one). */
static int set_source(struct spec_mount *m, const char *source, struct err *e)
{
    if (strcmp(m->type, "volume") == 0) {
        if (source[0] != '\0' && spec_parse_name(source, &m->volume_name, e) < 0) {
            (void)err_new(e, EINVAL, "'%s' is neither a path nor the name of a volume", source);
            return err_hint(e, "a path begins with / or .");
        }
        m->source = xstrdup(source);
        return 0;
    }
    m->source = absolute_source(source, e);
    return m->source != NULL ? 0 : -e->errnum;
}

int spec_parse_volume(const char *value, void *spec, struct err *e)
{
    autostrv struct strv parts = {0};
    struct spec_mount *m = NULL;
    const char *source = NULL;
    int is_path = 0;
    int r = 0;

    strv_split(&parts, value, ':');
    if (parts.len < 1 || parts.len > 3) {
        return err_new(e, EINVAL, "'%s' is not [SOURCE:]PLACE[:OPTIONS]", value);
    }
    source = parts.len > 1 ? parts.v[0] : "";
    if (parts.len > 1 && source[0] == '\0') {
        return err_new(e, EINVAL, "'%s' has no source before the colon", value);
    }
    is_path = source[0] == '/' || source[0] == '.';
    r = add_mount(spec, is_path ? "bind" : "volume", parts.v[parts.len > 1 ? 1 : 0], &m, e);
    r = r < 0 ? r : set_source(m, source, e);
    if (r == 0 && parts.len == 3) {
        r = parse_options(parts.v[2], is_path ? BIND : VOLUME, m, e);
    }
    return r;
}

int spec_parse_tmpfs(const char *value, void *spec, struct err *e)
{
    const char *colon = strchr(value, ':');
    autofree char *place = xstrndup(value, colon != NULL ? (size_t)(colon - value) : strlen(value));
    struct spec_mount *m = NULL;
    int r = add_mount(spec, "tmpfs", place, &m, e);

    if (r < 0) {
        return r;
    }
    m->source = xstrdup("tmpfs");
    return colon != NULL ? parse_options(colon + 1, TMPFS, m, e) : 0;
}

/* ---- --mount */

/* What --mount's keys mean, before the kind of mount is known. */
struct request {
    const char *type;
    const char *source;
    const char *destination;
    const char *subpath;
    struct strv options;
};

static int add_flag(struct request *q, const char *value, const char *yes, const char *no,
                    struct err *e)
{
    int on = 1;

    if (value != NULL && parse_bool(value, &on, e) < 0) {
        return -e->errnum;
    }
    if (on || no != NULL) {
        strv_push(&q->options, on ? yes : no);
    }
    return 0;
}

static int add_propagation(struct request *q, const char *value, struct err *e)
{
    if (find_option(value, BIND) == NULL || find_option(value, BIND)->group != 7) {
        return err_new(e, EINVAL, "'%s' is not a propagation such as rprivate", value);
    }
    strv_push(&q->options, value);
    return 0;
}

static int add_relabel(struct request *q, const char *value, struct err *e)
{
    if (strcmp(value, "shared") != 0 && strcmp(value, "private") != 0) {
        return err_new(e, EINVAL, "'%s' is neither shared nor private", value);
    }
    strv_push(&q->options, value[0] == 's' ? "z" : "Z");
    return 0;
}

static const char **text_key(struct request *q, const char *key)
{
    static const char *const SOURCES[] = {"src", "source"};
    static const char *const PLACES[] = {"dst", "destination", "target"};

    if (strcmp(key, "type") == 0) {
        return &q->type;
    }
    for (size_t i = 0; i < sizeof(SOURCES) / sizeof(SOURCES[0]); i++) {
        if (strcmp(key, SOURCES[i]) == 0) {
            return &q->source;
        }
    }
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        if (strcmp(key, PLACES[i]) == 0) {
            return &q->destination;
        }
    }
    return strcmp(key, "subpath") == 0 || strcmp(key, "volume-subpath") == 0 ? &q->subpath : NULL;
}

/* Keys with other names than -v's options, as {key, option when true, option when false}. */
static const struct {
    const char *key;
    const char *yes;
    const char *no;
} FLAGS[] = {
    {"readonly", "ro", "rw"},
    {"ro", "ro", "rw"},
    {"rw", "rw", "ro"},
    {"chown", "U", NULL},
    {"U", "U", NULL},
    {"bind-nonrecursive", "bind", "rbind"},
    {"volume-nocopy", "nocopy", NULL},
    {"notmpcopyup", "notmpcopyup", "tmpcopyup"},
    {"tmpcopyup", "tmpcopyup", "notmpcopyup"},
};

/* One "key" or "key=value" of --mount; @value NULL without '='. */
static int mount_key(struct request *q, const char *key, const char *value, struct err *e)
{
    const char **text = text_key(q, key);

    if (text != NULL) {
        if (value == NULL || value[0] == '\0') {
            return err_new(e, EINVAL, "'%s' needs a value", key);
        }
        *text = value;
        return 0;
    }
    for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
        if (strcmp(key, FLAGS[i].key) == 0) {
            return add_flag(q, value, FLAGS[i].yes, FLAGS[i].no, e);
        }
    }
    if (value == NULL) {
        strv_push(&q->options, key); /* -v's options, checked with them */
        return 0;
    }
    if (strcmp(key, "bind-propagation") == 0) {
        return add_propagation(q, value, e);
    }
    if (strcmp(key, "relabel") == 0) {
        return add_relabel(q, value, e);
    }
    if (strcmp(key, "tmpfs-size") == 0 || strcmp(key, "tmpfs-mode") == 0) {
        strv_pushf(&q->options, "%s=%s", key + strlen("tmpfs-"), value);
        return 0;
    }
    return err_new(e, EINVAL, "'%s' is not a key of --mount", key);
}

static int build_mount(const struct request *q, struct spec *s, struct err *e)
{
    const char *type = q->type != NULL ? q->type : "volume";
    int kind = strcmp(type, "bind") == 0     ? BIND
               : strcmp(type, "volume") == 0 ? VOLUME
               : strcmp(type, "tmpfs") == 0  ? TMPFS
                                             : 0;
    struct spec_mount *m = NULL;
    autobuf struct buf options = {0};
    int r = 0;

    if (kind == 0) {
        static const struct {
            const char *type;
            const char *instead;
        } LATER[] = {{"image", "rbox image mount IMAGE COMMAND, or rbox create IMAGE and rbox cp"},
                     {"glob", "type=bind for each"},
                     {"devpts", "every container has one at /dev/pts"},
                     {"ramfs", "type=tmpfs"},
                     {"artifact", "type=bind"}};

        for (size_t i = 0; i < sizeof(LATER) / sizeof(LATER[0]); i++) {
            if (strcmp(type, LATER[i].type) == 0) {
                (void)err_new(e, ENOTSUP, "type=%s is not supported yet", type);
                return err_hint(e, "%s", LATER[i].instead);
            }
        }
        return err_new(e, EINVAL, "type=%s is not bind, volume or tmpfs", type);
    }
    if (q->destination == NULL) {
        return err_new(e, EINVAL, "there is no dst=PLACE");
    }
    if (kind == BIND ? q->source == NULL : kind == TMPFS && q->source != NULL) {
        return err_new(e, EINVAL, kind == BIND ? "a bind needs src=PATH" : "a tmpfs has no src=");
    }
    r = add_mount(s, type, q->destination, &m, e);
    if (r == 0 && kind == TMPFS) {
        m->source = xstrdup("tmpfs");
    } else if (r == 0) {
        r = set_source(m, q->source != NULL ? q->source : "", e);
    }
    for (size_t i = 0; i < q->options.len; i++) {
        buf_printf(&options, "%s%s", i > 0 ? "," : "", q->options.v[i]);
    }
    if (r == 0 && options.len > 0) {
        r = parse_options(options.data, kind, m, e);
    }
    if (r == 0 && q->subpath != NULL) {
        m->subpath = xstrdup(q->subpath);
    }
    return r;
}

int spec_parse_mount(const char *value, void *spec, struct err *e)
{
    autostrv struct strv words = {0};
    struct request q = {0};
    int r = 0;

    strv_split(&words, value, ',');
    for (size_t i = 0; r == 0 && i < words.len; i++) {
        char *equals = strchr(words.v[i], '=');

        if (equals != NULL) {
            *equals = '\0';
        }
        r = mount_key(&q, words.v[i], equals != NULL ? equals + 1 : NULL, e);
    }
    r = r < 0 ? r : build_mount(&q, spec, e);
    strv_done(&q.options);
    return r;
}
