/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front end's part of join.h: whose namespaces they are, and which ids that means. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/join.h"
#include "spec/spec_json.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ids that a target has, and what it is called in errors. */
struct ids {
    struct spec_idmap uid_map;
    struct spec_idmap gid_map;
    char *owner; /* NULL: nothing is joined yet */
};

static void ids_done(struct ids *ids)
{
    free(ids->uid_map.rows);
    free(ids->gid_map.rows);
    free(ids->owner);
}
#define autoids  __attribute__((cleanup(ids_done)))
#define autospec __attribute__((cleanup(spec_done)))

static void copy_map(const struct spec_idmap *from, struct spec_idmap *to)
{
    free(to->rows);
    *to = (struct spec_idmap){0};
    for (size_t i = 0; i < from->count; i++) {
        const struct spec_idmap_row *row = &from->rows[i];

        spec_idmap_add(to, row->container_id, row->host_id, row->size);
    }
}

static int is_same_map(const struct spec_idmap *a, const struct spec_idmap *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->rows, b->rows, a->count * sizeof(*a->rows)) == 0);
}

static int take_ids(struct ids *ids, const struct spec_idmap *uid_map,
                    const struct spec_idmap *gid_map, const char *owner, struct err *e)
{
    if (ids->owner == NULL) {
        copy_map(uid_map, &ids->uid_map);
        copy_map(gid_map, &ids->gid_map);
        ids->owner = xstrdup(owner);
    }
    if (is_same_map(&ids->uid_map, uid_map) && is_same_map(&ids->gid_map, gid_map)) {
        return 0;
    }
    return err_new(e, EINVAL,
                   "'%s' and '%s' have different ids: their namespaces can't be joined "
                   "by one container",
                   ids->owner, owner);
}

/* ---- a user namespace's maps, as the host counts */

static int read_map(pid_t pid, const char *name, struct spec_idmap *ret, struct err *e)
{
    autofree char *path = xasprintf("/proc/%d/%s", (int)pid, name);
    int r = userns_read_map(path, ret, e);

    return r == 0 && ret->count == 0 ? err_new(e, EINVAL, "the user namespace has no ids") : r;
}

/* Only a process in the namespace has the maps in /proc. */
static int read_maps(int user_fd, struct spec_idmap *uid_map, struct spec_idmap *gid_map,
                     struct err *e)
{
    autokill int pidfd = -1;
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    char byte = 0;
    pid_t pid = -1;
    int r = fd_pipe(&read_fd, &write_fd, e);

    if (r < 0) {
        return r;
    }
    pid = ns_clone(0, -1, &pidfd, e);
    if (pid == 0) {
        if (setns(user_fd, CLONE_NEWUSER) == 0 && write(write_fd, "r", 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    close_fd(&write_fd);
    if (pid > 0 && read(read_fd, &byte, 1) != 1) {
        r = err_new(e, EPERM, "the user namespace belongs to another user");
    }
    r = pid < 0 ? (int)pid : r;
    r = r < 0 ? r : read_map(pid, "uid_map", uid_map, e);
    return r < 0 ? r : read_map(pid, "gid_map", gid_map, e);
}

/* Of what is joined by path, the ids are the owner's. */
static int resolve_paths(const struct store *store, const struct spec *s, struct ids *ids,
                         struct err *e)
{
    struct spec paths = *s; /* borrows */
    struct spec_idmap uid_map = {0};
    struct spec_idmap gid_map = {0};
    autojoin struct join j;
    int r = 0;

    join_init(&j);
    for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
        if (s->linux_.namespaces[ns].mode != SPEC_NS_PATH) {
            paths.linux_.namespaces[ns] = (struct spec_namespace){.mode = SPEC_NS_HOST};
        }
    }
    if (s->linux_.userns.mode != SPEC_USERNS_PATH) {
        paths.linux_.userns = (struct spec_userns){.mode = SPEC_USERNS_DEFAULT};
    }
    r = join_open(store, &paths, &j, e);
    if (r == 0 && j.user_fd >= 0) {
        r = read_maps(j.user_fd, &uid_map, &gid_map, e);
        r = r < 0 ? r : take_ids(ids, &uid_map, &gid_map, "ns:", e);
    }
    free(uid_map.rows);
    free(gid_map.rows);
    return r;
}

/* ---- containers */

static int read_target(const struct store *store, const struct spec *s, const char *word,
                       struct found *ret_found, struct spec *ret, struct err *e)
{
    int r = find_container(store, word, ret_found, e);

    if (r == 0 && str_eq(ret_found->name, s->box.name)) {
        return err_new(e, EINVAL, "container '%s' cannot join its own namespaces", s->box.name);
    }
    return r < 0 ? r
                 : spec_json_load(ret_found->dir_fd, "config.json", /* listed_only= */ 0, ret, e);
}

/* With the target's UTS namespace goes its name. */
static int take_hostname(struct spec *s, const struct spec *target, struct err *e)
{
    if (s->hostname != NULL) {
        return err_new(e, EINVAL, "--hostname and --uts container: contradict each other");
    }
    s->hostname = xstrdup_null(target->hostname);
    return 0;
}

/* Who is to see another's processes or memory has its labels, or none. */
static void take_labels(struct spec *s, const struct spec *target)
{
    xreplace(&s->process.selinux_label, target->process.selinux_label);
    xreplace(&s->linux_.mount_label, target->linux_.mount_label);
    if (target->process.selinux_label == NULL) {
        strv_push(&s->linux_.label_options, "disable");
    }
}

static int resolve_namespace(struct spec *s, enum spec_ns ns, const struct found *f,
                             const struct spec *target, struct err *e)
{
    struct spec_namespace *n = &s->linux_.namespaces[ns];

    if (ns == SPEC_NS_IPC && target->box.ipc != SPEC_IPC_SHAREABLE) {
        (void)err_new(e, EPERM, "container '%s' keeps its IPC namespace to itself", f->name);
        return err_hint(e, "rbox run --ipc shareable … for the one that is to be joined");
    }
    if (ns == SPEC_NS_UTS && take_hostname(s, target, e) < 0) {
        return -e->errnum;
    }
    if ((ns == SPEC_NS_PID || ns == SPEC_NS_IPC) && s->linux_.label_options.len == 0) {
        take_labels(s, target);
    }
    free(n->target);
    *n = (struct spec_namespace){.mode = SPEC_NS_CONTAINER, .target = xstrdup(f->id)};
    if (target->linux_.namespaces[ns].mode == SPEC_NS_HOST) {
        free(n->target);
        *n = (struct spec_namespace){.mode = SPEC_NS_HOST};
        if (ns == SPEC_NS_NETWORK) {
            s->box.network.backend = SPEC_NET_HOST;
        }
    }
    return 0;
}

static int resolve_containers(const struct store *store, struct spec *s, struct ids *ids,
                              struct err *e)
{
    int r = 0;

    for (int ns = 0; r == 0 && ns < SPEC_NS_COUNT; ns++) {
        const struct spec_namespace *n = &s->linux_.namespaces[ns];
        autofound struct found f = {.dir_fd = -1, .run_fd = -1};
        autospec struct spec target = {0};

        if (n->mode != SPEC_NS_CONTAINER) {
            continue;
        }
        r = read_target(store, s, n->target, &f, &target, e);
        r = r < 0 ? r
                  : take_ids(ids, &target.linux_.uid_mappings, &target.linux_.gid_mappings, f.name,
                             e);
        r = r < 0 ? r : resolve_namespace(s, (enum spec_ns)ns, &f, &target, e);
    }
    return r;
}

static int resolve_user(const struct store *store, struct spec *s, struct ids *ids, struct err *e)
{
    struct spec_userns *u = &s->linux_.userns;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autospec struct spec target = {0};
    int r = 0;

    if (u->mode != SPEC_USERNS_CONTAINER) {
        return 0;
    }
    r = read_target(store, s, u->target, &f, &target, e);
    if (r == 0) {
        free(u->target);
        u->target = xstrdup(f.id);
        r = take_ids(ids, &target.linux_.uid_mappings, &target.linux_.gid_mappings, f.name, e);
    }
    return r;
}

static int has_targets(const struct spec *s)
{
    int count =
        s->linux_.userns.mode == SPEC_USERNS_CONTAINER || s->linux_.userns.mode == SPEC_USERNS_PATH;

    for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
        count += s->linux_.namespaces[ns].mode == SPEC_NS_CONTAINER ||
                 s->linux_.namespaces[ns].mode == SPEC_NS_PATH;
    }
    return count > 0;
}

/* Ids that were asked for must be the target's. */
static int settle_ids(struct spec *s, const struct ids *ids, struct err *e)
{
    const enum spec_userns_mode mode = s->linux_.userns.mode;
    const int is_asked =
        mode == SPEC_USERNS_KEEP_ID || mode == SPEC_USERNS_NOMAP || mode == SPEC_USERNS_EXPLICIT;
    int r = ids->owner == NULL || is_asked ? userns_own_maps(s, e) : 0;

    if (r < 0 || ids->owner == NULL) {
        return r;
    }
    if (is_asked && (!is_same_map(&s->linux_.uid_mappings, &ids->uid_map) ||
                     !is_same_map(&s->linux_.gid_mappings, &ids->gid_map))) {
        (void)err_new(e, EINVAL, "'%s' has other ids than --userns and --uidmap ask for",
                      ids->owner);
        return err_hint(e, "leave them out: who joins a container has its ids");
    }
    s->linux_.userns.asked = 1; /* nothing else is chosen */
    copy_map(&ids->uid_map, &s->linux_.uid_mappings);
    copy_map(&ids->gid_map, &s->linux_.gid_mappings);
    return 0;
}

int join_resolve(const struct store *store, struct spec *s, struct err *e)
{
    autoids struct ids ids = {0};
    int r = 0;

    if (!has_targets(s)) {
        return userns_own_maps(s, e);
    }
    r = resolve_containers(store, s, &ids, e);
    r = r < 0 ? r : resolve_user(store, s, &ids, e);
    r = r < 0 ? r : resolve_paths(store, s, &ids, e);
    return r < 0 ? r : settle_ids(s, &ids, e);
}
