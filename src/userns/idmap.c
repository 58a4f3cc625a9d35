/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "userns/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's limit of rows in one map (user_namespaces(7)). */
enum {
    ROWS_MAX = 340
};

int64_t idmap_to_host(const struct spec_idmap *m, uint32_t container_id)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct spec_idmap_row *row = &m->rows[i];

        if (container_id >= row->container_id && container_id - row->container_id < row->size) {
            return (int64_t)row->host_id + (container_id - row->container_id);
        }
    }
    return -1;
}

/* The row of @m that has @host_id, or NULL. */
static const struct spec_idmap_row *row_of_host(const struct spec_idmap *m, uint32_t host_id)
{
    for (size_t i = 0; i < m->count; i++) {
        if (host_id >= m->rows[i].host_id && host_id - m->rows[i].host_id < m->rows[i].size) {
            return &m->rows[i];
        }
    }
    return NULL;
}

int64_t idmap_to_container(const struct spec_idmap *m, uint32_t host_id)
{
    const struct spec_idmap_row *row = row_of_host(m, host_id);

    return row != NULL ? (int64_t)row->container_id + (host_id - row->host_id) : -1;
}

int idmap_below(const struct spec_idmap *m, const struct spec_idmap *above, struct spec_idmap *ret,
                struct err *e)
{
    for (size_t i = 0; i < m->count; i++) {
        struct spec_idmap_row row = m->rows[i];

        while (row.size > 0) {
            const struct spec_idmap_row *a = row_of_host(above, row.host_id);
            uint32_t offset = a != NULL ? row.host_id - a->host_id : 0;
            uint32_t size = row.size;

            if (a == NULL) {
                (void)err_new(e, EINVAL,
                              "your subordinate ids have changed: %u is not among those that the "
                              "networks were started with",
                              row.host_id);
                return err_hint(e, "stop all containers that have a network of yours");
            }
            size = size > a->size - offset ? a->size - offset : size;
            spec_idmap_add(ret, row.container_id, a->container_id + offset, size);
            row.container_id += size;
            row.host_id += size;
            row.size -= size;
        }
    }
    return 0;
}

uint64_t idmap_size(const struct spec_idmap *m)
{
    uint64_t size = 0;

    for (size_t i = 0; i < m->count; i++) {
        size += m->rows[i].size;
    }
    return size;
}

int idmap_is_single(const struct spec_idmap *m)
{
    return idmap_size(m) == 1;
}

char *idmap_text(const struct spec_idmap *m)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < m->count; i++) {
        buf_printf(&b, "%s%u:%u:%u", i > 0 ? "," : "", m->rows[i].container_id, m->rows[i].host_id,
                   m->rows[i].size);
    }
    return b.data;
}

void idmap_argv(const struct spec_idmap *m, struct strv *argv)
{
    for (size_t i = 0; i < m->count; i++) {
        strv_pushf(argv, "%u", m->rows[i].container_id);
        strv_pushf(argv, "%u", m->rows[i].host_id);
        strv_pushf(argv, "%u", m->rows[i].size);
    }
}

/* ---- choosing */

/* One half of a choice: user ids or group ids. */
struct half {
    uint32_t own; /* the caller's id */
    const struct subid_range *ranges;
    size_t range_count;
    int64_t keep; /* keep-id: the id inside that is the caller's */
    const struct strv *explicit_rows;
    struct spec_idmap *map;
    const char *option; /* for messages */
};

/* Lay @ranges out from container id @next on, leaving out @hole (-1: none). */
static void add_ranges(struct half *h, uint32_t next, int64_t hole)
{
    for (size_t i = 0; i < h->range_count; i++) {
        uint32_t first = h->ranges[i].first;
        uint32_t left = h->ranges[i].count;

        while (left > 0) {
            uint32_t size = left;

            if (hole >= 0 && next == hole) {
                next++;
            }
            if (hole > next && hole - next < size) {
                size = (uint32_t)(hole - next);
            }
            spec_idmap_add(h->map, next, first, size);
            next += size;
            first += size;
            left -= size;
        }
    }
}

static void choose_default(struct half *h)
{
    /* Root itself is never mapped: with a range, the container's root is the range's first id. */
    if (h->own == 0 && h->range_count > 0) {
        add_ranges(h, 0, -1);
        return;
    }
    spec_idmap_add(h->map, 0, h->own, 1);
    add_ranges(h, 1, -1);
}

static int by_container_id(const void *a, const void *b)
{
    const struct spec_idmap_row *x = a;
    const struct spec_idmap_row *y = b;

    return (x->container_id > y->container_id) - (x->container_id < y->container_id);
}

static void choose_keep_id(struct half *h)
{
    spec_idmap_add(h->map, (uint32_t)h->keep, h->own, 1);
    add_ranges(h, 0, h->keep);
    qsort(h->map->rows, h->map->count, sizeof(*h->map->rows), by_container_id);
}

static int parse_id(const char **p, uint32_t *ret)
{
    char *end = NULL;
    unsigned long long v = 0;

    if (**p < '0' || **p > '9') {
        return -EINVAL;
    }
    errno = 0;
    v = strtoull(*p, &end, 10);
    if (errno != 0 || v >= UINT32_MAX) {
        return -EINVAL;
    }
    *ret = (uint32_t)v;
    *p = end;
    return 0;
}

/* "container:intermediate[:size]", where intermediate ids are podman's rootless map: 0 the caller,
 * 1… its ranges; "@id" is an id of the host. */
static int parse_row(const char *text, struct spec_idmap_row *row, int *is_host)
{
    const char *p = text;

    row->size = 1;
    if (parse_id(&p, &row->container_id) < 0 || *p++ != ':') {
        return -EINVAL;
    }
    *is_host = *p == '@';
    p += *is_host;
    if (parse_id(&p, &row->host_id) < 0) {
        return -EINVAL;
    }
    if (*p == ':') {
        p++;
        if (parse_id(&p, &row->size) < 0 || row->size == 0) {
            return -EINVAL;
        }
    }
    return *p == '\0' ? 0 : -EINVAL;
}

/* A row may cross rows of the intermediate map; the kernel wants one row for each piece. */
static int add_through(struct half *h, const struct spec_idmap *through, struct spec_idmap_row row,
                       const char *text, struct err *e)
{
    while (row.size > 0) {
        const struct spec_idmap_row *t = NULL;
        uint32_t size = row.size;

        for (size_t i = 0; i < through->count && t == NULL; i++) {
            if (row.host_id >= through->rows[i].container_id &&
                row.host_id - through->rows[i].container_id < through->rows[i].size) {
                t = &through->rows[i];
            }
        }
        if (t == NULL) {
            return err_new(e, EINVAL, "%s %s: id %u is outside of your own and subordinate ids",
                           h->option, text, row.host_id);
        }
        if (t->size - (row.host_id - t->container_id) < size) {
            size = t->size - (row.host_id - t->container_id);
        }
        spec_idmap_add(h->map, row.container_id, t->host_id + (row.host_id - t->container_id),
                       size);
        row.container_id += size;
        row.host_id += size;
        row.size -= size;
    }
    return 0;
}

static int check_overlap(const struct half *h, struct err *e)
{
    for (size_t i = 0; i < h->map->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct spec_idmap_row *a = &h->map->rows[i];
            const struct spec_idmap_row *b = &h->map->rows[j];

            if ((a->container_id < b->container_id + (uint64_t)b->size &&
                 b->container_id < a->container_id + (uint64_t)a->size) ||
                (a->host_id < b->host_id + (uint64_t)b->size &&
                 b->host_id < a->host_id + (uint64_t)a->size)) {
                return err_new(e, EINVAL, "%s: the rows for ids %u and %u overlap", h->option,
                               b->container_id, a->container_id);
            }
        }
    }
    return 0;
}

static int choose_explicit(struct half *h, struct err *e)
{
    struct spec_idmap through = {0};
    struct half intermediate = *h;
    int r = 0;

    intermediate.map = &through;
    choose_default(&intermediate);
    for (size_t i = 0; r == 0 && i < h->explicit_rows->len; i++) {
        const char *text = h->explicit_rows->v[i];
        struct spec_idmap_row row = {0};
        int is_host = 0;

        if (parse_row(text, &row, &is_host) < 0) {
            r = err_new(e, EINVAL, "%s %s: not CONTAINER:HOST[:SIZE]", h->option, text);
        } else if (is_host) {
            spec_idmap_add(h->map, row.container_id, row.host_id, row.size);
        } else {
            r = add_through(h, &through, row, text, e);
        }
    }
    free(through.rows);
    if (r == 0 && h->map->count > ROWS_MAX) {
        r = err_new(e, E2BIG, "%s: more than %d rows", h->option, ROWS_MAX);
    }
    return r < 0 ? r : check_overlap(h, e);
}

static int choose_half(struct half *h, enum spec_userns_mode mode, struct err *e)
{
    free(h->map->rows);
    *h->map = (struct spec_idmap){0};
    switch (mode) {
    case SPEC_USERNS_KEEP_ID:
        choose_keep_id(h);
        return 0;
    case SPEC_USERNS_NOMAP:
        if (h->range_count == 0) {
            return err_new(e, EINVAL, "--userns nomap needs subordinate ids, and there are none");
        }
        add_ranges(h, 0, -1);
        return 0;
    case SPEC_USERNS_EXPLICIT:
        return choose_explicit(h, e);
    case SPEC_USERNS_CONTAINER: /* of one that joins nothing after all: its target has the host's */
    case SPEC_USERNS_PATH:
    case SPEC_USERNS_DEFAULT:
        break;
    }
    choose_default(h);
    return 0;
}

int idmap_choose(struct spec *s, uid_t uid, gid_t gid, const struct subid *ids, struct err *e)
{
    const struct spec_userns *u = &s->linux_.userns;
    /* One of --uidmap and --gidmap stands for both (podman). */
    struct half uids = {.own = uid,
                        .ranges = ids->uids,
                        .range_count = ids->uid_count,
                        .keep = u->keep_uid >= 0 ? u->keep_uid : (int64_t)uid,
                        .explicit_rows = u->uidmap.len > 0 ? &u->uidmap : &u->gidmap,
                        .map = &s->linux_.uid_mappings,
                        .option = "--uidmap"};
    struct half gids = {.own = gid,
                        .ranges = ids->gids,
                        .range_count = ids->gid_count,
                        .keep = u->keep_gid >= 0 ? u->keep_gid : (int64_t)gid,
                        .explicit_rows = u->gidmap.len > 0 ? &u->gidmap : &u->uidmap,
                        .map = &s->linux_.gid_mappings,
                        .option = "--gidmap"};
    int r = choose_half(&uids, u->mode, e);

    return r < 0 ? r : choose_half(&gids, u->mode, e);
}
