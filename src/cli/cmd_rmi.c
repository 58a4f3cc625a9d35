/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exitcode.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "image/image.h"
#include "image/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct rmi_options {
    int ignore;
};

#define FIELD(name) offsetof(struct rmi_options, name)

static const struct opt OPTIONS[] = {
    {"ignore", 'i', NULL, OPT_FLAG, FIELD(ignore), "no error for an image that does not exist",
     NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"all", 'a', NULL}, {"force", 'f', NULL}, {"no-prune", 0, NULL}, {0}};

static int rmi(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_rmi = {
    .names = {"rmi", "image rm", "image remove"},
    .group = CMD_IMAGES,
    .summary = "remove images",
    .usage = "[options] IMAGE [IMAGE…]",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct rmi_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = rmi,
};

static int remove_image(const struct store *store, const char *name, struct err *e)
{
    struct image i = {.lock_fd = -1};
    char *full = NULL;
    int r = image_find(store, name, &i, e);

    if (r < 0) {
        return err_exit(e, r == -ENOENT ? EXITCODE_NO_SUCH : 0);
    }
    full = xstrdup(i.name);
    image_done(&i); /* its shared lock would keep record_remove() waiting for ourselves */
    r = record_remove(store, full, e);
    if (r == 0) {
        (void)printf("Untagged: %s\n", full);
    }
    free(full);
    return r;
}

static int rmi(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct rmi_options *o = options;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    for (int i = 0; r == 0 && i < argc; i++) {
        r = remove_image(store, argv[i], e);
        if (r == -ENOENT && o->ignore) {
            err_clear(e);
            r = 0;
        }
    }
    return r;
}
