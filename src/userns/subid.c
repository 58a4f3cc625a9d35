/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "userns/subid.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    SUBID_FILE_MAX = 16 << 20,
    PASSWD_FILE_MAX = 16 << 20,
    HELPER_TIMEOUT_MS = 10000
};

/* ---- names */

/* The name of @uid in the text of a passwd(5) file, or NULL. The caller owns it. */
static char *name_in_passwd(const char *text, uid_t uid)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        const char *colon = memchr(line, ':', (size_t)(end - line));
        const char *id = colon != NULL ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;

        if (id != NULL && id[1] >= '0' && id[1] <= '9' && strtoul(id + 1, NULL, 10) == uid) {
            return xstrndup(line, (size_t)(colon - line));
        }
        line = *end != '\0' ? end + 1 : NULL;
    }
    return NULL;
}

/* From /etc/passwd itself where it is there: getpwuid(3) would load NSS modules, which takes longer
 * than all the rest of a start. Accounts of a directory service are asked for through getent(1). */
static char *user_name(uid_t uid)
{
    autofree char *text = NULL;
    autofree char *getent = NULL;
    autofree char *out = NULL;
    autofree char *id = xasprintf("%u", uid);
    struct err ignored = {0};
    char *name = NULL;

    if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_FILE_MAX, &text, NULL, &ignored) == 0) {
        name = name_in_passwd(text, uid);
    }
    if (name == NULL && proc_find("getent", &getent, &ignored) == 0 &&
        proc_run((const char *const[]){getent, "passwd", id, NULL}, HELPER_TIMEOUT_MS, &out,
                 &ignored) == 0) {
        name = name_in_passwd(out, uid);
    }
    return name;
}

/* ---- files */

static int parse_number(const char *s, const char *end, uint32_t *ret)
{
    char *stop = NULL;
    unsigned long long v = 0;

    if (s >= end || *s < '0' || *s > '9') {
        return 0;
    }
    v = strtoull(s, &stop, 10);
    *ret = (uint32_t)v;
    return stop == end && v <= UINT32_MAX;
}

static void add_range(struct subid_range **ranges, size_t *count, uint32_t first, uint32_t size)
{
    if (size == 0 || (uint64_t)first + size > UINT32_MAX) {
        return;
    }
    *ranges = xrealloc(*ranges, *count + 1, sizeof(**ranges));
    (*ranges)[*count].first = first;
    (*ranges)[*count].count = size;
    (*count)++;
}

static int is_owner(const char *line, const char *colon, const char *name, const char *id)
{
    size_t len = (size_t)(colon - line);

    return (name != NULL && strlen(name) == len && memcmp(line, name, len) == 0) ||
           (strlen(id) == len && memcmp(line, id, len) == 0);
}

void subid_parse(const char *text, size_t len, const char *name, uid_t uid,
                 struct subid_range **ret_ranges, size_t *ret_count)
{
    autofree char *id = xasprintf("%u", uid);
    const char *stop = text + len;

    for (const char *line = text; line < stop;) {
        const char *newline = memchr(line, '\n', (size_t)(stop - line));
        const char *end = newline != NULL ? newline : stop;
        const char *first = memchr(line, ':', (size_t)(end - line));
        const char *count =
            first != NULL ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
        uint32_t start = 0;
        uint32_t size = 0;

        if (count != NULL && is_owner(line, first, name, id) &&
            parse_number(first + 1, count, &start) && parse_number(count + 1, end, &size)) {
            add_range(ret_ranges, ret_count, start, size);
        }
        line = end + 1;
    }
}

/* ---- another source, by nsswitch.conf: `subid: sss` */

/* Lines of getsubids(1) are "0: alice 100000 65536". */
static void parse_getsubids(char *out, struct subid_range **ranges, size_t *count)
{
    char *save = NULL;

    for (char *line = strtok_r(out, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned int first = 0;
        unsigned int size = 0;

        if (sscanf(line, "%*u: %*s %u %u", &first, &size) == 2) {
            add_range(ranges, count, first, size);
        }
    }
}

static void ask_getsubids(const char *owner, struct subid *s)
{
    autofree char *program = NULL;
    autofree char *uids = NULL;
    autofree char *gids = NULL;
    struct err ignored = {0};

    if (proc_find("getsubids", &program, &ignored) < 0) {
        return;
    }
    if (proc_run((const char *const[]){program, owner, NULL}, HELPER_TIMEOUT_MS, &uids, &ignored) ==
        0) {
        parse_getsubids(uids, &s->uids, &s->uid_count);
    }
    if (proc_run((const char *const[]){program, "-g", owner, NULL}, HELPER_TIMEOUT_MS, &gids,
                 &ignored) == 0) {
        parse_getsubids(gids, &s->gids, &s->gid_count);
    }
}

static int has_other_source(void)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    const char *line = NULL;

    if (file_read(AT_FDCWD, "/etc/nsswitch.conf", 65536, &text, NULL, &ignored) < 0) {
        return 0;
    }
    line = strncmp(text, "subid:", 6) == 0 ? text : strstr(text, "\nsubid:");
    if (line == NULL) {
        return 0;
    }
    line = strchr(line, ':') + 1;
    line += strspn(line, " \t");
    return strncmp(line, "files", 5) != 0;
}

/* ---- finding */

static int read_file(const char *path, const char *owner, uid_t uid, struct subid_range **ranges,
                     size_t *count, struct err *e)
{
    autofree char *text = NULL;
    size_t len = 0;
    int r = file_read(AT_FDCWD, path, SUBID_FILE_MAX, &text, &len, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0) {
        subid_parse(text, len, owner, uid, ranges, count);
    }
    return r;
}

static int find_for(const char *owner, uid_t uid, struct subid *s, struct err *e)
{
    int r = 0;

    if (has_other_source()) {
        ask_getsubids(owner, s);
        return 0;
    }
    r = read_file("/etc/subuid", owner, uid, &s->uids, &s->uid_count, e);
    return r < 0 ? r : read_file("/etc/subgid", owner, uid, &s->gids, &s->gid_count, e);
}

void subid_clip(const char *map_text, struct subid_range **ranges, size_t *count)
{
    struct subid_range *kept = NULL;
    size_t kept_count = 0;

    for (size_t i = 0; i < *count; i++) {
        uint64_t first = (*ranges)[i].first;
        uint64_t end = first + (*ranges)[i].count;

        for (const char *line = map_text; *line != '\0'; line += strcspn(line, "\n")) {
            unsigned int inside = 0;
            unsigned int size = 0;

            line += strspn(line, "\n");
            if (sscanf(line, "%u %*u %u", &inside, &size) == 2) {
                uint64_t low = inside > first ? inside : first;
                uint64_t high = (uint64_t)inside + size < end ? (uint64_t)inside + size : end;

                if (low < high) {
                    add_range(&kept, &kept_count, (uint32_t)low, (uint32_t)(high - low));
                }
            }
        }
    }
    free(*ranges);
    *ranges = kept;
    *count = kept_count;
}

static int clip_to_namespace(const char *path, struct subid_range **ranges, size_t *count,
                             struct err *e)
{
    autofree char *text = NULL;
    int r = file_read(AT_FDCWD, path, PASSWD_FILE_MAX, &text, NULL, e);

    if (r == 0) {
        subid_clip(text, ranges, count);
    }
    return r;
}

static int check_ranges(const struct subid_range *ranges, size_t count, const char *owner,
                        struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ranges[i].first < (uint64_t)ranges[j].first + ranges[j].count &&
                ranges[j].first < (uint64_t)ranges[i].first + ranges[i].count) {
                return err_new(e, EINVAL,
                               "the subordinate id ranges of '%s' starting at %u and %u overlap",
                               owner, ranges[j].first, ranges[i].first);
            }
        }
    }
    return 0;
}

static void drop_ranges(struct subid *s)
{
    s->uid_count = 0;
    s->gid_count = 0;
}

/* Both kinds of ids or neither: a map with users but no groups gives a container half of what it
 * needs. */
static int have_both(const struct subid *s)
{
    return s->uid_count > 0 && s->gid_count > 0;
}

int subid_check_helpers(char **ret_fix, struct err *e)
{
    static const char *const NAMES[] = {"newuidmap", "newgidmap"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        autofree char *path = NULL;
        struct stat st;
        struct statvfs fs;

        if (proc_find(NAMES[i], &path, e) < 0 || stat(path, &st) < 0) {
            *ret_fix = xstrdup("sudo apt-get install -y uidmap");
            return err_new(e, ENOENT, "%s is not installed", NAMES[i]);
        }
        if ((st.st_uid != 0 || (st.st_mode & S_ISUID) == 0) &&
            getxattr(path, "security.capability", NULL, 0) <= 0) {
            *ret_fix = xasprintf("sudo chmod u+s %s || sudo apt-get install -y uidmap", path);
            return err_new(e, EPERM, "%s is not setuid root", path);
        }
        if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0) {
            *ret_fix =
                xasprintf("sudo mount -o remount,suid \"$(findmnt -n -o TARGET -T %s)\"", path);
            return err_new(e, EPERM, "%s is on a file system mounted nosuid", path);
        }
    }
    return 0;
}

int subid_find(uid_t uid, struct subid *ret, struct err *e)
{
    /* Nobody gives root a range by default; podman's "containers" and install.sh's "rbox" are used
     * for it. */
    static const char *const ROOT_OWNERS[] = {"root", "containers", "rbox", NULL};
    autofree char *name = user_name(uid);
    const char *owners[] = {name != NULL ? name : "", NULL};
    struct subid s = {0};
    autofree char *fix = NULL;
    struct err ignored = {0};
    int r = 0;

    for (const char *const *owner = uid == 0 ? ROOT_OWNERS : owners;
         r == 0 && *owner != NULL && !have_both(&s); owner++) {
        drop_ranges(&s);
        free(s.owner);
        s.owner = **owner != '\0' ? xstrdup(*owner) : xasprintf("%u", uid);
        r = find_for(s.owner, uid, &s, e);
    }
    if (r == 0) {
        r = check_ranges(s.uids, s.uid_count, s.owner, e);
    }
    if (r == 0) {
        r = check_ranges(s.gids, s.gid_count, s.owner, e);
    }
    r = r < 0 ? r : clip_to_namespace("/proc/self/uid_map", &s.uids, &s.uid_count, e);
    r = r < 0 ? r : clip_to_namespace("/proc/self/gid_map", &s.gids, &s.gid_count, e);
    if (r < 0) {
        subid_done(&s);
        return r;
    }
    /* Root writes maps itself; everybody else needs the helpers. */
    /* no_new_privs: they are executed, and get no privileges. */
    s.no_helpers = uid != 0 && (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
                                subid_check_helpers(&fix, &ignored) < 0);
    if (s.no_helpers || !have_both(&s)) {
        drop_ranges(&s);
    }
    *ret = s;
    return 0;
}

void subid_done(struct subid *s)
{
    free(s->uids);
    free(s->gids);
    free(s->owner);
    memset(s, 0, sizeof(*s));
}
