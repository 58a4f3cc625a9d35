/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "image/image.h"
#include "image/manifest.h"
#include "image/record.h"
#include "spec/spec_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int image_tree(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static const struct opt_refused REFUSED[] = {
    {"whatrequires", 0, "rbox image tree of an image shows those below it"}, {0}};

const struct cmd cmd_image_tree = {
    .names = {"image tree"},
    .group = CMD_IMAGES,
    .summary = "print an image's layers, and which images end with them",
    .usage = "IMAGE",
    .description = "The lowest layer first. Sizes are those of the layers as they came.",
    .examples = "rbox image tree busybox\n",
    .refused = REFUSED,
    .min_args = 1,
    .max_args = 1,
    .run = image_tree,
};

struct tree {
    const struct image *image;
    struct strv tags;  /* of the image itself */
    struct strv *tops; /* for each layer, the names of images of which it is the topmost */
};

/* Is @i made of the lowest layers of the image? */
static int is_below(const struct image *i, const struct image *image)
{
    size_t same = 0;

    while (same < i->diff_ids.len && same < image->diff_ids.len &&
           strcmp(i->diff_ids.v[same], image->diff_ids.v[same]) == 0) {
        same++;
    }
    return same > 0 && same == i->diff_ids.len;
}

static int look_at(const struct image *i, void *arg)
{
    struct tree *t = arg;

    if (i->id == NULL || record_is_dangling(i->name)) {
        return 0;
    }
    if (strcmp(i->id, t->image->id) == 0) {
        strv_push(&t->tags, i->name);
    }
    if (is_below(i, t->image)) {
        strv_push(&t->tops[i->diff_ids.len - 1], i->name);
    }
    return 0;
}

/* "[a b]", sorted. */
static void print_names(struct strv *names)
{
    strv_sort(names);
    (void)putchar('[');
    for (size_t i = 0; i < names->len; i++) {
        (void)printf("%s%s", i > 0 ? " " : "", names->v[i]);
    }
    (void)printf("]\n");
}

static void print_layer(const struct store *store, struct tree *t, size_t layer)
{
    autofree char *size = format_size(image_layer_bytes(store, t->image, layer));
    int is_last = layer + 1 == t->image->diff_ids.len;

    (void)printf("%s ID: %.*s Size: %8s", is_last ? "└──" : "├──", SPEC_SHORT_ID,
                 manifest_hex(t->image->diff_ids.v[layer]), size);
    if (t->tops[layer].len > 0) {
        (void)printf(" Top Layer of: ");
        print_names(&t->tops[layer]);
    } else {
        (void)putchar('\n');
    }
}

static int print_tree(const struct store *store, const struct image *i, struct err *e)
{
    autofree char *size = format_size(i->size_bytes);
    struct tree t = {.image = i, .tops = xcalloc(i->diff_ids.len + 1, sizeof(*t.tops))};
    int r = record_each(store, look_at, &t, e);

    if (r == 0) {
        (void)printf("Image ID: %.*s\nTags:     ", SPEC_SHORT_ID, manifest_hex(i->id));
        print_names(&t.tags);
        (void)printf("Size:     %s\nImage Layers\n", size);
    }
    for (size_t k = 0; k < i->diff_ids.len; k++) {
        if (r == 0) {
            print_layer(store, &t, k);
        }
        strv_done(&t.tops[k]);
    }
    free(t.tops);
    strv_done(&t.tags);
    return r;
}

static int image_tree(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct image i = {.lock_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : image_find(store, argv[0], &i, e);
    if (r == -ENOENT) {
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    r = r < 0 ? r : print_tree(store, &i, e);
    image_done(&i);
    return r;
}
