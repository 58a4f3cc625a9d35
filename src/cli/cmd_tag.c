/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox tag, rbox untag. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "image/image.h"
#include "image/image_ref.h"
#include "image/load.h"
#include "image/record.h"

#include <errno.h>
#include <stdlib.h>

static int tag(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int untag(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_tag = {
    .names = {"tag", "image tag"},
    .group = CMD_IMAGES,
    .summary = "give an image another name",
    .usage = "IMAGE NAME [NAME…]",
    .description = "An image that had one of the names before loses it, and stays without a name.",
    .examples = "rbox tag alpine quay.io/me/alpine:mine\n",
    .min_args = 2,
    .max_args = CMD_ANY_ARGS,
    .run = tag,
};

const struct cmd cmd_untag = {
    .names = {"untag", "image untag"},
    .group = CMD_IMAGES,
    .summary = "take names away from an image",
    .usage = "IMAGE [NAME…]",
    .description = "Without NAME all that it has. The image stays, also without any name.",
    .examples = "rbox untag alpine\n"
                "rbox untag alpine mirror.example.com/alpine:old\n",
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = untag,
};

static int tag(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autostrv struct strv names = {0};
    autoclose int lock_fd = -1;
    struct image i = {.lock_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    for (int k = 1; r == 0 && k < argc; k++) {
        r = load_local_name(argv[k], &names, e);
    }
    /* This lock keeps the image's content; its record's is let go, since record_write() may wait
     * for that of another, whose holder waits for ours. */
    r = r < 0 ? r : store_lock(store, STORE_SHARED, &lock_fd, e);
    r = r < 0 ? r : image_find(store, argv[0], &i, e);
    close_fd(&i.lock_fd);
    for (size_t k = 0; r == 0 && k < names.len; k++) {
        free(i.name);
        i.name = xstrdup(names.v[k]);
        r = record_write(store, &i, e);
        if (r == 0) {
            events_add(store, "image", "tag", i.id, i.name);
        }
    }
    image_done(&i);
    return r;
}

static int untag_one(const struct store *store, const char *id, const char *word, struct err *e)
{
    struct image i = {.lock_fd = -1};
    int r = image_find(store, word, &i, e);

    if (r == 0 && !str_eq(i.id, id)) {
        r = err_new(e, EINVAL, "'%s' is a name of another image", word);
    } else if (r == 0 && record_is_dangling(i.name)) {
        r = err_new(e, EINVAL, "image '%s' has no name", word);
    }
    r = r < 0 ? r : record_untag(store, &i, e);
    if (r == 0) {
        events_add(store, "image", "untag", id, word);
    }
    image_done(&i);
    return r;
}

static int untag_all(const struct store *store, const char *id, struct err *e)
{
    autostrv struct strv names = {0};
    int r = record_names(store, id, &names, e);

    for (size_t k = 0; r == 0 && k < names.len; k++) {
        r = untag_one(store, id, names.v[k], e);
    }
    return r;
}

static int untag(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct image i = {.lock_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    r = r < 0 ? r : image_find(store, argv[0], &i, e);
    r = r == -ENOENT ? err_hint(e, "rbox images") : r;
    close_fd(&i.lock_fd);
    if (r == 0 && argc == 1) {
        r = untag_all(store, i.id, e);
    }
    for (int k = 1; r == 0 && k < argc; k++) {
        r = untag_one(store, i.id, argv[k], e);
    }
    image_done(&i);
    return r;
}
