/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/user.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/path.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 4 << 20,
    FIELDS_MAX = 7
};

/* Decimal, whole, and not the ids that mean "none" or wrap. 1 = a number, 0 = a name, -ERANGE. */
static int parse_id(const char *s, uint32_t *ret)
{
    unsigned long long v = 0;

    if (*s == '\0' || strspn(s, "0123456789") != strlen(s)) {
        return 0;
    }
    errno = 0;
    v = strtoull(s, NULL, 10);
    if (errno != 0 || v >= UINT32_MAX) {
        return -ERANGE;
    }
    *ret = (uint32_t)v;
    return 1;
}

/* One line's fields, cut out of a copy. Returns how many. */
static size_t split_line(char *line, char *fields[FIELDS_MAX])
{
    size_t n = 0;

    while (line != NULL && n < FIELDS_MAX) {
        fields[n++] = strsep(&line, ":");
    }
    return n;
}

/* Call for each line of @text with at least @min fields; stops when @fn returns non-zero, and
 * returns that. */
static int each_line(const char *text, size_t min, int (*fn)(char **fields, void *arg), void *arg)
{
    autofree char *copy = xstrdup(text != NULL ? text : "");
    char *rest = copy;
    char *line = NULL;

    while ((line = strsep(&rest, "\n")) != NULL) {
        char *fields[FIELDS_MAX] = {NULL};
        int r = 0;

        if (*line == '\0' || *line == '#' || split_line(line, fields) < min) {
            continue;
        }
        r = fn(fields, arg);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* ---- passwd */

struct passwd_search {
    const char *name; /* or NULL: by uid */
    uint32_t uid;
    uint32_t gid;
    char *found_name;
    char *home;
};

static int match_passwd(char **fields, void *arg)
{
    struct passwd_search *s = arg;
    uint32_t uid = 0;
    uint32_t gid = 0;

    if (parse_id(fields[2], &uid) != 1 || parse_id(fields[3], &gid) != 1 ||
        (s->name != NULL ? strcmp(fields[0], s->name) != 0 : uid != s->uid)) {
        return 0;
    }
    s->uid = uid;
    s->gid = gid;
    s->found_name = xstrdup(fields[0]);
    s->home = xstrdup(fields[5] != NULL ? fields[5] : "");
    return 1;
}

/* ---- group */

struct group_search {
    const char *name; /* to look up, or NULL */
    uint32_t gid;
    const char *member; /* or: collect the groups that list this user */
    struct user *user;
};

static int match_group(char **fields, void *arg)
{
    struct group_search *s = arg;

    return strcmp(fields[0], s->name) == 0 && parse_id(fields[2], &s->gid) == 1;
}

static void add_group(struct user *u, uint32_t gid)
{
    for (size_t i = 0; i < u->group_count; i++) {
        if (u->groups[i] == gid) {
            return;
        }
    }
    u->groups = xrealloc(u->groups, u->group_count + 1, sizeof(*u->groups));
    u->groups[u->group_count++] = gid;
}

static int collect_group(char **fields, void *arg)
{
    struct group_search *s = arg;
    autostrv struct strv members = {0};
    uint32_t gid = 0;

    strv_split(&members, fields[3] != NULL ? fields[3] : "", ',');
    if (strv_has(&members, s->member) && parse_id(fields[2], &gid) == 1) {
        add_group(s->user, gid);
    }
    return 0;
}

static int resolve_group(const char *group, const char *name, uint32_t *ret, struct err *e)
{
    struct group_search s = {.name = name};
    int r = parse_id(name, ret);

    if (r < 0) {
        return err_new(e, ERANGE, "group id %s is out of range", name);
    }
    if (r == 1) {
        return 0;
    }
    if (each_line(group, 3, match_group, &s) != 1) {
        return err_new(e, ENOENT, "cannot find group '%s' in the image's /etc/group", name);
    }
    *ret = s.gid;
    return 0;
}

static int resolve_user(const char *passwd, const char *name, struct passwd_search *s,
                        struct err *e)
{
    int r = parse_id(name, &s->uid);

    if (r < 0) {
        return err_new(e, ERANGE, "user id %s is out of range", name);
    }
    s->name = r == 1 ? NULL : name;
    if (each_line(passwd, 4, match_passwd, s) != 1 && r != 1) {
        return err_new(e, ENOENT, "cannot find user '%s' in the image's /etc/passwd", name);
    }
    return 0;
}

int user_resolve_in(const char *passwd, const char *group, const struct spec_process *p,
                    struct user *ret, struct err *e)
{
    autofree char *given = xstrdup(p->user != NULL && *p->user != '\0' ? p->user : "0");
    autofree char *found_name = NULL;
    char *group_name = strchr(given, ':');
    struct passwd_search s = {0};
    struct user u = {0};
    int r = 0;

    if (group_name != NULL) {
        *group_name++ = '\0';
    }
    r = resolve_user(passwd, *given != '\0' ? given : "0", &s, e);
    found_name = s.found_name;
    u.uid = s.uid;
    u.gid = s.gid;
    if (s.home != NULL && *s.home == '\0') {
        free(s.home);
        s.home = NULL;
    }
    u.home = s.home != NULL ? s.home : xstrdup("/");
    /* A group given by hand replaces the user's own groups, as in docker. */
    if (r == 0 && group_name != NULL && *group_name != '\0') {
        r = resolve_group(group, group_name, &u.gid, e);
    } else if (r == 0 && found_name != NULL) {
        struct group_search members = {.member = found_name, .user = &u};

        (void)each_line(group, 3, collect_group, &members);
    }
    for (size_t i = 0; r == 0 && i < p->additional_groups.len; i++) {
        uint32_t gid = 0;

        r = resolve_group(group, p->additional_groups.v[i], &gid, e);
        if (r == 0) {
            add_group(&u, gid);
        }
    }
    if (r < 0) {
        user_done(&u);
        return r;
    }
    *ret = u;
    return 0;
}

static int read_image_file(int root_fd, const char *path, char **ret, struct err *e)
{
    int r = path_read_in_root(root_fd, path, FILE_BYTES_MAX, ret, NULL, e);

    if (r == -ENOENT || r == -ENOTDIR) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? err_wrap(e, "cannot use the image's %s", path) : 0;
}

int user_resolve(int root_fd, const struct spec_process *p, struct user *ret, struct err *e)
{
    autofree char *passwd = NULL;
    autofree char *group = NULL;
    int r = read_image_file(root_fd, "/etc/passwd", &passwd, e);

    if (r == 0) {
        r = read_image_file(root_fd, "/etc/group", &group, e);
    }
    return r < 0 ? r : user_resolve_in(passwd, group, p, ret, e);
}

void user_done(struct user *u)
{
    free(u->groups);
    free(u->home);
    memset(u, 0, sizeof(*u));
}

static int set_groups(const struct user *u, struct err *e)
{
    if (setgroups(u->group_count, u->groups) == 0) {
        return 0;
    }
    /* setgroups is denied in a namespace with one id; nothing was asked for, and what the caller
     * had is not mapped. */
    if (errno == EPERM && u->group_count == 0) {
        return 0;
    }
    return err_set(e, errno,
                   errno == EINVAL ? "a supplementary group is not mapped" : "cannot set groups");
}

int user_become(const struct user *u, int keep_groups, struct err *e)
{
    int r = keep_groups ? 0 : set_groups(u, e);

    if (r < 0) {
        return r;
    }
    if (setresgid(u->gid, u->gid, u->gid) < 0) {
        return err_set(e, errno,
                       errno == EINVAL ? "group id %u is not mapped in this container"
                                       : "cannot become group %u",
                       u->gid);
    }
    if (setresuid(u->uid, u->uid, u->uid) < 0) {
        return err_set(e, errno,
                       errno == EINVAL ? "user id %u is not mapped in this container"
                                       : "cannot become user %u",
                       u->uid);
    }
    if (getuid() != u->uid || geteuid() != u->uid || getgid() != u->gid || getegid() != u->gid) {
        return err_new(e, EPERM, "ids did not change to %u:%u", u->uid, u->gid);
    }
    return 0;
}
