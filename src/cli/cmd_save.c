/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/parse.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "image/save.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct save_options {
    char *output;
    enum save_format format;
    int quiet;
    int multi;
};

static int parse_format(const char *value, void *field, struct err *e);

#define FIELD(name) offsetof(struct save_options, name)

static const struct opt OPTIONS[] = {
    {"output", 'o', "FILE", OPT_STRING, FIELD(output),
     "where to write (default: standard output), for folders needed", NULL},
    {"format", 0, "FORMAT", OPT_PARSE, FIELD(format),
     "docker-archive (the default), oci-archive, or folders: oci-dir, docker-dir", parse_format},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "say nothing, as it does anyway", NULL},
    {"multi-image-archive", 'm', NULL, OPT_FLAG, FIELD(multi),
     "several images, which is always understood", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"compress", 0, "rbox save … | gzip"},
                                             {"uncompressed", 0, NULL},
                                             {"signature-policy", 0, NULL},
                                             {0}};

static int save(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_save = {
    .names = {"save", "image save"},
    .group = CMD_IMAGES,
    .summary = "write images to an archive or a folder",
    .usage = "[options] IMAGE [IMAGE…]",
    .description = "The bytes, and so the digests, are those that came in.",
    .examples = "rbox save -o box.tar busybox\n"
                "rbox save --format oci-dir -o layout busybox alpine\n"
                "rbox save busybox | docker load\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct save_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = save,
};

static int parse_format(const char *value, void *field, struct err *e)
{
    static const char *const NAMES[] = {[SAVE_DOCKER_ARCHIVE] = "docker-archive",
                                        [SAVE_OCI_ARCHIVE] = "oci-archive",
                                        [SAVE_OCI_DIR] = "oci-dir",
                                        [SAVE_DOCKER_DIR] = "docker-dir",
                                        NULL};
    int found = 0;
    int r = parse_word(value, NAMES, &found, e);

    if (r == 0) {
        *(enum save_format *)field = (enum save_format)found;
    }
    return r;
}

static int save(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct save_options *o = options;
    struct save_request q = {.format = o->format,
                             .names = argv,
                             .count = (size_t)argc,
                             .out_fd = STDOUT_FILENO,
                             .path = o->output};
    int is_dir = o->format == SAVE_OCI_DIR || o->format == SAVE_DOCKER_DIR;
    struct output out = {0};
    struct store *store = NULL;
    int r = 0;

    if (is_dir && o->output == NULL) {
        return err_new(e, EINVAL, "a folder needs a name: --output");
    }
    if (o->format == SAVE_DOCKER_DIR && argc > 1) {
        return err_new(e, EINVAL, "docker-dir takes one image");
    }
    if (ctx_store(ctx, &store, e) < 0) {
        return -e->errnum;
    }
    if (is_dir) {
        r = save_images(store, &q, e);
    } else {
        r = output_begin(o->output, "rbox save", &out, e);
        q.out_fd = out.fd;
        r = r < 0 ? r : output_end(&out, save_images(store, &q, e), e);
    }
    for (int i = 0; r == 0 && i < argc; i++) {
        events_add(store, "image", "save", NULL, argv[i]);
    }
    return r;
}
