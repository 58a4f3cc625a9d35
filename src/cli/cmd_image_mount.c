/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/image_mount.h"
#include "box/storage.h"
#include "cli/cmd.h"
#include "image/image.h"
#include "image/manifest.h"
#include "spec/spec_name.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int mount_run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static const struct opt_refused REFUSED[] = {
    {"all", 'a', NULL}, {"format", 0, "$RBOX_MOUNT has the folder"}, {0}};

const struct cmd cmd_image_mount = {
    .names = {"image mount"},
    .group = CMD_IMAGES,
    .summary = "run a command that sees the files of images",
    .usage = "IMAGE [IMAGE…] -- COMMAND [ARG…]",
    .description =
        "COMMAND runs as root of a user namespace with your ids mapped, as with rbox unshare, and\n"
        "$RBOX_MOUNT is the folder with the image's files, read-only; of several images, their\n"
        "folders with spaces between. All of it is there as long as COMMAND is: nothing has to be\n"
        "unmounted, and what COMMAND leaves running is ended with it.",
    .examples = "rbox image mount debian:12 -- sh -c 'du -sh $RBOX_MOUNT/usr'\n"
                "rbox image mount app:1 app:2 -- sh -c 'diff -r $RBOX_MOUNT'\n"
                "rbox image mount debian:12 -- sh -c 'cd $RBOX_MOUNT && exec bash'\n",
    .refused = REFUSED,
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = mount_run,
};

/* The lock on the image's name goes: rmi need not wait, and the store's lock keeps the layers. */
static int add(struct store *store, struct ctx *ctx, const char *name, struct image_mount *ret,
               struct err *e)
{
    const struct image_request q = {.name = name, .pull = IMAGE_PULL_NEVER};
    struct spec *s = &ret->spec;
    struct image i = {.lock_fd = -1};
    int r = userns_own_maps(s, e);

    r = r < 0 ? r : image_resolve(store, &q, &i, e);
    r = r < 0 ? r : image_layers(store, &i, &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
    if (r == 0) {
        /* The first has the mount points of containers. */
        for (size_t l = 1; l < i.layers.len; l++) {
            strv_push(&s->box.layers, i.layers.v[l]);
        }
        s->box.storage_driver = xstrdup_null(ctx->storage_driver);
        ret->name = xasprintf("%.*s", SPEC_SHORT_ID, manifest_hex(i.id));
        r = storage_choose(store, s, e);
    }
    image_done(&i);
    return r;
}

static int mount_images(struct ctx *ctx, struct image_mount *images, int count, char **argv,
                        struct err *e)
{
    autofree char *place = NULL;
    autoclose int lock_fd = -1;
    struct image_mount_job job = {.images = images, .count = (size_t)count, .argv = argv + count};
    struct store *store = NULL;
    int status = 0;
    int r = proc_find_beside("mnt", &place, e); /* empty: there before and after */

    job.place = place;
    r = r < 0 ? r : ctx_store(ctx, &store, e);
    r = r < 0 ? r : store_lock(store, STORE_SHARED, &lock_fd, e);
    for (int i = 0; r == 0 && i < count; i++) {
        r = add(store, ctx, argv[i], &images[i], e);
    }
    r = r < 0 ? r : image_mount_run(store, &job, &status, e);
    return r < 0 ? r : status;
}

/* What stands behind the first "--" of the command line, which parsing took out. */
static int command_words(const struct ctx *ctx)
{
    for (int i = 1; i < ctx->argc; i++) {
        if (strcmp(ctx->argv[i], "--") == 0) {
            return ctx->argc - i - 1;
        }
    }
    return 0;
}

static int mount_run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    int count = argc - command_words(ctx);
    struct image_mount *images = NULL;
    int r = 0;

    (void)options;
    if (count == argc || count == 0) {
        (void)err_new(e, EINVAL, "image mount needs images, -- and a command");
        return err_hint(e, "rbox image mount %s -- sh -c 'ls $RBOX_MOUNT'",
                        count > 0 ? argv[0] : "IMAGE");
    }
    images = xcalloc((size_t)count, sizeof(*images));
    r = mount_images(ctx, images, count, argv, e);
    for (int i = 0; i < count; i++) {
        spec_done(&images[i].spec);
        free(images[i].name);
    }
    free(images);
    return r;
}
