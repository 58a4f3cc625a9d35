/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/strays.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/tree.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SEARCH_MS = 100,
    CLOCK_SLACK_MS = 1000 /* file systems' clocks tick in steps, and some are elsewhere */
};

struct search {
    const struct spec *spec;
    int64_t own_uid; /* whose files nobody is told of */
    int64_t since_ns;
    int64_t deadline_ms;
    unsigned long count;
    char *first;
    const char *source; /* of the mount with the first */
    uid_t uid;
};

/* An unmapped owner looks like the container's user 65534. Capabilities count for files of mapped
 * ids only, so what may be written although its mode lets neither groups nor others belongs to one;
 * or to root, who is this process and mapped nowhere. */
static int is_mapped(int dir_fd, const char *name, const struct stat *st)
{
    return st->st_uid != IDMAP_OVERFLOW_ID ||
           (geteuid() != IDMAP_OVERFLOW_ID && (st->st_mode & 022) == 0 && !S_ISLNK(st->st_mode) &&
            faccessat(dir_fd, *name != '\0' ? name : ".", W_OK, AT_EACCESS) == 0);
}

static int look_at(int dir_fd, const char *name, const struct stat *st, void *arg, struct err *e)
{
    struct search *q = arg;
    int64_t changed_ns = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec;

    (void)e;
    if (clock_monotonic_ms() > q->deadline_ms) {
        return -ETIME;
    }
    if (st->st_uid == q->own_uid || changed_ns < q->since_ns ||
        idmap_to_host(&q->spec->linux_.uid_mappings, st->st_uid) < 0 ||
        !is_mapped(dir_fd, name, st)) {
        return 0;
    }
    if (q->count++ == 0) {
        q->first = xstrdup(*name != '\0' ? name : ".");
        q->uid = st->st_uid;
    }
    return 0;
}

static void look_below(struct search *q, const struct spec_mount *m)
{
    autoclose int fd = -1;
    struct err ignored = {0};
    unsigned long before = q->count;

    if (!str_eq(m->type, "bind") || strv_has(&m->options, "ro") || strv_has(&m->options, "U")) {
        return;
    }
    fd = open(m->source, O_PATH | O_CLOEXEC);
    if (fd >= 0) {
        (void)tree_walk(fd, &(struct tree_walk){.visit = look_at, .arg = q, .skip_unreadable = 1},
                        &ignored);
    }
    if (before == 0 && q->count > 0) {
        q->source = m->source;
    }
}

/* The caller's id inside. Root is mapped nowhere; in his place stands his containers' root, the
 * same subordinate id every time. */
static int64_t own_id(const struct spec *s, uid_t caller_uid)
{
    return caller_uid == 0 ? 0 : idmap_to_container(&s->linux_.uid_mappings, caller_uid);
}

char *strays_find(const struct spec *s, uid_t caller_uid, int64_t since_ns)
{
    struct search q = {.spec = s,
                       .own_uid = own_id(s, caller_uid),
                       .since_ns = since_ns - CLOCK_SLACK_MS * 1000000LL,
                       .deadline_ms = clock_monotonic_ms() + SEARCH_MS};
    char *text = NULL;

    for (size_t i = 0; !idmap_is_single(&s->linux_.uid_mappings) && i < s->mount_count; i++) {
        look_below(&q, &s->mounts[i]);
    }
    if (q.count > 0) {
        text = xasprintf("%lu file%s made below '%s' (first: '%s', user %u) %s to your subordinate "
                         "ids: rbox chown-back '%s'",
                         q.count, q.count > 1 ? "s" : "", q.source, q.first, q.uid,
                         q.count > 1 ? "belong" : "belongs", q.source);
    }
    free(q.first);
    return text;
}
