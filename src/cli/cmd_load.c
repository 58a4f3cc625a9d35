/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/image_use.h"
#include "cli/unpacking_options.h"
#include "image/load.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct load_options {
    char *input;
    char *platform;
    int quiet;
    struct unpacking unpacking;
};

#define FIELD(name) offsetof(struct load_options, name)

static const struct opt OPTIONS[] = {
    {"input", 'i', "FILE", OPT_STRING, FIELD(input),
     "an archive, or the folder of an OCI layout (default: standard input)", NULL},
    {"platform", 0, "OS/ARCH[/VARIANT]", OPT_STRING, FIELD(platform),
     "of images for several kinds of machines, the one for this (default: this machine)", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "do not print the names of the images", NULL},
    UNPACKING_ROWS(FIELD(unpacking)),
    {0},
};

static const struct opt_refused REFUSED[] = {{"signature-policy", 0, NULL}, {0}};

static int load(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_load = {
    .names = {"load", "image load"},
    .group = CMD_IMAGES,
    .summary = "load images from an archive",
    .usage = "[options]",
    .description =
        "Takes what docker save, podman save and skopeo write: docker-archive, oci-archive (gzip,\n"
        "xz, zstd or bzip2 around them is fine) and folders: OCI layouts, and those of the dir: "
        "transport.",
    .examples = "rbox load -i image.tar.gz\n"
                "rbox load --platform linux/arm64 -i multi.tar\n"
                "docker save alpine | rbox load\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct load_options),
    .run = load,
};

static int load_stdin(const struct store *store, const struct platform *p, struct strv *ret_names,
                      struct err *e)
{
    if (isatty(STDIN_FILENO)) {
        (void)err_new(e, EINVAL, "standard input is a terminal, not an archive");
        return err_hint(e, "rbox load -i FILE");
    }
    return load_archive(store, STDIN_FILENO, p, ret_names, e);
}

static int load(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct load_options *o = options;
    autostrv struct strv names = {0};
    struct platform p = {0};
    struct store *store = NULL;
    int r = 0;

    (void)argc;
    (void)argv;
    if (o->platform != NULL && platform_parse(o->platform, &p, e) < 0) {
        return err_wrap(e, "--platform");
    }
    r = ctx_store(ctx, &store, e);
    if (r == 0) {
        store->unpacking = o->unpacking;
        r = o->input != NULL ? load_from(store, o->input, &p, &names, e)
                             : load_stdin(store, &p, &names, e);
        r = image_use_brought(store, r);
    }
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        events_add(store, "image", "loadfromarchive", NULL, names.v[i]);
        if (!o->quiet) {
            (void)printf("Loaded image: %s\n", names.v[i]);
        }
    }
    return r;
}
