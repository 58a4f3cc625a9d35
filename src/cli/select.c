/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/select.h"

#include "base/cleanup.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that are meant, and what the user called them. */
struct meant {
    struct found_list list;
    struct strv words;
    int are_named; /* one by one */
};

static void meant_done(struct meant *m)
{
    found_list_done(&m->list);
    strv_done(&m->words);
}

static void add(struct meant *m, struct found *f, const char *word)
{
    m->list.rows = xrealloc(m->list.rows, m->list.count + 1, sizeof(*m->list.rows));
    m->list.rows[m->list.count++] = *f;
    strv_push(&m->words, word);
    *f = (struct found){.dir_fd = -1, .run_fd = -1};
}

static int add_word(const struct store *store, const struct selected *s, const char *word,
                    struct meant *m, struct err *e)
{
    struct found f = {.dir_fd = -1, .run_fd = -1};
    int must_run = s->state == SELECT_RUNNING && !s->may_have_ended;
    int r = (must_run ? find_running : find_container)(store, word, &f, e);

    if (s->select->ignore && (r == -ENOENT || r == -ESRCH)) {
        err_clear(e);
        return 0;
    }
    if (r == 0) {
        add(m, &f, word);
    }
    return r;
}

static int add_cidfile(const struct store *store, const struct selected *s, const char *path,
                       struct meant *m, struct err *e)
{
    autofree char *id = NULL;
    size_t len = 0;
    int r = file_read_followed(AT_FDCWD, path, 4096, &id, &len, e);

    if (r == -ENOENT && s->select->ignore) {
        err_clear(e);
        return 0;
    }
    if (r < 0) {
        return err_wrap(e, "--cidfile");
    }
    id[strcspn(id, "\r\n")] = '\0';
    return add_word(store, s, id, m, e);
}

static int newest(const struct found_list *l)
{
    int64_t best_ns = -1;
    int best = -1;

    for (size_t i = 0; i < l->count; i++) {
        struct err ignored = {0};
        struct container c;

        if (container_glance(&l->rows[i], &c, &ignored) == 0) {
            best = c.created_ns > best_ns ? (int)i : best;
            best_ns = c.created_ns > best_ns ? c.created_ns : best_ns;
            container_done(&c);
        }
    }
    return best;
}

/* Does the row belong to those that --all and --filter mean? */
static int is_meant(const struct selected *s, const struct filter *filter, const struct found *f)
{
    if ((s->state == SELECT_RUNNING && f->run_fd < 0) ||
        (s->state == SELECT_STOPPED && f->run_fd >= 0)) {
        return 0;
    }
    return container_filter_matches(filter, f);
}

static int add_all(const struct store *store, const struct selected *s, struct meant *m,
                   struct err *e)
{
    autofound_list struct found_list all = {0};
    autofilter struct filter filter = {0};
    int r = container_filter_open(store, &s->select->filters, &filter, e);

    r = r < 0 ? r : find_all(store, &all, e);
    if (r < 0) {
        return r;
    }
    if (s->select->latest) {
        int i = newest(&all);

        return i < 0 ? 0 : add_word(store, s, all.rows[i].id, m, e);
    }
    for (size_t i = 0; i < all.count; i++) {
        if (is_meant(s, &filter, &all.rows[i])) {
            autofree char *id = xstrdup(all.rows[i].id);

            add(m, &all.rows[i], id);
        }
    }
    return 0;
}

/* What is named, as far as it is found; what is not, in @failures. */
static void add_named(const struct store *store, const struct selected *s, struct meant *m,
                      struct err *failures)
{
    struct err e = {0};

    for (int i = 0; i < s->argc; i++) {
        if (add_word(store, s, s->argv[i], m, &e) < 0) {
            err_add(failures, &e);
        }
    }
    for (size_t i = 0; i < s->select->cidfiles.len; i++) {
        if (add_cidfile(store, s, s->select->cidfiles.v[i], m, &e) < 0) {
            err_add(failures, &e);
        }
    }
}

/* And theirs, since the list grows meanwhile. */
static int add_dependents(const struct store *store, const struct selected *s, struct meant *m,
                          struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < m->list.count; i++) {
        autostrv struct strv ids = {0};

        needs_dependents(s->needs, m->list.rows[i].id, &ids);
        for (size_t j = 0; r == 0 && j < ids.len; j++) {
            r = found_list_has(&m->list, ids.v[j]) ? 0 : add_word(store, s, ids.v[j], m, e);
        }
    }
    return r;
}

static void put_in_order(const struct needs *needs, struct meant *m)
{
    autofree size_t *order = xcalloc(m->list.count + 1, sizeof(*order));
    struct meant sorted = {.are_named = m->are_named};

    needs_order(needs, &m->list, order);
    for (size_t i = 0; i < m->list.count; i++) {
        add(&sorted, &m->list.rows[order[i]], m->words.v[order[i]]);
    }
    meant_done(m);
    *m = sorted;
}

/* Of one that is to be stopped it does not matter who needs it. */
static int read_needs(const struct store *store, const struct selected *s, const struct meant *m,
                      struct err *e)
{
    int running_only = s->state == SELECT_RUNNING;

    return s->needs == NULL || (running_only && m->list.count < 2)
               ? 0
               : needs_read(store, running_only, s->needs, e);
}

/* Is row @i needed by one of @m that ends before it? */
static int must_wait(const struct selected *s, const struct meant *m, size_t i)
{
    autostrv struct strv ids = {0};

    if (s->needs != NULL) {
        needs_dependents(s->needs, m->list.rows[i].id, &ids);
    }
    for (size_t j = 0; j < ids.len; j++) {
        if (found_list_has(&m->list, ids.v[j])) {
            return 1;
        }
    }
    return 0;
}

static int check_removal(const struct selected *s, const struct meant *m, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && s->is_removal && i < m->list.count; i++) {
        r = needs_check(s->needs, &m->list.rows[i], &m->list, e);
    }
    return r;
}

/* What is to be done to each. */
struct work {
    const struct store *store;
    const struct selected *s;
    select_action *action;
    void *arg;
};

/* Act on row @i, which is @is_late to be stopped. */
static int act_on(const struct work *w, const struct meant *m, size_t i, int is_late, struct err *e)
{
    int r = is_late ? stopping_begin(w->s->stopping, &m->list.rows[i], e) : 0;

    r = r < 0 ? r : w->action(w->store, w->arg, &m->list.rows[i], e);
    if (r == -ENOENT && !m->are_named) {
        err_clear(e);
        return 0;
    }
    if (r == 0 && !w->s->quiet) {
        (void)puts(m->words.v[i]);
    }
    return r;
}

/* Act on all, as far as that goes; what goes wrong is added to @failures. Returns what the last
 * action did. */
static int act(const struct work *w, const struct meant *m, struct err *failures)
{
    autofree char *is_late =
        xcalloc(m->list.count + 1, 1); /* the action may change who needs whom */
    autofree char *has_failed = xcalloc(m->list.count + 1, 1);
    struct err e = {0};
    int result = 0;

    for (size_t i = 0; w->s->stopping != NULL && i < m->list.count; i++) {
        is_late[i] = (char)must_wait(w->s, m, i);
        if (!is_late[i] && stopping_begin(w->s->stopping, &m->list.rows[i], &e) < 0) {
            has_failed[i] = 1;
            err_add(failures, &e);
        }
    }
    for (size_t i = 0; i < m->list.count; i++) {
        int r = has_failed[i] ? 0 : act_on(w, m, i, is_late[i], &e);

        if (r < 0) {
            err_add(failures, &e);
        } else {
            result = r;
        }
    }
    return result;
}

int select_each(struct ctx *ctx, const struct selected *s, select_action *action, void *arg,
                struct err *e)
{
    __attribute__((cleanup(meant_done))) struct meant m = {0};
    const struct select *o = s->select;
    int by_option = o->all || o->latest || o->filters.len > 0;
    struct err failures = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);
    const struct work w = {store, s, action, arg};

    if (r < 0) {
        return r;
    }
    m.are_named = s->argc > 0 || o->cidfiles.len > 0;
    if (!by_option && !m.are_named) {
        (void)err_new(e, EINVAL, "no container is named");
        return err_hint(e, s->state == SELECT_RUNNING ? "rbox ps" : "rbox ps -a");
    }
    if (by_option && m.are_named) {
        return err_new(e, EINVAL,
                       "name containers, or let --all, --latest or --filter choose them");
    }
    if (m.are_named) {
        add_named(store, s, &m, &failures);
    } else {
        r = add_all(store, s, &m, e);
    }
    r = r < 0 ? r : read_needs(store, s, &m, e);
    r = r < 0 || !s->with_dependents ? r : add_dependents(store, s, &m, e);
    if (r == 0 && s->needs != NULL) {
        put_in_order(s->needs, &m);
    }
    r = r < 0 ? r : check_removal(s, &m, e);
    if (r < 0) {
        err_add(&failures, e);
    } else {
        r = act(&w, &m, &failures);
    }
    *e = failures;
    return failures.errnum != 0 ? -failures.errnum : r;
}

int select_newest(const struct store *store, struct found *ret, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(store, &all, e);
    int i = r < 0 ? -1 : newest(&all);

    if (r == 0 && i < 0) {
        (void)err_new(e, EINVAL, "there is no container");
        return err_hint(e, "rbox ps -a");
    }
    return r < 0 ? r : find_container(store, all.rows[i].id, ret, e);
}

int select_one(struct ctx *ctx, int latest, char ***argv, struct store **ret_store,
               struct found *ret, struct err *e)
{
    autofound struct found last = {.dir_fd = -1, .run_fd = -1};
    const char *word = NULL;
    int r = ctx_store(ctx, ret_store, e);

    if (r == 0 && latest) {
        r = select_newest(*ret_store, &last, e);
        word = last.id;
    } else if (r == 0 && **argv != NULL) {
        word = *(*argv)++;
    }
    if (r == 0 && word == NULL) {
        (void)err_new(e, EINVAL, "no container is named");
        return err_hint(e, "rbox ps -a");
    }
    return r < 0 ? r : find_running(*ret_store, word, ret, e);
}
