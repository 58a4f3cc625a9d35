/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_filter.h"

#include "cli/image_use.h"
#include "image/image_ref.h"
#include "image/manifest.h"
#include "image/record.h"

/* What filters look at. */
struct row {
    const struct image *image;
    int is_used;
};

static const int64_t NS_PER_S = 1000000000;

static int prepare_image(const struct store *store, struct filter_term *t, struct err *e)
{
    struct image i = {.lock_fd = -1};
    int r = image_find(store, t->value, &i, e);

    if (r == 0) {
        t->when_ns = i.created_s * NS_PER_S;
    }
    image_done(&i);
    return r < 0 ? err_wrap(e, "--filter %s", t->key->key) : 0;
}

static int match_reference(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return image_ref_matches(t->value, r->image->name);
}

static int match_dangling(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return record_is_dangling(r->image->name) == t->is_true;
}

static int match_label(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return spec_env_has(&r->image->config.labels, t->value);
}

static int match_id(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    const char *hex = str_after(t->value, "sha256:");
    return str_after(manifest_hex(r->image->id), hex != NULL ? hex : t->value) != NULL;
}

static int match_before(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return r->image->created_s * NS_PER_S < t->when_ns;
}

static int match_since(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return r->image->created_s * NS_PER_S > t->when_ns;
}

static int match_containers(const void *row, const struct filter_term *t)
{
    const struct row *r = row;
    return r->is_used == t->is_true;
}

/* No image is another's parent, and none is read-only. */
static int match_never(const void *row, const struct filter_term *t)
{
    (void)row;
    return !t->is_true;
}

static const struct filter_key FILTERS[] = {
    {.key = "dangling", .match = match_dangling, .prepare = filter_prepare_truth, .wants_all = 1},
    {.key = "reference", .match = match_reference},
    {.key = "label", .match = match_label, .wants_all = 1},
    {.key = "before", .match = match_before, .prepare = prepare_image, .wants_all = 1},
    {.key = "since", .match = match_since, .prepare = prepare_image, .wants_all = 1},
    {.key = "after", .match = match_since, .prepare = prepare_image, .wants_all = 1},
    {.key = "until", .match = match_before, .prepare = filter_prepare_time, .wants_all = 1},
    {.key = "id", .match = match_id},
    {.key = "containers",
     .match = match_containers,
     .prepare = filter_prepare_truth,
     .wants_all = 1},
    {.key = "intermediate",
     .match = match_dangling,
     .prepare = filter_prepare_truth,
     .wants_all = 1},
    {.key = "readonly", .match = match_never, .prepare = filter_prepare_truth, .wants_all = 1},
    {0},
};

int image_filter_parse(const char *filter, void *list, struct err *e)
{
    return filter_add(FILTERS, filter, list, e);
}

int image_filter_open(const struct store *store, const struct strv *list, struct image_filter *ret,
                      struct err *e)
{
    struct image_filter f = {0};
    int r = filter_open(FILTERS, store, list, &f.filter, e);

    /* Other listings have nothing to ask of containers, which may be many, or damaged. */
    if (r == 0 && filter_asks(&f.filter, "containers")) {
        r = image_use_ids(store, &f.used, e);
    }
    if (r < 0) {
        image_filter_done(&f);
        return r;
    }
    *ret = f;
    return 0;
}

int image_filter_matches(const struct image_filter *f, const struct image *i)
{
    const struct row row = {.image = i, .is_used = strv_has(&f->used, i->id)};

    return filter_matches(&f->filter, &row);
}

void image_filter_done(struct image_filter *f)
{
    filter_done(&f->filter);
    strv_done(&f->used);
}
