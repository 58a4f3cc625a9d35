/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exitcode.h"
#include "cli/cmd.h"
#include "image/image.h"

#include <errno.h>

static int image_exists(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_image_exists = {
    .names = {"image exists"},
    .group = CMD_IMAGES,
    .summary = "tell by the exit status whether an image is there",
    .usage = "IMAGE",
    .examples = "rbox image exists alpine || rbox pull alpine\n",
    .min_args = 1,
    .max_args = 1,
    .run = image_exists,
};

static int image_exists(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct image i = {.lock_fd = -1};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)options;
    (void)argc;
    r = r < 0 ? r : image_find(store, argv[0], &i, e);
    image_done(&i);
    return r == -ENOENT ? EXITCODE_NO_SUCH : r;
}
