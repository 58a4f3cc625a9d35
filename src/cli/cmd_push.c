/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/registry_options.h"
#include "image/pull.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct push_options {
    struct registry_options registry;
    char *digestfile;
    int no_signatures;
};

static const struct opt OPTIONS[] = {
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct push_options, registry.quiet), "say nothing",
     NULL},
    {"digestfile", 0, "FILE", OPT_STRING, offsetof(struct push_options, digestfile),
     "write the manifest's digest there", NULL},
    {"remove-signatures", 0, NULL, OPT_FLAG, offsetof(struct push_options, no_signatures),
     "send no signatures, which is never done", NULL},
    {"disable-content-trust", 0, NULL, OPT_FLAG, offsetof(struct push_options, no_signatures),
     "the same", NULL},
    REGISTRY_ACCESS_ROWS(struct push_options, registry),
    {0},
};

#define AS_THEY_ARE "the bytes, and so the digests, are those that came in"

static const struct opt_refused REFUSED[] = {
    {"all", 0, "other platforms' images are not in the store"},
    {"sign-by-sigstore-private-key", 0, NULL},
    {"sign-passphrase-file", 0, NULL},
    {"compress", 0, AS_THEY_ARE},
    {"compression-format", 0, AS_THEY_ARE},
    {"compression-level", 0, AS_THEY_ARE},
    {"encrypt-layer", 0, NULL},
    {"encryption-key", 0, NULL},
    {"force-compression", 0, AS_THEY_ARE},
    {"format", 'f', AS_THEY_ARE},
    {"retry", 0, "it always is"},
    {"retry-delay", 0, "it always is, later each time"},
    {"sign-by", 0, NULL},
    {0}};

static int push(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_push = {
    .names = {"push", "image push"},
    .group = CMD_IMAGES,
    .summary = "send an image to a registry",
    .usage = "[options] IMAGE [DESTINATION]",
    .description =
        "Blobs that the registry has, under this repository or another that an image here came\n"
        "from, are not sent again.",
    .examples = "rbox push registry.example.com/team/app:1.2\n"
                "rbox push busybox localhost:5000/busybox:mine\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct push_options),
    .min_args = 1,
    .max_args = 2,
    .run = push,
};

static int push(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct push_options *o = options;
    struct pull_options pull_options = {0};
    struct progress p = {0};
    autofree char *digest = NULL;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    r = r < 0 ? r : registry_options_read(&o->registry, &p, &pull_options, e);
    r = r < 0 ? r
              : image_push(store, argv[0], argc > 1 ? argv[1] : NULL, &pull_options, &digest, e);
    progress_done(&p);
    if (r == 0) {
        events_add(store, "image", "push", digest, argv[0]);
    }
    if (r == 0 && o->digestfile != NULL) {
        r = file_write(AT_FDCWD, o->digestfile, digest, strlen(digest), 0, e);
    }
    return r;
}
