/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of the ids that a container can have. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/probe_rows.h"
#include "sys/fd.h"
#include "userns/subid.h"
#include "userns/userns.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IDS_WANTED = 65536,
    FILE_BYTES_MAX = 16 << 20
};

void probe_helpers(const struct probe_host *h, struct probe_result *r)
{
    struct err e = {0};

    (void)h;
    if (geteuid() == 0) {
        probe_set(r, PROBE_OK, xstrdup("not needed by root"));
    } else if (subid_check_helpers(&r->fix_arg0, &e) < 0) {
        probe_set(r, PROBE_WARN, xstrdup(e.msg));
    } else {
        probe_set(r, PROBE_OK, xstrdup("newuidmap and newgidmap are setuid root"));
    }
}

/* First id from which 65536 are free, for the command that gives them. */
static unsigned int free_start(void)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    unsigned int next = 100000;
    char *save = NULL;

    if (file_read(AT_FDCWD, "/etc/subuid", FILE_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return next;
    }
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned int first = 0;
        unsigned int count = 0;

        if (sscanf(line, "%*[^:]:%u:%u", &first, &count) == 2 && first + count > next) {
            next = first + count;
        }
    }
    return next;
}

/* The largest row of the caller's map, but for id 0: what an outer container has left for others.
 */
static struct subid_range largest_row(void)
{
    struct subid_range largest = {0};
    struct spec_idmap map = {0};
    struct err ignored = {0};

    (void)userns_read_map("/proc/self/uid_map", &map, &ignored);
    for (size_t i = 0; i < map.count; i++) {
        if (map.rows[i].size > largest.count) {
            largest = (struct subid_range){map.rows[i].container_id, map.rows[i].size};
        }
    }
    free(map.rows);
    if (largest.first == 0 && largest.count > 0) {
        largest.first++;
        largest.count--;
    }
    return largest;
}

/* The ids that the command gives, "FIRST-LAST". The caller owns it. */
static char *free_range(void)
{
    autofree char *map_text = NULL;
    autofree struct subid_range *mapped = xcalloc(1, sizeof(*mapped));
    struct subid_range range = {.first = free_start(), .count = IDS_WANTED};
    struct err ignored = {0};
    size_t count = 1;

    *mapped = range;
    if (file_read(AT_FDCWD, "/proc/self/uid_map", FILE_BYTES_MAX, &map_text, NULL, &ignored) == 0) {
        subid_clip(map_text, &mapped, &count);
        if (count != 1 || mapped->count < IDS_WANTED) { /* inside of a container */
            range = largest_row();
        }
    }
    range = range.count > 0 ? range : (struct subid_range){free_start(), IDS_WANTED};
    return xasprintf("%u-%u", range.first, range.first + range.count - 1);
}

void probe_subids(const struct probe_host *h, struct probe_result *r)
{
    struct subid ids = {0};
    struct err e = {0};
    uint64_t uids = 0;
    uint64_t gids = 0;

    (void)h;
    r->fix_arg0 = probe_user();
    r->fix_arg1 = free_range();
    if (subid_find(geteuid(), &ids, &e) < 0) {
        probe_set(r, PROBE_FAIL, xstrdup(e.msg));
        return;
    }
    for (size_t i = 0; i < ids.uid_count; i++) {
        uids += ids.uids[i].count;
    }
    for (size_t i = 0; i < ids.gid_count; i++) {
        gids += ids.gids[i].count;
    }
    probe_set(r, uids >= IDS_WANTED && gids >= IDS_WANTED ? PROBE_OK : PROBE_WARN,
              xasprintf("%llu user and %llu group ids for '%s'", (unsigned long long)uids,
                        (unsigned long long)gids, ids.owner != NULL ? ids.owner : r->fix_arg0));
    subid_done(&ids);
}

/* The line of /etc/subuid or /etc/subgid that gives another user ids of @ranges, or NULL. */
static char *overlapping_line(const char *path, const char *owner, const struct subid_range *ranges,
                              size_t count)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    char *save = NULL;
    size_t len = strlen(owner);

    if (file_read(AT_FDCWD, path, FILE_BYTES_MAX, &text, NULL, &ignored) < 0) {
        return NULL;
    }
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned long first = 0;
        unsigned long size = 0;

        if ((strncmp(line, owner, len) == 0 && line[len] == ':') ||
            sscanf(line, "%*[^:]:%lu:%lu", &first, &size) != 2) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (first < (unsigned long)ranges[i].first + ranges[i].count &&
                ranges[i].first < first + size) {
                return xasprintf("%s: %s", path, line);
            }
        }
    }
    return NULL;
}

/* usermod's options that give up range @old and take a free one. The caller owns it. */
static char *exchange(const struct subid_range *old)
{
    autofree char *from = xasprintf("%u-%u", old->first, old->first + old->count - 1);
    autofree char *to = free_range();

    return xasprintf("--del-subuids %s --del-subgids %s --add-subuids %s --add-subgids %s", from,
                     from, to, to);
}

void probe_overlap(const struct probe_host *h, struct probe_result *r)
{
    autofree char *line = NULL;
    struct subid ids = {0};
    struct err e = {0};

    (void)h;
    if (subid_find(geteuid(), &ids, &e) < 0 || ids.uid_count == 0) {
        subid_done(&ids);
        probe_set(r, e.errnum != 0 ? PROBE_FAIL : PROBE_OK,
                  xstrdup(e.errnum != 0 ? e.msg : "you have none"));
        return;
    }
    r->fix_arg0 = xstrdup(ids.owner);
    r->fix_arg1 = exchange(&ids.uids[0]);
    line = overlapping_line("/etc/subuid", ids.owner, ids.uids, ids.uid_count);
    line =
        line != NULL ? line : overlapping_line("/etc/subgid", ids.owner, ids.gids, ids.gid_count);
    probe_set(r, line != NULL ? PROBE_WARN : PROBE_OK,
              line != NULL ? xasprintf("also another's: %s", line)
                           : xstrdup("nobody else's range has yours"));
    subid_done(&ids);
}

/* ---- another source, by nsswitch.conf */

void probe_subid_source(const struct probe_host *h, struct probe_result *r)
{
    autofree char *text = NULL;
    autofree char *source = NULL;
    struct subid ids = {0};
    struct err ignored = {0};
    const char *line = NULL;

    (void)h;
    r->fix_arg0 = probe_user();
    (void)file_read_followed(AT_FDCWD, "/etc/nsswitch.conf", 1 << 20, &text, NULL, &ignored);
    line = text != NULL ? strstr(text, "\nsubid:") : NULL;
    if (line == NULL) {
        probe_set(r, PROBE_OK, xstrdup("/etc/subuid and /etc/subgid"));
        return;
    }
    line += strlen("\nsubid:");
    line += strspn(line, " \t");
    source = xstrndup(line, strcspn(line, " \t\n"));
    if (subid_find(geteuid(), &ids, &ignored) < 0 || (ids.uid_count == 0 && !ids.no_helpers)) {
        probe_set(r, PROBE_WARN, xasprintf("nsswitch.conf names '%s', which gives none", source));
    } else {
        probe_set(r, PROBE_OK, xasprintf("'%s', as nsswitch.conf says", source));
    }
    subid_done(&ids);
}
